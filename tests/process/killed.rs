//! `kill -9` of orchestra, of its launcher, of a slot process, and of all of them.

use rustix::process::Signal;

use crate::process::watch::{Nest, Process, kill, signal, until};

#[test]
fn orchestra_killed_leaves_no_process_and_can_be_resumed() {
    let mut nest = Nest::started();
    nest.kill();
    nest.nothing_is_left();
    nest.resumes();
}

/// A new one takes its place, with new slots, and what ran is started again if the task says so.
#[test]
fn the_launcher_killed_ends_its_attempts_with_all_their_processes() {
    let mut nest = Nest::started();
    let before = nest.left();
    let (launcher, _) = nest.helpers();
    kill(launcher);
    ends_well_after(&mut nest, &before);
}

/// A new one takes its place, and what it ran is started again if the task says so.
#[test]
fn a_slot_killed_ends_its_attempt_with_all_its_processes() {
    let mut nest = Nest::started();
    let before = nest.left();
    let (_, slots) = nest.helpers();
    for slot in slots {
        kill(slot);
    }
    ends_well_after(&mut nest, &before);
}

/// The attempts that these processes belonged to are dead, and others do their work.
fn ends_well_after(nest: &mut Nest, before: &[Process]) {
    until("the first attempts are dead", || {
        let left = nest.left();
        !before.iter().any(|process| left.contains(process))
    });
    nest.open();
    let outcome = nest.outcome().expect(0);
    assert!(outcome.stderr.contains("4 passed"), "{}", outcome.render());
    let retried = "nest   worker_lost; attempt 2 of 2 in <s>";
    assert!(outcome.stderr.contains(retried), "{}", outcome.render());
    nest.nothing_is_left();
    nest.place.orchestra(["verify"]).run().expect(0);
}

/// Nobody had the time to clean up: resume does, for all that carries the run's marker.
#[test]
fn everything_killed_at_once_is_swept_by_resume() {
    let mut nest = Nest::started();
    let (launcher, slots) = nest.helpers();
    let all = [&[nest.pid(), launcher][..], &slots].concat();
    // Stopped first, so that none of them can do its work before it is killed.
    for pid in &all {
        signal(*pid, Signal::STOP);
    }
    for pid in all.iter().skip(1) {
        kill(*pid);
    }
    nest.kill();
    assert!(!nest.left().is_empty(), "the daemons live on");
    nest.open();
    let outcome = nest.place.orchestra(["resume", "@last"]).run().expect(0);
    assert!(outcome.stderr.contains("SWEEP"), "{}", outcome.render());
    // Without marker and without launcher there is no way to know it: documented, and tidied here.
    let left = nest.left();
    assert!(
        left.iter().all(|process| is_bare(&process.arguments)),
        "{left:?}"
    );
    left.iter().for_each(|process| kill(process.pid));
    nest.nothing_is_left();
    nest.place.orchestra(["verify"]).run().expect(0);
}

/// The daemon in an empty environment, and what it started.
fn is_bare(arguments: &str) -> bool {
    arguments.ends_with(" bare ") || arguments.starts_with("sleep 7")
}
