//! Events and effects as one line each, so that a test states all of them in full and still reads
//! as a story.

use protocol::event::{EventKind, SkipCause};
use protocol::message::{AttemptReply, ClaimReply};
use protocol::outcome::Failure;

use crate::machine::{Effect, Gate, Unreserved};

pub(crate) fn show_event(event: &EventKind) -> String {
    let name = event.name();
    match event {
        EventKind::FindingRaised(finding) => {
            format!("{name} {}: {}", finding.code, finding.message)
        }
        EventKind::RunStarted(started) => format!("{name} slots {}", started.slots),
        EventKind::PlanRequested(asked) => format!("{name} {}", asked.prompt),
        EventKind::PlanRejected(why) => format!("{name} round {} {}", why.round, why.rule),
        EventKind::BudgetReserved(reserved) => {
            format!("{name} call {} {} tokens", reserved.call, reserved.tokens())
        }
        EventKind::BudgetSettled(settled) => format!(
            "{name} call {} {} tokens {}",
            settled.call,
            settled.usage().total(),
            class(settled.failure.as_ref())
        ),
        EventKind::PlanProposed { tasks, .. } => format!("{name} {tasks} tasks"),
        EventKind::PlanApproved { by, .. } => format!("{name} by {by:?}"),
        EventKind::TaskLeased {
            task,
            lease,
            worker,
        } => format!("{name} {task} {lease} to {worker}"),
        EventKind::AttemptStarted {
            task,
            lease,
            attempt,
        } => format!("{name} {task} {lease} #{attempt}"),
        EventKind::AttemptFinished {
            task,
            lease,
            attempt,
            end,
        } => format!(
            "{name} {task} {lease} #{attempt} {}",
            class(end.failure.as_ref())
        ),
        EventKind::AttemptRetrying {
            task,
            attempt,
            delay_ms,
            in_place,
        } => {
            let place = if *in_place { "in place" } else { "handed back" };
            format!("{name} {task} #{attempt} after {delay_ms}ms {place}")
        }
        EventKind::LeaseLost { task, lease, cause } => format!("{name} {task} {lease} {cause:?}"),
        EventKind::ResultLate {
            task,
            lease,
            worker,
        } => format!("{name} {task} {lease} from {worker}"),
        EventKind::TaskDone {
            task,
            attempt,
            outputs,
            artifacts,
        } => {
            let outputs = serde_json::to_string(outputs).expect("a map");
            let names: Vec<_> = artifacts.iter().map(|a| a.name.as_str()).collect();
            format!("{name} {task} #{attempt} {outputs} {names:?}")
        }
        EventKind::TaskFailed {
            task,
            attempts,
            failure,
            tolerated,
        } => {
            let tolerated = if *tolerated { " tolerated" } else { "" };
            format!(
                "{name} {task} after {attempts} {}: {}{tolerated}",
                failure.class, failure.message
            )
        }
        EventKind::TaskSkipped {
            task,
            cause,
            because,
        } => {
            let cause = match cause {
                SkipCause::If => "if",
                SkipCause::Failure => "failure",
                SkipCause::NotSelected => "not selected",
            };
            let because = because.as_ref().map_or("itself", |task| task.as_str());
            format!("{name} {task} by {cause} of {because}")
        }
        EventKind::TaskExpanded {
            task,
            first,
            items,
            inputs,
            complete,
        } => {
            let end = if *complete { "" } else { " and more" };
            let many = items.as_ref().map_or(0, Vec::len);
            match inputs {
                Some(inputs) => format!("{name} {task} with {inputs:?}{end}"),
                None => format!("{name} {task} {many} from {first}{end}"),
            }
        }
        EventKind::TaskReused { task, run, .. } => format!("{name} {task} of {run}"),
        EventKind::TaskCancelled { task } => format!("{name} {task}"),
        EventKind::TaskReopened { task, path } => format!("{name} {task} {path}"),
        EventKind::RunCancelling { by } => format!("{name} by {by:?}"),
        EventKind::RunPaused { cause } => format!("{name} {cause}"),
        EventKind::RunResumed { epoch, slots, .. } => format!("{name} epoch {epoch} slots {slots}"),
        EventKind::JournalRecovered { torn_bytes, file } => format!("{name} {torn_bytes} {file}"),
        EventKind::RunFinished {
            outcome, exit_code, ..
        } => format!("{name} {outcome} {exit_code}"),
    }
}

fn class(failure: Option<&Failure>) -> &str {
    failure.map_or("ok", |failure| failure.class.as_str())
}

pub(crate) fn show_effect((gate, effect): &(Gate, Effect)) -> String {
    let gate = match gate {
        Gate::Written => String::new(),
        Gate::Decision => " once synced".into(),
        Gate::Seq(seq) => format!(" once {seq} is synced"),
    };
    let effect = match effect {
        Effect::Publish { message, .. } => {
            format!("> publish {} {}", message.task_id, message.lease)
        }
        Effect::Unpublish { seq } => format!("> unpublish {seq}"),
        Effect::ReplyClaim(_, reply) => match reply {
            ClaimReply::Granted {
                token,
                first_attempt,
                attempts_left,
                lease_ms,
            } => {
                let lease_ms = lease_ms.map_or_else(String::new, |ms| format!(" for {ms}ms"));
                format!(
                    "> granted {} {} #{first_attempt} left {attempts_left}{lease_ms}",
                    token.task, token.lease
                )
            }
            ClaimReply::Denied {
                why,
                retry_after_ms,
            } => {
                let again = retry_after_ms.map_or_else(String::new, |ms| format!(" for {ms}ms"));
                format!("> denied {why:?}{again}")
            }
        },
        Effect::ReplyAttempt(_, AttemptReply::Continue) => "> continue".into(),
        Effect::ReplyAttempt(_, AttemptReply::Stop) => "> stop".into(),
        Effect::ReplyHeartbeat(_, reply) => {
            let names = |tokens: &[protocol::ids::LeaseToken]| {
                let names: Vec<_> = tokens
                    .iter()
                    .map(|t| format!("{} {}", t.task, t.lease))
                    .collect();
                names.join(", ")
            };
            format!(
                "> alive, cancelled [{}], stale [{}]",
                names(&reply.cancelled),
                names(&reply.stale)
            )
        }
        Effect::ReplyReserve(_, Ok(call)) => format!("> may ask as call {call}"),
        Effect::ReplyReserve(_, Err(Unreserved::Exhausted(why))) => format!("> may not ask: {why}"),
        Effect::ReplyReserve(_, Err(Unreserved::Closed(why))) => format!("> may not ask: {why}"),
        Effect::ReplySettle(_) => "> settled".into(),
        Effect::AckResult(_) => "> ack".into(),
        Effect::Cancel { task, kill } => {
            let what = task.as_ref().map_or("all", |task| task.as_str());
            let how = if *kill { "kill" } else { "cancel" };
            format!("> {how} {what}")
        }
        Effect::Finished { outcome, exit_code } => format!("> finished {outcome} {exit_code}"),
    };
    effect + &gate
}
