//! `orchestra watch` of runs that go on, end, pause, fail and are left.

use std::io::{BufRead as _, BufReader, Read as _};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::resume::{started, wait_until};
use crate::cli::run::FAILING;
use crate::support::{Outcome, Place};

/// A failure while another task waits for a file.
const HALF: &str = "\
version: 1
name: half
inputs:
  gate: { type: path, default: gate }
max_parallel: 2
tasks:
  bad: { run: exit 3 }
  long:
    env: { GATE: \"${{ inputs.gate }}\" }
    run: until [ -e \"$GATE\" ]; do sleep 0.02; done
";

#[test]
fn a_finished_run_says_how_it_ended() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    let before = place.listing();
    assert_snapshot!(place.orchestra(["watch"]).run().render(), @r#"
    exit 1
    --- stdout
    runs/<run-dir>
    --- stderr
    Watch <run> failing   runs/<run-dir>
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
    place
        .orchestra(["watch", "@last", "--no-exit-status"])
        .run()
        .expect(0);
    place
        .orchestra(["watch", "--no-exit-status", "--exit-status"])
        .run()
        .expect(1);
    let object = place.orchestra(["watch", "--json"]).run().expect(1).json();
    assert_eq!(object["schema"], "orchestra.show/v1");
    assert_eq!(object["status"], "failed");
    assert_eq!(place.listing(), before, "nothing was made");
}

#[test]
fn events_are_the_journals_own_to_the_last() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    let all = place.orchestra(["report", "-o", "jsonl"]).run().expect(0);
    let seen = place.orchestra(["watch", "-o", "jsonl"]).run().expect(1);
    assert_eq!(seen.stdout, all.stdout);
    assert_eq!(seen.jsonl().last().unwrap()["type"], "run.finished");
}

#[test]
fn a_run_is_followed_to_its_end() {
    let (place, child) = started();
    let before = place.listing();
    let watch = place.orchestra(["watch"]).start();
    let mut events = place.orchestra(["watch", "-o", "jsonl", "-q"]).start();
    // Whoever watches has caught up when this much of it is there.
    let mut lines = BufReader::new(events.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("\"type\":\"attempt.started\",\"task\":\"second\"") {
        lines.read_line(&mut seen).unwrap();
    }
    wait_until_it_watches(&watch);
    assert_eq!(place.listing(), before, "nothing was made");
    place.write("gate", "");
    Outcome::of(child.wait_with_output().unwrap()).expect(0);
    let watched = Outcome::of(watch.wait_with_output().unwrap()).expect(0);
    assert!(
        watched
            .stderr
            .starts_with("Watch <run> waiting   runs/<run-dir>\nSo far: ")
    );
    assert!(
        watched.stderr.contains("(2/2) second"),
        "{}",
        watched.render()
    );
    assert!(
        watched.stderr.contains("  PASSED in <s>   2 passed"),
        "{}",
        watched.render()
    );
    assert_eq!(watched.stdout, "runs/<run-dir>\n");
    lines.read_to_string(&mut seen).unwrap();
    assert_eq!(events.wait().unwrap().code(), Some(0));
    let last: serde_json::Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "run.finished");
}

#[test]
fn a_run_that_is_left_says_who_left_it_and_what_goes_on() {
    let (place, mut child) = started();
    let watch = place.orchestra(["watch"]).start();
    wait_until_it_watches(&watch);
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    let left = Outcome::of(watch.wait_with_output().unwrap()).expect(7);
    let text = left.render().replace(&pid.to_string(), "<pid>");
    assert_snapshot!(text, @r#"
    exit 7
    --- stderr
    Watch <run> waiting   runs/<run-dir>
    So far: 1 passed · 1 running of 2 tasks
    ────────────
      UNFINISHED in <s>   1 passed · 1 running
        no sandbox: tasks ran with your user's rights
        1 artifact in runs/<run-dir>/artifacts
      next: orchestra resume <run>
    error[run-left]: process <pid>, which drove the run, is gone
    help: `orchestra resume <run>` goes on
    "#);
    // The same for who comes later, in an object.
    let error = place.orchestra(["watch", "--json"]).run().expect(7).json();
    assert_eq!(error["error"]["code"], "run-left");
    place.write("gate", "");
    place.orchestra(["resume", "@last"]).run().expect(0);
    place.orchestra(["watch"]).run().expect(0);
}

#[test]
fn a_paused_run_ends_the_watching() {
    let (place, child) = started();
    let watch = place.orchestra(["watch"]).start();
    wait_until_it_watches(&watch);
    place.orchestra(["pause", "@last"]).run().expect(0);
    place.write("gate", "");
    let ended = Outcome::of(child.wait_with_output().unwrap());
    let watched = Outcome::of(watch.wait_with_output().unwrap());
    // Whether anything is left to pause depends on who is faster.
    assert_eq!(watched.code, ended.code, "{}", watched.render());
    if ended.code == 10 {
        assert!(
            watched.stderr.contains("orchestra resume <run>"),
            "{}",
            watched.render()
        );
        place.orchestra(["watch"]).run().expect(10);
    }
}

#[test]
fn the_first_failure_may_be_enough() {
    let place = Place::with("half.yaml", HALF);
    let child = place.orchestra(["run", "half.yaml"]).start();
    wait_until(|| {
        let listed = place.orchestra(["list", "--json"]).run();
        listed.code == 0 && listed.json()["runs"][0]["status"] == "running"
    });
    let failed = place.orchestra(["watch", "--fail-fast"]).run().expect(1);
    assert!(failed.stderr.contains("FAIL bad"), "{}", failed.render());
    assert!(
        failed.stderr.contains("  RUNNING for <s>"),
        "{}",
        failed.render()
    );
    assert!(
        failed.stderr.contains("orchestra cancel <run>"),
        "{}",
        failed.render()
    );
    place.write("gate", "");
    Outcome::of(child.wait_with_output().unwrap()).expect(1);
}

#[test]
fn ctrl_c_ends_the_watching_and_not_the_run() {
    let (place, child) = started();
    let watch = place.orchestra(["watch"]).start();
    wait_until_it_watches(&watch);
    kill_process(Pid::from_child(&watch), Signal::INT).unwrap();
    let watched = Outcome::of(watch.wait_with_output().unwrap()).expect(130);
    assert!(
        watched
            .stderr
            .ends_with("STOP no longer watched; the run goes on\n")
    );
    place.write("gate", "");
    Outcome::of(child.wait_with_output().unwrap()).expect(0);
}

#[test]
fn what_is_no_run_is_said() {
    let place = Place::new();
    let none = place.orchestra(["watch"]).run().expect(2);
    assert!(
        none.stderr.contains("error[unknown-run]"),
        "{}",
        none.render()
    );
    let (place, mut child) = started();
    child.kill().unwrap();
    child.wait().unwrap();
    fs_err::remove_file(place.run_dir().join("events.jsonl")).unwrap();
    let damaged = place.orchestra(["watch"]).run();
    assert!([7, 8].contains(&damaged.code), "{}", damaged.render());
}

/// Its handlers are there before it says anything.
fn wait_until_it_watches(watch: &std::process::Child) {
    let status = format!("/proc/{}/status", watch.id());
    wait_until(|| {
        let text = fs_err::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        mask & 0b10 != 0
    });
}
