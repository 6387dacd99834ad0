//! `show`, `logs`, `report`: looking at runs, and naming them.

use insta::assert_snapshot;

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

fn failed() -> Place {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    place
}

#[test]
fn show() {
    assert_snapshot!(failed().orchestra(["show"]).run().render(), @r#"
    exit 0
    --- stdout
    Run <run> failing   plan <digest>   runs/<run-dir>
    Started <time> UTC · <n> at once · no sandbox: tasks ran with your user's rights
        FAIL [   <s>] build   exit 3
        SKIP          test   because build failed
        SKIP          publish   because build failed
        PASS [   <s>] prepare
    ────────────
      FAILED in <s>   1 passed · 1 failed · 2 skipped
        FAIL build   attempt 2 of 2   exit 3   logs/build.2.err
             | main.c:3: error: expected ;
             sandbox: none
        SKIP test, publish   because build failed
        no sandbox: tasks ran with your user's rights
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> build · orchestra explain <run> build · orchestra retry <run> build --downstream
    "#);
}

#[test]
fn logs_of_one_stream_are_its_bytes() {
    let place = failed();
    let outcome = place
        .orchestra(["logs", "@last", "prepare"])
        .run()
        .expect(0);
    assert_eq!(outcome.stdout, "ready\n");
}

#[test]
fn logs_of_several_streams_have_headings() {
    assert_snapshot!(failed().orchestra(["logs", "@failed", "build"]).run().render(), @r#"
    exit 0
    --- stdout
    ==> build, attempt 1, exit 3, stdout <==
    compiling
    ==> build, attempt 1, exit 3, stderr <==
    main.c:3: error: expected ;
    ==> build, attempt 2, exit 3, stdout <==
    compiling
    ==> build, attempt 2, exit 3, stderr <==
    main.c:3: error: expected ;
    "#);
}

#[test]
fn logs_can_be_narrowed() {
    let place = failed();
    let outcome = place
        .orchestra(["logs", "@last", "--failed", "--attempt", "2", "--json"])
        .run();
    let logs = outcome.expect(0).json()["logs"].clone();
    let streams: Vec<_> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["stream"])
        .collect();
    assert_eq!(streams, ["stdout", "stderr"]);
    assert_eq!(logs[1]["text"], "main.c:3: error: expected ;\n");
}

#[test]
fn logs_of_an_unknown_task() {
    assert_snapshot!(failed().orchestra(["logs", "@last", "biuld"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `biuld`
    help: did you mean `build`?
    "#);
}

#[test]
fn logs_of_a_task_that_wrote_nothing() {
    assert_snapshot!(failed().orchestra(["logs", "@last", "test"]).run().render(), @r#"
    exit 0
    --- stderr
    nothing was written
    "#);
}

#[test]
fn runs_are_named_by_id_prefix_path_and_mark() {
    let place = failed();
    let dir = place.run_dir();
    let record: serde_json::Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    let id = record["run_id"].as_str().unwrap();
    let short = &id[id.len() - 8..];
    let path = dir.to_str().unwrap();
    let name = dir.file_name().unwrap().to_str().unwrap();
    for text in [
        id,
        short,
        &short[..3],
        &id[..13],
        "@last",
        "@failed",
        path,
        name,
    ] {
        let outcome = place.orchestra(["show", text, "--json"]).run().expect(0);
        assert_eq!(outcome.json()["report"]["run"]["id"], id, "{text}");
    }
}

#[test]
fn names_of_no_run() {
    let place = failed();
    let wrong = |text: &str| place.orchestra(["show", text]).run().expect(2).stderr;
    assert_snapshot!(wrong("zzz"), @r#"
    error[unknown-run]: no run matches `zzz` in runs
    help: `orchestra list` shows what there is
    "#);
    assert_snapshot!(wrong("@lst"), @r#"
    error[unknown-run]: `@lst` names no run
    help: did you mean `@last`?
    "#);
    assert_snapshot!(wrong("./failing.yaml"), @r#"
    error[unknown-run]: ./failing.yaml is no run directory
    help: a run directory holds events.jsonl and run.json
    "#);
    assert_snapshot!(Place::new().orchestra(["show"]).run().expect(2).stderr, @r#"
    error[unknown-run]: there are no runs in runs
    help: name another place with `--runs-dir`, or the run directory's path
    "#);
    let passed = Place::with("hello.yaml", HELLO);
    passed.orchestra(["run", "hello.yaml"]).run().expect(0);
    assert_snapshot!(passed.orchestra(["show", "@failed"]).run().expect(2).stderr, @r#"
    error[unknown-run]: no run has failed in runs
    help: `orchestra list` shows what there is
    "#);
}

#[test]
fn a_prefix_of_several_runs_names_them() {
    let place = Place::with("hello.yaml", HELLO);
    for _ in 0..2 {
        place.orchestra(["run", "hello.yaml"]).run().expect(0);
    }
    // All UUIDs of one moment begin alike.
    let outcome = place.orchestra(["show", "01"]).run().expect(2);
    assert!(
        outcome
            .stderr
            .starts_with("error[ambiguous-run]: `01` fits 2 runs"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn looking_writes_nothing() {
    let place = failed();
    let before = place.listing();
    for args in [
        &["list"][..],
        &["show"],
        &["logs", "@last"],
        &["report"],
        &["verify"],
    ] {
        place.orchestra(args).run().expect(0);
    }
    assert_eq!(place.listing(), before);
}
