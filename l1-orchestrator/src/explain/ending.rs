//! How it ended and why just so: what the failure was, why nothing more was tried, which chain of
//! needs made it be skipped, what it caused, or what it still waits for.

use protocol::event::{EventKind, SkipCause};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::RetryPolicy;

use super::beginning::how;
use super::facts::{End, Point};
use super::line::{Line, View};
use super::story::retry;
use crate::report::{Standing, parent_of, words};

/// Links of a chain of skipped tasks that are told.
const MAX_CHAIN: usize = 10;
/// Failed children that are named; the report has them all.
const MAX_CHILDREN: usize = 5;

pub(super) fn ending(view: &View<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let last = view.facts.moments.iter().rev().find_map(|moment| {
        let point = Point {
            seq: moment.event.seq,
            at: moment.event.ts,
        };
        Some((point, &moment.event.kind)).filter(|(_, kind)| is_end(kind))
    });
    match last {
        Some((point, kind)) if view.facts.ends.contains_key(view.facts.task()) => {
            lines.extend(end(view, point, kind));
            lines.extend(caused(view));
        }
        _ => lines.extend(open(view)),
    }
    lines
}

const fn is_end(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::TaskDone { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskCancelled { .. }
    )
}

fn end(view: &View<'_>, point: Point, kind: &EventKind) -> Vec<Line> {
    let text = match kind {
        EventKind::TaskDone {
            outputs, artifacts, ..
        } => done(view, outputs.len(), artifacts.len()),
        EventKind::TaskFailed {
            failure, tolerated, ..
        } => {
            let (text, events) = failed(view, failure, *tolerated);
            return vec![Line::at(point, text).also(events)];
        }
        EventKind::TaskSkipped { cause, because, .. } => {
            return skipped(view, point, cause, because.as_ref());
        }
        EventKind::TaskCancelled { .. } => {
            let by = view.facts.moments.iter().rev().find_map(|moment| {
                let is_cause = matches!(moment.event.kind, EventKind::RunCancelling { .. });
                is_cause.then_some(moment.event.seq)
            });
            let line = Line::at(
                point,
                "it was open when the run was stopped, so it was cancelled",
            );
            return vec![line.also(by)];
        }
        _ => return Vec::new(),
    };
    vec![Line::at(point, text)]
}

fn done(view: &View<'_>, outputs: usize, artifacts: usize) -> String {
    let is_parent = view.facts.expanded.contains_key(view.facts.task());
    if is_parent {
        return "it is done: everything it expanded into is".into();
    }
    let mut left = Vec::new();
    if outputs > 0 {
        left.push(words::count(outputs, "output"));
    }
    if artifacts > 0 {
        left.push(words::count(artifacts, "artifact"));
    }
    match left.is_empty() {
        true => "it is done".into(),
        false => format!("it is done, with {}", left.join(" and ")),
    }
}

fn failed(view: &View<'_>, failure: &Failure, tolerated: bool) -> (String, Vec<u64>) {
    let more = if tolerated {
        "; `continue_on_error` lets its dependents run all the same"
    } else {
        ""
    };
    let task = view.facts.task();
    if !view.facts.expanded.contains_key(task) {
        let why = why_no_more(view, failure);
        return (format!("it failed for good: {why}{more}"), Vec::new());
    }
    let children = view.summary.tasks.iter();
    let children = children.filter(|child| parent_of(&child.id).as_ref() == Some(task));
    let failed = children.filter_map(|child| match view.facts.ends.get(&child.id)? {
        (point, End::Failed { tolerated: false }) => Some((child.id.as_str(), point.seq)),
        _ => None,
    });
    let (names, events): (Vec<&str>, Vec<u64>) = failed.take(MAX_CHILDREN).unzip();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(": {}", names.join(", "))
    };
    let text = format!("it failed, because a part of what it expanded into failed{names}{more}");
    (text, events)
}

