//! `orchestra pause`: a run stops for now, and goes on with `resume`.

use insta::assert_snapshot;

use crate::cli::resume::{started, wait_until};
use crate::cli::run::HELLO;
use crate::support::{Outcome, Place};

fn count(place: &Place, kind: &str) -> usize {
    let wanted = format!("\"type\":\"{kind}\"");
    place.run_file("events.jsonl").matches(&wanted).count()
}

#[test]
fn running_attempts_end_and_resume_goes_on() {
    let (place, child) = started();
    let asked = place.orchestra(["pause", "@last", "--json"]).run();
    let asked = asked.expect(0).json();
    assert_eq!(asked["result"], "asked");
    assert_eq!(asked["pid"], child.id());
    wait_until(|| count(&place, "run.paused") == 1);
    place.write("gate", "");
    let ended = Outcome::of(child.wait_with_output().unwrap());
    assert_snapshot!(ended.render(), @r#"
    exit 10
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> waiting   plan <digest>   runs/<run-dir>
    Plan: 2 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/2) first
       PAUSE orchestra pause; running attempts may end
        PASS [   <s>] (2/2) second
    ────────────
      PAUSED in <s>   2 passed
        paused: orchestra pause
        no sandbox: tasks ran with your user's rights
        1 artifact in runs/<run-dir>/artifacts
      next: orchestra resume <run>
    "#);
    place.orchestra(["verify"]).run().expect(0);
    let resumed = place.orchestra(["resume", "@last"]).run().expect(0);
    assert!(resumed.stderr.contains("2 passed"), "{}", resumed.render());
    assert_eq!(count(&place, "attempt.started"), 2, "nothing ran twice");
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn now_stops_attempts_and_they_run_again() {
    let (place, child) = started();
    place.orchestra(["pause", "@last", "--now"]).run().expect(0);
    let ended = Outcome::of(child.wait_with_output().unwrap()).expect(10);
    assert!(
        ended
            .stderr
            .contains("PAUSE running attempts get 10s to end"),
        "{}",
        ended.render()
    );
    place.write("gate", "");
    let resumed = place.orchestra(["resume", "@last"]).run().expect(0);
    assert!(resumed.stderr.contains("2 passed"), "{}", resumed.render());
    assert_eq!(count(&place, "attempt.started"), 3);
    place.orchestra(["verify"]).run().expect(0);
}

/// A gentle pause becomes an urgent one; the second one is not a second event.
#[test]
fn a_pause_can_be_hurried() {
    let (place, child) = started();
    place.orchestra(["pause", "@last"]).run().expect(0);
    wait_until(|| count(&place, "run.paused") == 1);
    place.orchestra(["pause", "@last", "--now"]).run().expect(0);
    let ended = child.wait_with_output().unwrap();
    Outcome::of(ended).expect(10);
    assert_eq!(count(&place, "run.paused"), 1);
}

#[test]
fn a_paused_run_can_be_cancelled_or_left() {
    let (place, child) = started();
    place.orchestra(["pause", "@last", "--now"]).run().expect(0);
    Outcome::of(child.wait_with_output().unwrap()).expect(10);
    assert_snapshot!(place.orchestra(["pause", "@last"]).run().render(), @r#"
    exit 0
    --- stdout
    nobody drives the run; `orchestra resume <run>` goes on
    "#);
    place.orchestra(["cancel", "@last"]).run().expect(0);
    assert_snapshot!(place.orchestra(["pause", "@last"]).run().render(), @r#"
    exit 0
    --- stdout
    the run is over already
    "#);
}

#[test]
fn a_run_that_is_over_or_unknown_says_so() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let object = place.orchestra(["pause", "@last", "-o", "json"]).run();
    assert_eq!(object.expect(0).json()["result"], "over");
    assert_snapshot!(place.orchestra(["pause", "nothing"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-run]: no run matches `nothing` in runs
    help: `orchestra list` shows what there is
    "#);
}
