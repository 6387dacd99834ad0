//! Wrong scenarios and the whole of what is said about each: `refusals.txt` holds the cases,
//! `refusals_policy.txt` those of secrets, `policy` and `effects`, `refusals_nested.txt` those of several
//! files, `refusals_prompt.txt` those of questions to a model.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::diagnostic::Diagnostic;

use super::words::SCENARIO;
use super::words_task::TASK;
use super::{NestedBytes, Parsed, Surroundings, load, parse};

/// `line:column code: message | help` for every diagnostic, a line each.
pub(super) fn said(source: &str) -> String {
    said_of(&parse("case.yaml", source.as_bytes()))
}

/// The same of a scenario with files beside it, each behind a line `--- path`; their problems have the
/// file in front.
fn said_with_files(source: &str) -> String {
    said_of(&load_with_files(source))
}

pub(super) fn load_with_files(source: &str) -> Parsed {
    let mut parts = source.split("--- ");
    let first = parts.next().expect("a split has a first part");
    let files: BTreeMap<&str, &str> = parts
        .map(|part| part.split_once('\n').expect("a path and a text"))
        .collect();
    let mut read = |path: &str| match files.get(path) {
        Some(text) => Ok(NestedBytes {
            name: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }),
        None => {
            let message = format!("there is no file {path}");
            Err(Diagnostic::error("scenario-unreadable", message).into())
        }
    };
    let mut surroundings = Surroundings {
        root: Path::new("/root"),
        path: "case.yaml",
        read: &mut read,
    };
    load("case.yaml", first.as_bytes(), &mut surroundings)
}

fn said_of(parsed: &Parsed) -> String {
    assert_eq!(
        parsed.scenario.is_none(),
        parsed.diagnostics.iter().any(|found| found.is_error())
    );
    let mut lines = String::new();
    for found in &parsed.diagnostics {
        let source = found.source_or(&parsed.source);
        let span = found.span;
        let at = span.expect("every diagnostic of a scenario has a place");
        let at = source.location(at.start);
        let file = found
            .source
            .as_ref()
            .map(|source| format!("{} ", source.name()));
        let help = found.help.as_ref().map(|help| format!(" | {help}"));
        writeln!(
            lines,
            "{}{}:{} {}: {}{}",
            file.unwrap_or_default(),
            at.line,
            at.column,
            found.code,
            found.message,
            help.unwrap_or_default()
        )
        .expect("memory");
    }
    lines
}

fn compare(text: &str, least: usize, said: impl Fn(&str) -> String) {
    let cases: Vec<&str> = text.split("=====\n").collect();
    assert!(cases.len() >= least, "{}", cases.len());
    let mut wrong = String::new();
    for case in cases {
        let (source, expected) = case.split_once("-----\n").expect("a case has two parts");
        let found = said(source);
        if found != expected {
            write!(wrong, "{source}-----\n{found}=====\n").expect("memory");
        }
    }
    assert!(wrong.is_empty(), "these came out differently:\n{wrong}");
}

#[test]
fn every_refusal_is_as_written() {
    compare(include_str!("refusals.txt"), 160, said);
}

#[test]
fn every_refusal_of_rules_is_as_written() {
    compare(include_str!("refusals_policy.txt"), 28, said);
}

#[test]
fn every_refusal_of_several_files_is_as_written() {
    compare(include_str!("refusals_nested.txt"), 16, said_with_files);
}

#[test]
fn every_refusal_of_questions_is_as_written() {
    compare(include_str!("refusals_prompt.txt"), 30, said_with_files);
}

#[test]
fn words_of_other_tools_name_the_fix() {
    for (word, fix) in SCENARIO.hints {
        let found = said(&format!("{word}: 1\ntasks: {{ a: {{ run: x }} }}\n"));
        assert_eq!(
            found,
            format!("1:1 unknown-key: a scenario has no key `{word}` | {fix}\n")
        );
    }
    for (word, fix) in TASK.hints {
        let found = said(&format!("tasks:\n  a:\n    run: x\n    {word}: 1\n"));
        assert_eq!(
            found,
            format!("4:5 unknown-key: a task has no key `{word}` | {fix}\n")
        );
    }
}

#[test]
fn words_without_an_engine_are_unsupported_yet() {
    for word in SCENARIO.later {
        let found = said(&format!("{word}: 1\ntasks: {{ a: {{ run: x }} }}\n"));
        assert!(found.starts_with(&format!(
            "1:1 unsupported-yet: `{word}` is not supported yet | "
        )));
    }
    for word in TASK.later {
        let found = said(&format!("tasks:\n  a:\n    run: x\n    {word}: 1\n"));
        assert!(found.starts_with(&format!(
            "4:5 unsupported-yet: `{word}` is not supported yet | "
        )));
    }
}

#[test]
fn aliases_are_read_as_what_they_stand_for() {
    for (alias, canonical) in TASK.aliases {
        let found = said(&format!(
            "tasks:\n  a:\n    run: x\n    {alias}: {{ x: 1 }}\n"
        ));
        let expected = match TASK.position(canonical) {
            Some(_) => format!("4:5 alias: `{alias}` is read as `{canonical}`\n"),
            None => format!(
                "4:5 unsupported-yet: `{alias}` is not supported yet | this build does not have `{canonical}`; remove the key\n"
            ),
        };
        assert!(found.starts_with(&expected), "{found}");
        let both = format!("tasks:\n  a: {{ run: x, {canonical}: [], {alias}: [] }}\n");
        let twice = format!("`{alias}` is another word for `{canonical}`, which is given, too");
        assert!(TASK.position(canonical).is_none() || said(&both).contains(&twice));
    }
}
