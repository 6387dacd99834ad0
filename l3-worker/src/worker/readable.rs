//! A worker's last word must be one that its coordinator can read: what it cannot, it drops, and
//! the task would stay held for ever. The executor keeps its own bounds; this is the net below.

use protocol::message::{MAX_MESSAGE_BYTES, TaskOutcome, TaskResult};
use protocol::outcome::{Failure, FailureClass};

/// The result, or in place of a success that nobody could read a failure that says why.
pub(super) fn readable(mut result: TaskResult) -> TaskResult {
    if let Some(problem) = problem(&result)
        && let TaskOutcome::Done { attempt, end, .. } = &mut result.outcome
    {
        end.failure = Some(Failure::new(FailureClass::InvalidOutput, problem));
        result.outcome = TaskOutcome::Failed {
            attempt: *attempt,
            end: end.clone(),
        };
    }
    result
}

fn problem(result: &TaskResult) -> Option<String> {
    let TaskOutcome::Done { outputs, .. } = &result.outcome else {
        return None;
    };
    let bytes = serde_json::to_vec(result).expect("messages serialize into memory");
    if bytes.len() > MAX_MESSAGE_BYTES {
        let size = bytes.len();
        return Some(format!(
            "a result of {size} bytes is too large; write an artifact instead"
        ));
    }
    // Only outputs have a shape that the task chose; a result without any is spared the reading.
    let unread = !outputs.is_empty() && serde_json::from_slice::<TaskResult>(&bytes).is_err();
    unread.then(|| "outputs are nested too deeply to be sent".to_owned())
}
