//! What one event changes of the one task that it names. Counts and the run itself are
//! [`super::summary`]'s.

use std::time::Duration;

use protocol::event::{Event, EventKind, LeaseEnd};
use protocol::time::Timestamp;

use super::attempt::{Attempt, AttemptEnding};
use super::summary::Gap;
use super::task::{Due, Standing, TaskSummary};

pub(super) fn change(task: &mut TaskSummary, event: &Event, gaps: &[Gap]) {
    match &event.kind {
        EventKind::TaskLeased { worker, .. } => {
            task.leased.get_or_insert(event.ts);
            task.worker = Some(worker.clone());
        }
        EventKind::AttemptStarted { attempt, .. } => {
            // Most tasks have one attempt; a list that doubles would begin with four.
            task.attempts.reserve_exact(1);
            task.attempts.push(Attempt::started(*attempt, event.ts));
            task.standing = Standing::Running;
            task.due = None;
        }
        EventKind::AttemptFinished { attempt, end, .. } => {
            if let Some(attempt) = task.attempt_mut(*attempt) {
                attempt.finish(event.ts, end);
            }
        }
        EventKind::AttemptRetrying {
            attempt, delay_ms, ..
        } => {
            let delay = Duration::from_millis(*delay_ms);
            let (attempt, at) = (*attempt, event.ts.plus(delay));
            task.standing = Standing::Waiting;
            task.due = Some(Due { attempt, at });
        }
        EventKind::LeaseLost { cause, .. } => lose(task, *cause, event.ts, gaps),
        EventKind::TaskDone { artifacts, .. } => {
            task.artifacts.clone_from(artifacts);
            end(task, Standing::Done, event.ts, gaps);
        }
        EventKind::TaskFailed {
            failure, tolerated, ..
        } => {
            let (failure, tolerated) = (Box::new(failure.clone()), *tolerated);
            let standing = Standing::Failed { failure, tolerated };
            end(task, standing, event.ts, gaps);
        }
        EventKind::TaskSkipped { cause, because, .. } => {
            let (cause, because) = (cause.clone(), because.clone());
            end(task, Standing::Skipped { cause, because }, event.ts, gaps);
        }
        EventKind::TaskExpanded {
            first,
            items,
            complete,
            ..
        } => {
            let expansion = task.expansion.get_or_insert_default();
            expansion.take(event.ts, *first, items.as_deref(), *complete);
        }
        EventKind::TaskReused { run, artifacts, .. } => {
            task.artifacts.clone_from(artifacts);
            task.reused = Some(*run);
            end(task, Standing::Done, event.ts, gaps);
        }
        EventKind::TaskCancelled { .. } => end(task, Standing::Cancelled, event.ts, gaps),
        EventKind::TaskReopened { .. } => {
            task.standing = Standing::Waiting;
            task.ended = None;
            task.artifacts.clear();
            task.reopened += 1;
            task.reused = None;
        }
        // Events of the run do not come here.
        _ => {}
    }
}

/// The lease is gone, and with it the attempt that ran under it.
fn lose(task: &mut TaskSummary, cause: LeaseEnd, at: Timestamp, gaps: &[Gap]) {
    task.crashes += u32::from(cause == LeaseEnd::WorkerLost);
    let open = task.attempts.last_mut();
    if let Some(open) = open.filter(|attempt| attempt.ending == AttemptEnding::Open) {
        // It died with its coordinator, not when the next one said so.
        let died = match (cause, gaps.last()) {
            (LeaseEnd::CoordinatorRestarted, Some(gap)) if gap.to <= at => gap.from,
            _ => at,
        };
        let died = died.max(open.started);
        open.ending = AttemptEnding::Lost(cause);
        open.finished = Some(died);
        open.wall = died.since(open.started);
    }
    task.standing = Standing::Waiting;
}

fn end(task: &mut TaskSummary, standing: Standing, at: Timestamp, gaps: &[Gap]) {
    task.standing = standing;
    task.due = None;
    task.ended = Some(at);
    task.undriven = task.begun().map_or(Duration::ZERO, |begun| {
        // Few tasks saw a gap, and no run has many: the last ones first.
        let seen = gaps.iter().rev().take_while(|gap| gap.to > begun);
        seen.map(|gap| gap.to.since(gap.from)).sum()
    });
}
