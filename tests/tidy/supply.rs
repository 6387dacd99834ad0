//! What may come in, as `deny.toml` says: licenses, banned crates, the one registry.

use std::collections::BTreeMap;

use super::tree::{metadata, root, text};

/// The lists of `deny.toml` that are checked here.
struct Deny {
    licenses: Vec<String>,
    /// Crate to further license.
    exceptions: BTreeMap<String, String>,
    banned: Vec<String>,
    registries: Vec<String>,
}

/// The quoted strings of a line, in order.
fn quoted(line: &str) -> Vec<String> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

impl Deny {
    /// Reads the few line shapes the file uses; the assertions keep it honest when they change.
    fn read() -> Self {
        let text = fs_err::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
        let line_of = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start));
            quoted(line.unwrap_or_else(|| panic!("deny.toml has a line {start}")))
        };
        let entries = |marker: &str| {
            let lines = text.lines().map(str::trim);
            let entries =
                lines.filter(|line| line.starts_with("{ crate =") && line.contains(marker));
            entries.map(quoted).collect::<Vec<_>>()
        };
        let banned: Vec<_> = entries("reason =")
            .into_iter()
            .map(|mut entry| entry.remove(0))
            .collect();
        let exceptions = entries("allow =").into_iter().map(|mut entry| {
            let license = entry.remove(1);
            (entry.remove(0), license)
        });
        let exceptions: BTreeMap<_, _> = exceptions.collect();
        let all = text
            .lines()
            .filter(|line| line.trim().starts_with("{ crate ="))
            .count();
        assert_eq!(
            all,
            banned.len() + exceptions.len(),
            "every entry is understood"
        );
        Self {
            licenses: line_of("allow = "),
            exceptions,
            banned,
            registries: line_of("allow-registry = "),
        }
    }
}

/// Whether an SPDX expression holds when exactly the licenses in `allowed` are acceptable.
fn is_acceptable(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let holds = any_of(&mut rest, allowed);
    assert!(rest.is_empty(), "not understood: {expression}");
    holds
}

fn any_of(tokens: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = all_of(tokens, allowed);
    while let ["OR", rest @ ..] = *tokens {
        *tokens = rest;
        holds |= all_of(tokens, allowed);
    }
    holds
}

fn all_of(tokens: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = one_of(tokens, allowed);
    while let ["AND", rest @ ..] = *tokens {
        *tokens = rest;
        holds &= one_of(tokens, allowed);
    }
    holds
}

fn one_of(tokens: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    match *tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let holds = any_of(tokens, allowed);
            *tokens = tokens.strip_prefix(&[")"]).expect("parentheses pair");
            holds
        }
        [license, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            allowed(&format!("{license} WITH {exception}"))
        }
        [license, rest @ ..] => {
            *tokens = rest;
            allowed(license)
        }
        [] => panic!("an expression names a license"),
    }
}

#[test]
fn every_dependency_is_one_we_may_use() {
    let deny = Deny::read();
    // Of the host's packages only: others are not downloaded, and never built.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = metadata(&["--all-features", "--filter-platform", &host]);
    let ours = metadata["workspace_members"].as_array().expect("members");
    let mut looked_at = 0;
    let mut used_exceptions = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        if ours.contains(&package["id"]) {
            continue;
        }
        looked_at += 1;
        let (name, source) = (text(package, "name"), text(package, "source"));
        assert!(
            !deny.banned.iter().any(|banned| banned == name),
            "{name} is banned"
        );
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        assert!(
            deny.registries.iter().any(|known| known == registry),
            "{name} from {source}"
        );
        let license = text(package, "license");
        let exception = deny.exceptions.get(name);
        let acceptable = is_acceptable(license, &|one| {
            deny.licenses.iter().any(|known| known == one) || exception.is_some_and(|e| e == one)
        });
        assert!(acceptable, "{name} is licensed as {license:?}");
        used_exceptions.extend(exception.map(|_| name.to_owned()));
    }
    assert!(looked_at > 50, "only {looked_at} dependencies seen");
    used_exceptions.sort();
    let listed: Vec<_> = deny.exceptions.into_keys().collect();
    assert_eq!(
        listed, used_exceptions,
        "an exception whose reason is gone goes too"
    );
}

/// Other platforms' packages are in the lock file as well.
#[test]
fn the_lock_file_names_nothing_banned_and_no_other_source() {
    let deny = Deny::read();
    let lock = fs_err::read_to_string(root().join("Cargo.lock")).expect("the lock is committed");
    for name in lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = "))
        .flat_map(quoted)
    {
        assert!(!deny.banned.contains(&name), "{name} is banned");
    }
    for source in lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .flat_map(quoted)
    {
        let registry = source.strip_prefix("registry+").unwrap_or(&source);
        assert!(
            deny.registries.iter().any(|known| known == registry),
            "{source}"
        );
    }
}

#[test]
fn license_expressions_are_read_as_written() {
    let permissive = |license: &str| ["MIT", "Apache-2.0"].contains(&license);
    for (expression, wanted) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
    ] {
        assert_eq!(
            is_acceptable(expression, &permissive),
            wanted,
            "{expression}"
        );
    }
}
