//! A pause that somebody asked for: what runs may end, nothing else begins, and then the run is parked.

use protocol::ids::LeaseToken;
use protocol::message::TaskOutcome;
use protocol::outcome::FailureClass;
use protocol::state::TaskState;
use serde_json::Map;

use crate::machine::Input;
use crate::testing::{TestEnv, config, ended, failed, plan_of, task};

fn running() -> (TestEnv, LeaseToken) {
    let plan = plan_of([task("a"), task("b").needs(["a"])]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    (env, token)
}

fn pause(env: &mut TestEnv) {
    env.feed(&Input::Pause("orchestra pause".into()))
        .is(&["run.paused orchestra pause"]);
}

fn done() -> TaskOutcome {
    TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}

#[test]
fn what_runs_ends_and_nothing_follows() {
    let (mut env, token) = running();
    pause(&mut env);
    assert!(!env.machine.is_parked(), "an attempt runs");
    env.result(&token, "w1", done()).is(&[
        "attempt.finished a 1-1 #1 ok",
        "task.done a #1 {} []",
        "> ack once synced",
    ]);
    assert!(env.machine.is_parked());
    env.check_fold();
}

#[test]
fn halting_gives_back_what_runs() {
    let (mut env, token) = running();
    env.feed(&Input::Halt).is(&[]);
    pause(&mut env);
    env.feed(&Input::Halt).is(&["> cancel all"]);
    // Whoever did not hear it is told with the next heartbeat.
    let told = env
        .heartbeat("w1", "life1", std::slice::from_ref(&token))
        .lines();
    assert!(told[0].contains("cancelled"), "{told:?}");
    let stopped = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::Cancelled)),
    };
    env.result(&token, "w1", stopped).is(&[
        "attempt.finished a 1-1 #1 cancelled",
        "attempt.retrying a #2 after 0ms handed back",
        "> ack once synced",
    ]);
    assert!(env.machine.is_parked());
    assert_eq!(env.machine.run().tasks()[0].state, TaskState::Pending);
    env.check_fold();
}

#[test]
fn a_run_that_is_being_cancelled_cannot_be_paused() {
    let (mut env, _) = running();
    env.cancel().skip();
    env.feed(&Input::Pause("orchestra pause".into())).is(&[]);
    env.feed(&Input::Halt).is(&[]);
    assert!(!env.machine.is_parked());
}
