//! Commands and scenarios in the documents: every one parses, the README's first command and its
//! example run.

use std::process::Command;

use crate::docs::text::{blocks, inline_code, read, root, shell_lines};
use crate::support::Place;

/// Documents that a person types from.
const DOCUMENTS: [&str; 11] = [
    "docs/README.md",
    "docs/best-practices.md",
    "docs/commands.md",
    "docs/failures.md",
    "docs/scenario.md",
    "docs/settings.md",
    "README.md",
    "CHANGELOG.md",
    "runs/README.md",
    "scenarios/README.md",
    "ARCHITECTURE.md",
];

/// How the README starts the binary before there is one.
const BUILD_AND: &str = "cargo run --release -- ";

/// Every command line of ours in a document, without the program's name.
fn commands(document: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let lines = shell_lines(&text).into_iter().chain(inline_code(&text));
    // Of a line of shell, each command without where its output goes.
    let commands = lines.into_iter().flat_map(|line| {
        let line = line.split(" #").next().unwrap_or_default().to_owned();
        let parts = line.split("&&").map(|part| part.split(" > ").next());
        let parts = parts
            .flatten()
            .map(|part| part.trim().replace(" VERB", " run"));
        parts.collect::<Vec<_>>()
    });
    let ours = commands.filter_map(|line| {
        line.strip_prefix("orchestra ")
            .or(line.strip_prefix(BUILD_AND))
            .map(str::to_owned)
    });
    ours.map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[test]
fn every_command_in_the_documents_is_one_of_this_build() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for command in commands(document) {
            let words = std::iter::once("orchestra").chain(command.iter().map(String::as_str));
            // A command that is only named may lack its arguments; a wrong word may not pass.
            use clap::error::ErrorKind as Kind;
            let refused = l1_orchestrator::tree().try_get_matches_from(words).err();
            let is_named = |kind| {
                [
                    Kind::DisplayHelp,
                    Kind::DisplayVersion,
                    Kind::MissingRequiredArgument,
                ]
                .contains(&kind)
            };
            assert!(
                refused.as_ref().is_none_or(|error| is_named(error.kind())),
                "{document}: `orchestra {}`: {}",
                command.join(" "),
                refused.unwrap()
            );
            seen += 1;
        }
    }
    assert!(seen >= 5, "the documents name {seen} commands");
}

#[test]
fn the_readme_names_every_verb() {
    let readme = read("README.md");
    let named = inline_code(&readme);
    for verb in l1_orchestrator::tree().get_subcommands() {
        let name = verb.get_name();
        assert!(
            verb.is_hide_set() || named.iter().any(|code| code == name),
            "{name}"
        );
    }
}

/// In a fresh clone, as far as the command can tell: a repository with what the README needs.
#[test]
fn the_first_command_of_the_readme_runs() {
    let first = shell_lines(&read("README.md")).remove(0);
    let args = first
        .strip_prefix(BUILD_AND)
        .expect("the first command builds and runs");
    let place = Place::with("README.md", read("README.md"));
    for entry in fs_err::read_dir(root().join("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = format!("scenarios/{}", path.file_name().unwrap().to_str().unwrap());
            place.write(&name, fs_err::read(path).unwrap());
        }
    }
    let git = "git init -q -b main . && git add . && git -c user.name=a -c user.email=a@example.org \
               -c commit.gpgsign=false commit -qm first";
    let status = Command::new("sh")
        .args(["-c", git])
        .current_dir(place.work())
        .env("HOME", place.dir("home"))
        .status();
    assert!(status.unwrap().success());

    let outcome = place
        .orchestra(args.split(' '))
        .unredacted()
        .run()
        .expect(0);
    let dir = place.run_dir();
    let name = dir.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        outcome.stdout.trim_end(),
        format!("runs/{name}"),
        "where the run directory is"
    );
    assert!(place.run_file("report.md").contains("PASSED"));
    let page = place.run_file("artifacts/report/audit.md");
    assert!(page.contains("- Commits reachable from it: 1"), "{page}");
    assert!(dir.join("artifacts/report/repo-audit.tar.gz").is_file());
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn the_other_command_of_the_readme_is_in_the_tree() {
    let lines = shell_lines(&read("README.md"));
    assert_eq!(lines.len(), 2, "two commands and no more: {lines:?}");
    assert!(root().join(&lines[1]).is_file(), "{}", lines[1]);
}

#[test]
fn the_scenario_of_the_readme_runs() {
    let scenarios = blocks(&read("README.md"), "yaml");
    assert_eq!(scenarios.len(), 1);
    let place = Place::with("word-count.yaml", &scenarios[0]);
    let valid = place
        .orchestra(["validate", "word-count.yaml"])
        .run()
        .expect(0);
    assert!(!valid.stderr.contains("warning"), "{}", valid.render());
    place.orchestra(["run", "word-count.yaml"]).run().expect(0);
    let ranked = place.run_file("artifacts/rank/ranked.txt");
    let words: Vec<_> = ranked.lines().map(str::trim).collect();
    let expected = ["2 to", "2 rose", "2 be", "2 a", "1 or", "1 not", "1 is"];
    assert_eq!(words, expected);
}
