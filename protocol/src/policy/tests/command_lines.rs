//! A table of command lines with what is decided about each, `command_lines.txt`.

use crate::policy::{Pack, Policy, Ruling, Site, builtin_pack};

use super::super::examples::words;
use super::support::builtin;

fn site() -> Site {
    let cargo = "/home/u/.cargo/bin";
    Site {
        root: Some("/p".into()),
        home: Some("/home/u".into()),
        found: [(cargo.to_owned(), vec![cargo.to_owned()])].into(),
        ..Site::default()
    }
}

/// `git ok, rm not-listed + sh unread`.
fn decision(policy: &Policy, line: &str) -> String {
    let (line, real) = match line.split_once(" => ") {
        Some((line, real)) => (line, Some(real)),
        None => (line, None),
    };
    let words = words(&line.replace('⏎', "\n")).unwrap();
    // `?` is an argument that is not known before the run.
    let argv: Vec<_> = words
        .iter()
        .map(|word| Some(word.as_str()).filter(|word| *word != "?"))
        .collect();
    let admission = policy.admit(&argv, real, &site());
    let programs = admission.programs.iter().map(|one| {
        let word = match &one.ruling {
            Ruling::Allowed => "ok",
            Ruling::NotListed => "not-listed",
            Ruling::Arguments { .. } => "arguments",
            Ruling::Open => "open",
            Ruling::Outside => "outside",
            Ruling::InWorkspace => "workspace",
            Ruling::Privileged => "privileged",
            Ruling::Missing => "missing",
        };
        format!("{} {word}", one.program)
    });
    let programs: Vec<_> = programs.collect();
    let unread = admission
        .unread
        .map(|shell| format!(" + {shell} unread"))
        .unwrap_or_default();
    format!("{}{unread}", programs.join(", "))
}

#[test]
fn every_command_line_is_decided_as_the_table_says() {
    let mut of = builtin("default");
    let mut seen = 0;
    let mut wrong = Vec::new();
    let table = include_str!("command_lines.txt");
    for row in table
        .lines()
        .filter(|row| !row.is_empty() && !row.starts_with('#'))
    {
        if let Some(pack) = row.strip_prefix("pack ") {
            of = builtin(pack);
            continue;
        }
        let (line, expected) = row
            .split_once("  ->")
            .unwrap_or_else(|| panic!("no decision: {row}"));
        let decision = decision(&of, line.trim_end());
        if decision.trim() != expected.trim() {
            wrong.push(format!("{line}  -> {decision}"));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "decided otherwise:\n{}", wrong.join("\n"));
    assert!(seen >= 100, "{seen}");
}

#[test]
fn rules_of_the_packs_hold_against_their_examples() {
    let mut seen = 0;
    for name in crate::policy::BUILTIN_PACKS {
        let pack = Pack::parse(name, builtin_pack(name).unwrap().as_bytes()).unwrap();
        for result in pack.test() {
            assert_eq!(
                (result.problem.as_deref(), result.passes),
                (None, result.expected),
                "{}",
                result.line
            );
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn examples_that_do_not_hold_are_told() {
    let text = r#"
version: 1
pack: x
programs:
  - program: git
    args: { allow: [status, log], deny: [--output*] }
    examples:
      match: [git push, git status, git log --output=x, "git 'log", ls]
      no_match: [git status, git push]
"#;
    let pack = Pack::parse("x", text.as_bytes()).unwrap();
    let problems: Vec<_> = pack
        .test()
        .into_iter()
        .map(|one| (one.line, one.problem))
        .collect();
    let expected = [
        ("git push", Some("no pattern allows it")),
        ("git status", None),
        ("git log --output=x", Some("`--output*` denies it")),
        ("git 'log", Some("a quote is left open")),
        (
            "ls",
            Some("it starts `ls`, which is no matter of this rule"),
        ),
        ("git status", Some("the rule lets it pass")),
        ("git push", None),
    ];
    let expected = expected.map(|(line, said)| (line.to_owned(), said.map(str::to_owned)));
    assert_eq!(problems, expected);
}
