//! What `policies/README.md` says of keys and findings is what there is.

use super::support::builtin;
use crate::policy::{BUILTIN_PACKS, FINDING_CODES, FindingKind, Policy, pack_schema};

const README: &str = include_str!("../../../../policies/README.md");

#[test]
fn every_finding_is_explained() {
    let rows = FINDING_CODES.iter().map(|one| {
        let weighs = match one.kind {
            FindingKind::Containment => "refuses",
            FindingKind::Governance => "warns; refuses with `mode: enforce`",
            FindingKind::Notice => "warns",
            FindingKind::Remark => "tells",
        };
        let granted = if one.grantable { "yes" } else { "" };
        let (about, remedy) = (one.about, one.remedy);
        format!(
            "| `{}` | {weighs} | {granted} | {about} {remedy} |\n",
            one.code
        )
    });
    let table: String = rows.collect();
    assert!(
        README.ends_with(&table),
        "policies/README.md should end with\n{table}"
    );
}

#[test]
fn the_file_of_a_policy_has_a_schema() {
    let schema = schemars::schema_for!(Policy);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for name in BUILTIN_PACKS {
        let file: serde_json::Value = serde_json::from_slice(&builtin(name).to_json()).unwrap();
        let wrong: Vec<_> = validator
            .iter_errors(&file)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
        assert_eq!(file["schema"], "orchestra.policy/v1");
        let mut other = file;
        other["schema"] = "orchestra.other/v1".into();
        assert!(!validator.is_valid(&other));
    }
}

#[test]
fn every_key_is_explained() {
    let schema = pack_schema();
    let mut keys = Vec::new();
    leaves(&schema, "", &mut keys);
    assert!(keys.len() > 30);
    for (path, name) in keys {
        let rows = README.lines().filter(|line| line.starts_with("| `"));
        let group = path.split(['.', '[']).next().unwrap_or_default();
        let mut rows = rows.map(|row| row.split('|').nth(1).unwrap_or_default());
        let is_there = rows.any(|cell| cell.contains(&format!("`{group}")) && cell.contains(&name));
        assert!(is_there, "{path} is not in policies/README.md");
    }
}

/// Every key that holds no map of known keys, with its path.
fn leaves(schema: &serde_json::Value, path: &str, keys: &mut Vec<(String, String)>) {
    let inner = [
        &schema["properties"],
        &schema["items"]["properties"],
        &schema["additionalProperties"]["properties"],
    ];
    let either = schema["items"]["anyOf"].as_array().into_iter().flatten();
    let inner = inner
        .into_iter()
        .chain(either.map(|one| &one["properties"]));
    let mut is_leaf = true;
    for (name, property) in inner.filter_map(|one| one.as_object()).flatten() {
        is_leaf = false;
        let dot = if path.is_empty() { "" } else { "." };
        leaves(property, &format!("{path}{dot}{name}"), keys);
    }
    if is_leaf {
        let name = path.rsplit('.').next().unwrap_or_default().to_owned();
        keys.push((path.to_owned(), name));
    }
}
