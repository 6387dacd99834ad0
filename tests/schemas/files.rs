//! Files of a run directory, and the scenarios that ship.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::schemas::published::{check, validator};
use crate::support::Place;

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let paths = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    assert!(found.len() >= 5, "{found:?}");
    found
}

fn as_json(path: &Path) -> Value {
    serde_saphyr::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// Runs a shipped scenario to whatever end it has.
fn ran(name: &str, inputs: &[&str]) -> Place {
    let place = Place::new();
    let file = shipped()
        .into_iter()
        .find(|path| path.ends_with(name))
        .unwrap();
    let mut args = vec!["run", file.to_str().unwrap()];
    inputs.iter().for_each(|input| args.extend(["-i", input]));
    let code = place.orchestra(args).run().code;
    assert!([0, 1].contains(&code), "{name}: {code}");
    place
}

fn runs() -> Vec<Place> {
    let some = [
        ("diamond.yaml", &["words=10"][..]),
        ("flaky.yaml", &[]),
        ("flaky.yaml", &["failures=3"]),
        ("timeout.yaml", &["patience=60"]),
    ];
    some.iter()
        .map(|(name, inputs)| ran(name, inputs))
        .collect()
}

#[test]
fn every_line_of_real_journals_is_an_event() {
    let validator = validator("events");
    let mut types = std::collections::BTreeSet::new();
    for place in runs() {
        for line in place.run_file("events.jsonl").lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            check(&validator, &event);
            types.insert(event["type"].as_str().unwrap().to_owned());
            // Every key is needed, but what is left out when empty or is newer than some journals.
            for key in event.as_object().unwrap().keys() {
                let mut poorer = event.clone();
                poorer.as_object_mut().unwrap().remove(key);
                let is_needed = !validator.is_valid(&poorer);
                let may_lack = [
                    "outputs",
                    "artifacts",
                    "tolerated",
                    "because",
                    "policy_file",
                    "run_file",
                ];
                assert!(
                    is_needed || may_lack.contains(&key.as_str()),
                    "{key} of {line}"
                );
            }
        }
    }
    assert!(types.len() >= 11, "{types:?}");
}

#[test]
fn every_shipped_scenario_fits_the_schema_and_a_misspelled_key_does_not() {
    let validator = validator("scenario");
    for path in shipped() {
        let scenario = as_json(&path);
        check(&validator, &scenario);
        let mut wrong = scenario.clone();
        let tasks = wrong["tasks"].as_object_mut().unwrap();
        let first = tasks.values_mut().next().unwrap().as_object_mut().unwrap();
        first.insert("retires".into(), json!(2));
        assert!(!validator.is_valid(&wrong), "{}", path.display());
        let mut wrong = scenario;
        wrong
            .as_object_mut()
            .unwrap()
            .insert("nmae".into(), json!("x"));
        assert!(!validator.is_valid(&wrong), "{}", path.display());
    }
}

/// What machines read besides the journal. Closed: a key that is added or renamed is added here.
#[test]
fn other_files_of_a_run_directory_keep_their_shape() {
    let shapes = include_str!("files.yaml");
    let shapes: Value = serde_saphyr::from_str(shapes).unwrap();
    let shape = |name: &str| {
        let mut schema = shapes[name].clone();
        schema["definitions"] = shapes["definitions"].clone();
        jsonschema::validator_for(&schema).unwrap()
    };
    for place in runs() {
        for (file, name) in [
            ("run.json", "run"),
            ("artifacts.json", "artifacts"),
            ("report.json", "report"),
        ] {
            let value: Value = serde_json::from_str(&place.run_file(file)).unwrap();
            check(&shape(name), &value);
            assert_eq!(value["schema"], format!("orchestra.{name}/v1"));
        }
    }
}
