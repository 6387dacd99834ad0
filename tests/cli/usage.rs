//! Command lines that are wrong: the nearest name, one remedy, no dump, exit 2.

use insta::assert_snapshot;

use crate::support::Place;

fn wrong(args: &[&str]) -> String {
    let outcome = Place::new().orchestra(args).run().expect(2);
    assert_eq!(outcome.stdout, "");
    outcome.stderr
}

#[test]
fn misspelled_command() {
    assert_snapshot!(wrong(&["valdate", "x.yaml"]), @r#"
    error[unknown-command]: there is no command `valdate`
    help: did you mean `validate`?
    "#);
}

#[test]
fn unknown_command() {
    assert_snapshot!(wrong(&["deploy"]), @r#"
    error[unknown-command]: there is no command `deploy`
    help: `orchestra --help` lists what there is
    "#);
}

#[test]
fn misspelled_flag() {
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-paralel", "2"]), @r#"
    error[unknown-flag]: there is no flag `--max-paralel`
    help: did you mean `--max-parallel`?
    "#);
}

#[test]
fn unknown_flag() {
    assert_snapshot!(wrong(&["run", "x.yaml", "--turbo"]), @r#"
    error[unknown-flag]: there is no flag `--turbo`
    help: `orchestra run --help` lists what there is
    "#);
}

#[test]
fn flag_of_another_command() {
    assert_snapshot!(wrong(&["list", "--fail-fast"]), @r#"
    error[unknown-flag]: there is no flag `--fail-fast`
    help: `orchestra list --help` lists what there is
    "#);
}

#[test]
fn missing_argument() {
    assert_snapshot!(wrong(&["run"]), @r#"
    error[missing-argument]: <SCENARIO> is missing
    help: it is used as orchestra run [OPTIONS] <SCENARIO>
    "#);
}

#[test]
fn one_argument_too_many() {
    assert_snapshot!(wrong(&["show", "a", "b"]), @r#"
    error[unexpected-argument]: `b` is one argument too many
    help: it is used as orchestra show [OPTIONS] [RUN]
    "#);
}

#[test]
fn bad_values() {
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-parallel", "0"]), @r#"
    error[bad-value]: --max-parallel cannot be `0`
    help: it is a number from 1 to 4096
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-parallel", "two"]), @r#"
    error[bad-value]: --max-parallel cannot be `two`
    help: it is a whole number
    "#);
    assert_snapshot!(wrong(&["list", "-o", "jsonx"]), @r#"
    error[bad-value]: --output-format cannot be `jsonx`
    help: did you mean `json`?
    "#);
    assert_snapshot!(wrong(&["list", "-o", "csv"]), @r#"
    error[bad-value]: --output-format cannot be `csv`
    help: possible values: text, json, jsonl
    "#);
    assert_snapshot!(wrong(&["list", "--color"]), @r#"
    error[bad-value]: --color needs a value
    help: possible values: auto, always, never
    "#);
    assert_snapshot!(wrong(&["completions", "tcsh"]), @r#"
    error[bad-value]: SHELL cannot be `tcsh`
    help: possible values: bash, zsh, fish, elvish, powershell
    "#);
}

#[test]
fn inputs_that_are_no_pairs() {
    assert_snapshot!(wrong(&["run", "x.yaml", "-i", "name"]), @r#"
    error[bad-value]: --input cannot be `name`: expected KEY=VALUE
    help: write `-i name=VALUE`
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "-i", "=5"]), @r#"
    error[bad-value]: --input cannot be `=5`: expected KEY=VALUE
    help: write `-i NAME=5`
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "-i", ""]), @r#"
    error[bad-value]: --input needs a value: expected KEY=VALUE
    help: write `-i NAME=VALUE`
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "-i"]), @r#"
    error[bad-value]: --input needs a value
    help: write `-i NAME=VALUE`
    "#);
}

#[test]
fn negative_numbers() {
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-parallel", "-1"]), @r#"
    error[bad-value]: --max-parallel cannot be `-1`
    help: `--max-parallel N`: Attempts that run at once
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-parallel=-1"]), @r#"
    error[bad-value]: --max-parallel cannot be `-1`
    help: it is a number from 1 to 4096
    "#);
    assert_snapshot!(wrong(&["run", "x.yaml", "-i", "-5"]), @r#"
    error[bad-value]: --input cannot be `-5`
    help: write `-i NAME=-5`
    "#);
    assert_snapshot!(wrong(&["run", "-5"]), @r#"
    error[unknown-flag]: there is no flag `-5`
    help: write `./-5` for a file of that name
    "#);
    // Behind a name it is a value like any other.
    let place = Place::with(
        "x.yaml",
        "version: 1\ninputs: { n: { type: int } }\ntasks: { a: { command: [echo, \"${{ inputs.n }}\"] } }\n",
    );
    place
        .orchestra(["run", "x.yaml", "-i", "n=-5"])
        .run()
        .expect(0);
}

#[test]
fn words_behind_a_wrong_command_are_not_taken_for_one() {
    assert_snapshot!(wrong(&["deploy", "show"]), @r#"
    error[unknown-command]: there is no command `deploy`
    help: `orchestra --help` lists what there is
    "#);
}

#[test]
fn flags_that_exclude_each_other() {
    assert_snapshot!(wrong(&["run", "x.yaml", "-q", "-v"]), @"error[conflict]: --quiet and --verbose exclude each other");
}

#[test]
fn a_bad_variable_is_a_bad_command_line() {
    let place = Place::new();
    let command = place
        .orchestra(["run", "x.yaml"])
        .env("ORCHESTRA_MAX_PARALLEL", "many");
    assert_snapshot!(command.run().expect(2).stderr, @r#"
    error[bad-value]: --max-parallel cannot be `many`, which ORCHESTRA_MAX_PARALLEL says
    help: it is a whole number
    "#);
}

#[test]
fn as_json() {
    let outcome = Place::new()
        .orchestra(["lst", "-o", "json"])
        .run()
        .expect(2);
    assert_eq!(outcome.stderr, "");
    let error = &outcome.json()["error"];
    assert_eq!(error["code"], "unknown-command");
    assert_eq!(error["hints"][0], "did you mean `list`?");
    assert_eq!(error["exit_code"], 2);
}

#[test]
fn what_goes_with_another_flag_says_so() {
    assert_snapshot!(wrong(&["run", "hello.yaml", "--save", "plan.json"]), @r#"
    error[missing-argument]: --save goes with --plan-only, which is missing
    help: add `--plan-only`: the plan is shown and saved, and nothing is run
    "#);
}

/// A variable that says neither yes nor no is a mistake, as any other value is.
#[test]
fn a_variable_of_a_switch_says_yes_or_no() {
    let place = Place::new();
    let command = || place.orchestra(["list"]);
    command().env("ORCHESTRA_QUIET", "").run().expect(0);
    command().env("ORCHESTRA_QUIET", "off").run().expect(0);
    let refused = command().env("ORCHESTRA_QUIET", "maybe").run();
    assert_snapshot!(refused.render(), @r#"
    exit 2
    --- stderr
    error[bad-value]: --quiet cannot be `maybe`, which ORCHESTRA_QUIET says: expected `true` or `false`
    "#);
}
