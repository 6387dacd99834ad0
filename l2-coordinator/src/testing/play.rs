//! A whole run in one call: every task that goes out is claimed and ends at once.

use protocol::message::{ClaimReply, TaskMessage, TaskOutcome};
use serde_json::{Map, Value};

use super::env::TestEnv;
use super::show::show_event;
use super::world::{crashed, ended};
use crate::machine::Effect;

/// Success with these outputs.
pub(crate) fn done(outputs: Value) -> TaskOutcome {
    let outputs = match outputs {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs,
        artifacts: Vec::new(),
    }
}

/// Exit code 1.
pub(crate) fn fails() -> TaskOutcome {
    TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(crashed()),
    }
}

/// Plays to the end with one worker; says every event so far about a task but its attempts', and the
/// run's end.
pub(crate) fn play(
    env: &mut TestEnv,
    slots: u32,
    outcome: impl FnMut(&TaskMessage) -> TaskOutcome,
) -> Vec<String> {
    play_as(env, "w1", "life1", slots, outcome)
}

/// As [`play`], by this life of this worker.
pub(crate) fn play_as(
    env: &mut TestEnv,
    worker: &str,
    life: &str,
    slots: u32,
    mut outcome: impl FnMut(&TaskMessage) -> TaskOutcome,
) -> Vec<String> {
    let mut effects = env.hello(worker, life, slots).effects;
    while !effects.is_empty() {
        let mut next = Vec::new();
        for (_, effect) in effects {
            let Effect::Publish { message, .. } = effect else {
                continue;
            };
            let token = env.token(message.task_id.as_str());
            let mut answer = env.claim(&token, worker, life).effects;
            let granted = answer.iter().find_map(|(_, effect)| match effect {
                Effect::ReplyClaim(_, ClaimReply::Granted { first_attempt, .. }) => {
                    Some(*first_attempt)
                }
                _ => None,
            });
            next.append(&mut answer);
            if let Some(number) = granted {
                let outcome = numbered(outcome(&message), number);
                next.extend(env.result(&token, worker, outcome).effects);
            }
        }
        effects = next;
    }
    env.check_fold();
    let told = |line: &String| {
        let own = ["task.", "run.finished"];
        own.iter().any(|start| line.starts_with(start)) && !line.starts_with("task.leased")
    };
    let events = env.events.iter();
    events
        .map(|event| show_event(&event.kind))
        .filter(told)
        .collect()
}

fn numbered(mut outcome: TaskOutcome, number: u32) -> TaskOutcome {
    if let TaskOutcome::Done { attempt, .. } | TaskOutcome::Failed { attempt, .. } = &mut outcome {
        *attempt = number;
    }
    outcome
}
