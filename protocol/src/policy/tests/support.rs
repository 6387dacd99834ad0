//! Policies, sites and plans for tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ids::TaskId;
use crate::plan::{Plan, Workspace};
use crate::policy::{
    Constraints, Effects, Finding, Pack, Policy, Site, TaskAsk, Timeout, Verdict, builtin_pack,
};
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
        ..Site::default()
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

pub(super) fn id(text: &str) -> TaskId {
    text.parse().unwrap()
}

/// A task that asks for nothing but to run `true`.
pub(super) fn ask<'a>(id: &'a TaskId, effects: &'a Effects) -> TaskAsk<'a> {
    TaskAsk {
        id,
        argv: vec![Some("true")],
        real_program: None,
        env: BTreeSet::new(),
        workspace: Workspace::Scratch,
        effects,
        secrets: &[],
        timeout: Timeout::default(),
    }
}

pub(super) fn effects(read: Option<&[&str]>, write: Option<&[&str]>) -> Effects {
    let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    Effects {
        read: read.map(texts),
        write: write.map(texts),
        ..Effects::default()
    }
}

pub(super) fn constraints(
    policy: &Policy,
    workspace: Workspace,
    effects: &Effects,
) -> Result<Constraints, Finding> {
    let id = id("a");
    let ask = TaskAsk {
        workspace,
        ..ask(&id, effects)
    };
    policy.constraints(&ask, &site())
}

pub(super) fn codes(verdict: &Verdict) -> Vec<String> {
    let said = verdict.findings.iter().map(|finding| {
        let task = finding
            .task
            .as_ref()
            .map(|task| format!("{task} "))
            .unwrap_or_default();
        format!("{task}{} {}", finding.severity.as_str(), finding.code)
    });
    said.collect()
}
