//! Wrong scenarios and the whole of what is said about each: `refusals.txt` holds the cases.

use std::fmt::Write as _;

use super::parse;
use super::words::SCENARIO;
use super::words_task::TASK;

/// `line:column code: message | help` for every diagnostic, a line each.
pub(super) fn said(source: &str) -> String {
    let parsed = parse("case.yaml", source.as_bytes());
    assert_eq!(
        parsed.scenario.is_none(),
        parsed.diagnostics.iter().any(|found| found.is_error())
    );
    let mut lines = String::new();
    for found in &parsed.diagnostics {
        let at = found
            .span
            .expect("every diagnostic of a scenario has a place");
        let at = parsed.source.location(at.start);
        let help = found
            .help
            .as_ref()
            .map(|help| format!(" | {help}"))
            .unwrap_or_default();
        writeln!(
            lines,
            "{}:{} {}: {}{help}",
            at.line, at.column, found.code, found.message
        )
        .expect("memory");
    }
    lines
}

#[test]
fn every_refusal_is_as_written() {
    let cases: Vec<&str> = include_str!("refusals.txt").split("=====\n").collect();
    assert!(cases.len() > 60);
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