fn why_no_more(view: &View<'_>, failure: &Failure) -> String {
    let summary = view.summary.task(view.facts.task());
    let last = summary.and_then(|task| task.last_attempt());
    let Some(last) = last else {
        let message = crate::ui::sanitize(&failure.message).replace('\n', " ");
        return format!("it could not be started ({}: {message})", failure.class);
    };
    if view.summary.cancelling.is_some() && failure.class == FailureClass::Cancelled {
        return "it was stopped with the run".into();
    }
    let Some(retry) = retry(view).filter(|retry| retry.max > 0) else {
        return "it has no `retry`".into();
    };
    let unlimited = RetryPolicy {
        max: u32::MAX,
        ..retry.clone()
    };
    let repeats = unlimited.next(failure.class, last.exit, 1, 0).is_some();
    if repeats {
        let extra = usize::try_from(retry.max).unwrap_or(usize::MAX);
        let used = words::count(extra, "extra attempt");
        format!("its `retry` allows {used}, and none is left")
    } else {
        format!("its `retry` does not repeat {}", last.how())
    }
}

/// From the task back to what began it.
fn skipped(
    view: &View<'_>,
    point: Point,
    cause: &SkipCause,
    because: Option<&TaskId>,
) -> Vec<Line> {
    let Some(because) = because else {
        return vec![Line::at(point, own_reason(view, cause))];
    };
    let mut text = String::new();
    let mut events = Vec::new();
    let mut next = Some(because.clone());
    let mut links = 0;
    while let Some(need) = next.take() {
        let Some((at, end)) = view.facts.ends.get(&need) else {
            break;
        };
        let joint = if links == 0 {
            "it was skipped because"
        } else {
            ", because"
        };
        // Who was skipped because of it did not tolerate it, whatever surrounds both.
        let ended = match end {
            End::Failed { .. } => how(&End::Failed { tolerated: false }),
            other => how(other),
        };
        text.push_str(&format!("{joint} {need} {ended}"));
        events.push(at.seq);
        links += 1;
        if let End::Skipped { because, .. } = end {
            next.clone_from(because);
        }
        if links == MAX_CHAIN {
            break;
        }
    }
    if text.is_empty() {
        text = format!("it was skipped because of {because}");
    }
    vec![Line::at(point, text).also(events)]
}

fn own_reason(view: &View<'_>, cause: &SkipCause) -> String {
    let planned = view.planned.as_ref();
    let condition = planned.and_then(|planned| planned.task().condition());
    match (cause, condition) {
        (SkipCause::NotSelected, _) => {
            "it was skipped: this retry does not repeat it, and it had not succeeded before".into()
        }
        (SkipCause::Failure, _) => "it was skipped because of a failure".into(),
        (SkipCause::If, Some(condition)) => {
            format!(
                "it was skipped: its `if: {}` came out false",
                condition.as_str()
            )
        }
        (SkipCause::If, None) => "it was skipped by an `if`".into(),
    }
}

fn caused(view: &View<'_>) -> Option<Line> {
    let (first, _) = view.facts.caused.first()?;
    let names: Vec<&str> = view
        .facts
        .caused
        .iter()
        .map(|(_, task)| task.as_str())
        .collect();
    let more = match view.facts.caused_more {
        0 => String::new(),
        more => format!(" and {}", words::count(more, "more task")),
    };
    let text = format!("because of it, skipped: {}{more}", names.join(", "));
    let events = view.facts.caused.iter().map(|(point, _)| point.seq);
    Some(Line::at(*first, text).also(events))
}

/// A task that is not over.
fn open(view: &View<'_>) -> Option<Line> {
    let task = view.summary.task(view.facts.task());
    if view.facts.ends.contains_key(view.facts.task()) {
        return None;
    }
    let is_over = view.summary.ending.is_some();
    let text = match task.map(|task| &task.standing) {
        _ if is_over => "no event says how it ended",
        Some(Standing::Running) if view.is_driven => "it is running",
        Some(Standing::Running) => {
            "it was running when the journal ends, and nobody drives the run"
        }
        Some(_) if task.is_some_and(|task| task.due.is_some()) => "it waits for its next attempt",
        Some(_) if task.is_some_and(|task| !task.attempts.is_empty()) => {
            "it waits to be sent out again"
        }
        _ => "it has not begun",
    };
    Some(Line::open(text))
}
