//! Stopping runs: `cancel`, Ctrl-C and SIGTERM.

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::resume::{started, wait_until};
use crate::cli::run::HELLO;
use crate::support::{Outcome, Place};

#[test]
fn a_held_run_is_asked() {
    let (place, child) = started();
    let pid = child.id();
    let outcome = place.orchestra(["cancel", "@last"]).run().expect(0);
    assert!(
        outcome
            .stdout
            .starts_with(&format!("process {pid} was asked to stop")),
        "{}",
        outcome.stdout
    );
    let ended = Outcome::of(child.wait_with_output().unwrap()).expect(143);
    assert!(
        ended.stderr.contains("STOP SIGTERM: no new attempt starts"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("CANCELLED in"), "{}", ended.stderr);
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn ctrl_c_stops_with_a_complete_record() {
    let (place, child) = started();
    signal(&child, Signal::INT);
    let ended = Outcome::of(child.wait_with_output().unwrap()).expect(130);
    assert!(ended.stderr.contains("STOP Ctrl-C"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("1 passed · 1 cancelled"),
        "{}",
        ended.stderr
    );
    place.orchestra(["verify"]).run().expect(0);
    place.orchestra(["resume", "@last"]).run().expect(130);
}

#[test]
fn ctrl_c_twice_kills_what_does_not_listen() {
    let deaf = "version: 1\nname: deaf\ninputs: { mark: { type: path } }\ntasks:\n  a:\n    \
                env: { MARK: \"${{ inputs.mark }}\" }\n    \
                run: trap '' TERM; echo x > \"$MARK\"; while :; do sleep 0.1; done\n";
    let place = Place::with("deaf.yaml", deaf);
    let begun = std::time::Instant::now();
    let child = place
        .orchestra(["run", "deaf.yaml", "-i", "mark=mark"])
        .start();
    let mark = place.work().join("mark");
    wait_until(|| mark.exists());
    signal(&child, Signal::INT);
    let journal = place.run_dir().join("events.jsonl");
    wait_until(|| {
        fs_err::read_to_string(&journal)
            .unwrap()
            .contains("run.cancelling")
    });
    signal(&child, Signal::INT);
    let ended = Outcome::of(child.wait_with_output().unwrap()).expect(130);
    assert!(
        ended.stderr.contains("KILL Ctrl-C again"),
        "{}",
        ended.stderr
    );
    assert!(
        begun.elapsed().as_secs() < 10,
        "it did not wait for the grace"
    );
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_run_that_nobody_drives_is_closed() {
    let (place, mut child) = started();
    child.kill().unwrap();
    child.wait().unwrap();
    let outcome = place.orchestra(["cancel", "@last"]).run().expect(0);
    assert_eq!(outcome.stdout, "the run is closed as cancelled\n");
    let shown = place.orchestra(["show"]).run().expect(0).stdout;
    assert!(shown.contains("CANCELLED"), "{shown}");
    assert!(shown.contains("stopped by orchestra cancel"), "{shown}");
    place.orchestra(["verify"]).run().expect(0);
    place.orchestra(["resume", "@last"]).run().expect(143);
}

#[test]
fn a_run_that_is_over_stays_as_it_is() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let journal = place.run_file("events.jsonl");
    assert_snapshot!(place.orchestra(["cancel", "@last"]).run().render(), @r#"
    exit 0
    --- stdout
    the run is over already
    "#);
    assert_eq!(place.run_file("events.jsonl"), journal);
    let object = place
        .orchestra(["cancel", "@last", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["result"], "over");
}

fn signal(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_run_whose_tasks_were_all_over_is_closed_as_what_it_is() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    // As after a crash before the last event.
    let dir = place.run_dir();
    fs_err::remove_file(dir.join("seal.json")).unwrap();
    let events = fs_err::read_to_string(dir.join("events.jsonl")).unwrap();
    let last = events.trim_end().rfind('\n').unwrap();
    fs_err::write(dir.join("events.jsonl"), &events[..=last]).unwrap();
    let told = place
        .orchestra(["cancel", "@last", "-o", "json"])
        .run()
        .expect(0);
    assert_eq!(told.json()["result"], "over");
    place.orchestra(["verify", "@last"]).run().expect(0);
    let report = place.run_file("report.json");
    assert!(report.contains("\"verdict\":\"PASSED\""), "{report}");
}
