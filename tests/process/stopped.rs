//! Ctrl-C once and twice, SIGTERM, `orchestra cancel`: the record is complete and nothing is left.

use rustix::process::Signal;

use crate::process::watch::{Nest, signal, until};

/// `nest` and `plain` do not listen to SIGTERM: they are killed after their grace.
#[test]
fn sigterm_ends_deaf_daemons_too() {
    let mut nest = Nest::started();
    nest.signal(Signal::TERM);
    let outcome = nest.outcome().expect(143);
    assert!(nest.left().is_empty(), "{:?}", nest.left());
    assert!(
        outcome.stderr.contains("1 passed · 3 cancelled"),
        "{}",
        outcome.render()
    );
    nest.place.orchestra(["verify"]).run().expect(0);
    nest.place.orchestra(["resume", "@last"]).run().expect(143);
}

#[test]
fn ctrl_c_twice_ends_deaf_daemons_at_once() {
    let mut nest = Nest::started();
    let begun = std::time::Instant::now();
    nest.signal(Signal::INT);
    until("the first one is recorded", || {
        nest.place
            .run_file("events.jsonl")
            .contains("run.cancelling")
    });
    nest.signal(Signal::INT);
    let outcome = nest.outcome().expect(130);
    assert!(nest.left().is_empty(), "{:?}", nest.left());
    assert!(
        begun.elapsed().as_secs() < 9,
        "without waiting for the grace: {:?}",
        begun.elapsed()
    );
    assert!(
        outcome.stderr.contains("KILL Ctrl-C again"),
        "{}",
        outcome.render()
    );
    nest.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn cancel_ends_a_live_run_and_all_its_processes() {
    let mut nest = Nest::started();
    nest.place.orchestra(["cancel", "@last"]).run().expect(0);
    nest.outcome().expect(143);
    assert!(nest.left().is_empty(), "{:?}", nest.left());
    nest.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn cancel_closes_a_dead_run() {
    let mut nest = Nest::started();
    nest.kill();
    nest.place.orchestra(["cancel", "@last"]).run().expect(0);
    nest.nothing_is_left();
    nest.open();
    nest.place.orchestra(["resume", "@last"]).run().expect(143);
    assert!(
        !nest.place.run_dir().join("artifacts/last").exists(),
        "it stays cancelled"
    );
    nest.place.orchestra(["verify"]).run().expect(0);
}

/// Nothing that is frozen can be told to end: after two presses it is given up, and the record of the
/// run is complete all the same.
#[test]
fn two_presses_end_a_run_whose_helpers_are_frozen() {
    let mut nest = Nest::started();
    let (launcher, slots) = nest.helpers();
    let helpers = [&[launcher][..], &slots].concat();
    for pid in &helpers {
        signal(*pid, Signal::STOP);
    }
    nest.signal(Signal::TERM);
    until("the first one is recorded", || {
        nest.place
            .run_file("events.jsonl")
            .contains("run.cancelling")
    });
    let begun = std::time::Instant::now();
    nest.signal(Signal::TERM);
    let stat = format!("/proc/{}/stat", nest.pid());
    until("orchestra has ended", || {
        fs_err::read_to_string(&stat).unwrap().contains(") Z ")
    });
    // They hold its output open.
    for pid in &helpers {
        signal(*pid, Signal::CONT);
    }
    let outcome = nest.outcome().expect(143);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert!(
        outcome.stderr.contains("CANCELLED in"),
        "{}",
        outcome.render()
    );
    nest.nothing_is_left();
    nest.place.orchestra(["verify"]).run().expect(0);
}
