//! A whole run in one call: every task that goes out is claimed and ends at once.

use protocol::message::{TaskMessage, TaskOutcome};
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
    mut outcome: impl FnMut(&TaskMessage) -> TaskOutcome,
) -> Vec<String> {
    let mut effects = env.hello("w1", "life1", slots).effects;
    while !effects.is_empty() {
        let mut next = Vec::new();
        for (_, effect) in effects {
            let Effect::Publish { message, .. } = effect else {
                continue;
            };
            let token = env.token(message.task_id.as_str());
            next.extend(env.claim(&token, "w1", "life1").effects);
            let outcome = outcome(&message);
            next.extend(env.result(&token, "w1", outcome).effects);
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
