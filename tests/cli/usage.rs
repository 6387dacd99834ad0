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
    assert_snapshot!(wrong(&["run", "x.yaml", "--max-parallel", "0"]), @"error[bad-value]: invalid value '0' for '--max-parallel <N>': 0 is not in 1..=4096");
    assert_snapshot!(wrong(&["run", "x.yaml", "-i", "novalue"]), @"error[bad-value]: invalid value 'novalue' for '--input <KEY=VALUE>': expected KEY=VALUE");
    assert_snapshot!(wrong(&["run", "x.yaml", "--sandbox", "strict"]), @"error[bad-value]: invalid value 'strict' for '--sandbox <LEVEL>': sandbox level `strict` is not built yet; this build has `none`");
    assert_snapshot!(wrong(&["list", "-o", "jsonx"]), @r#"
    error[bad-value]: invalid value 'jsonx' for '--output-format <FORMAT>'
    help: did you mean `json`?
    "#);
    assert_snapshot!(wrong(&["list", "-o", "csv"]), @r#"
    error[bad-value]: invalid value 'csv' for '--output-format <FORMAT>'
    help: possible values: text, json, jsonl
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
    assert_snapshot!(command.run().expect(2).stderr, @"error[bad-value]: invalid value 'many' for '--max-parallel <N>': invalid digit found in string");
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
