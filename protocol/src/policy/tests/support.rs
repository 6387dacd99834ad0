//! Policies, sites and plans for tests.

use std::path::Path;

use crate::plan::Plan;
use crate::policy::{Pack, Policy, Site, builtin_pack};
use crate::scenario;

/// A pack of this build.
pub(super) fn builtin(name: &str) -> Policy {
    Policy::from_pack(&pack(builtin_pack(name).unwrap()))
}

pub(super) fn pack(text: &str) -> Pack {
    Pack::parse("p.yaml", text.as_bytes()).unwrap()
}

/// A tree at /p, a home, runs within the tree, and cargo in the home.
pub(super) fn site() -> Site {
    let exists = |path: &str| (path.to_owned(), vec![path.to_owned()]);
    Site {
        root: Some("/p".into()),
        home: Some("/home/u".into()),
        runs: Some("/p/runs".into()),
        found: [
            exists("/home/u/.cargo/bin"),
            exists("/home/u/.cargo/registry"),
        ]
        .into(),
    }
}

/// A scenario's plan, with the scenarios it uses.
pub(super) fn plan(text: &str, nested: &[(&str, &str)]) -> Plan {
    let mut read = |path: &str| {
        let (_, text) = nested
            .iter()
            .find(|(name, _)| *name == path)
            .expect("a nested scenario");
        Ok(scenario::NestedBytes {
            name: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        })
    };
    let mut surroundings = scenario::Surroundings {
        root: Path::new("/p"),
        path: "s.yaml",
        read: &mut read,
    };
    let parsed = scenario::load("s.yaml", text.as_bytes(), &mut surroundings);
    let said: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|one| one.line(&parsed.source))
        .collect();
    let scenario = parsed.scenario.unwrap_or_else(|| panic!("{said:?}"));
    let inputs = scenario
        .resolve(&[], Path::new("/p"), Path::new("/p"))
        .unwrap();
    scenario.plan(inputs).unwrap()
}
