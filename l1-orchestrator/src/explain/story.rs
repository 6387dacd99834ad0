//! What happened to the task, event by event: sent out, tried, repeated, lost, opened again.

use std::time::Duration;

use protocol::event::{AttemptEnd, Event, EventKind, LeaseEnd};
use protocol::ids::{WorkerId, is_local_worker};
use protocol::outcome::FailureClass;
use protocol::policy::RetryPolicy;

use super::facts::{Freed, Moment, Point};
use super::line::{Line, View};
use crate::report::words;

/// Since when the task waits, and what for.
#[derive(Clone, Copy)]
enum Waits {
    Ready(Point),
    Delay(Point, Duration),
}

pub(super) fn story(view: &View<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut waits = ready(view).map(Waits::Ready);
    let mut done = None;
    for moment in &view.facts.moments {
        let point = point(&moment.event);
        if matches!(moment.event.kind, EventKind::TaskReopened { .. }) {
            // Its earlier end is only told where it was undone.
            lines.extend(done.take().map(|done| Line::at(done, "it was done")));
        }
        lines.extend(tell(view, moment, point, waits));
        match &moment.event.kind {
            EventKind::TaskDone { .. } => done = Some(point),
            EventKind::AttemptRetrying {
                delay_ms,
                in_place: false,
                ..
            } => waits = Some(Waits::Delay(point, Duration::from_millis(*delay_ms))),
            EventKind::LeaseLost { .. }
            | EventKind::TaskReopened { .. }
            | EventKind::RunResumed { .. } => waits = Some(Waits::Ready(point)),
            _ => {}
        }
    }
    if view.facts.dropped > 0 {
        let more = words::count(view.facts.dropped, "more event");
        lines.push(Line::open(format!("{more} of it are in the journal")));
    }
    lines
}

fn point(event: &Event) -> Point {
    Point {
        seq: event.seq,
        at: event.ts,
    }
}

/// When everything was over that it waited for.
fn ready(view: &View<'_>) -> Option<Point> {
    let parent = crate::report::parent_of(view.facts.task());
    let parent = parent.and_then(|parent| view.facts.expanded.get(&parent));
    let is_item = view.facts.task().as_str().ends_with(']');
    let needs = view.planned.iter().flat_map(|planned| planned.needs());
    let needs = needs.filter(|_| !is_item);
    needs
        .filter_map(|need| view.facts.ends.get(&need).map(|(point, _)| *point))
        .chain(view.facts.approved)
        .chain(parent.map(|(_, last)| *last))
        .max_by_key(|point| point.seq)
}

fn tell(view: &View<'_>, moment: &Moment, point: Point, waits: Option<Waits>) -> Option<Line> {
    let duration = |span| view.redact.duration(span);
    let text = match &moment.event.kind {
        EventKind::TaskLeased { worker, .. } => {
            return Some(leased(view, moment, point, worker, waits));
        }
        EventKind::AttemptStarted { attempt, .. } => format!("attempt {attempt} began"),
        EventKind::AttemptFinished { attempt, end, .. } => {
            let took = duration(Duration::from_micros(end.wall_us));
            format!("attempt {attempt} {} after {took}", finished(end))
        }
        EventKind::AttemptRetrying {
            attempt,
            delay_ms,
            in_place,
            ..
        } => {
            let delay = duration(Duration::from_millis(*delay_ms));
            let place = if *in_place {
                "on the same worker"
            } else {
                "handed back, so that no slot waits for it"
            };
            let allowed = retry(view).map_or_else(String::new, |retry| {
                let extra = usize::try_from(retry.max).unwrap_or(usize::MAX);
                format!(
                    ": its `retry` allows {}",
                    words::count(extra, "extra attempt")
                )
            });
            format!("it is repeated{allowed}; attempt {attempt} in {delay}, {place}")
        }
        EventKind::FindingRaised(finding) => {
            let message = crate::ui::sanitize(&finding.message);
            format!(
                "the policy's {} `{}`: {message}",
                finding.severity.as_str(),
                finding.code
            )
        }
        EventKind::LeaseLost { cause, .. } => lost(*cause).into(),
        EventKind::ResultLate { .. } => {
            "a result came from a worker that no longer held it, and was ignored".into()
        }
        EventKind::TaskReopened { path, .. } => {
            let path = crate::ui::sanitize(path);
            format!("it was opened again: `{path}` is no longer what it sealed")
        }
        EventKind::TaskExpanded { .. } => return expanded(view, point),
        EventKind::TaskReused { run, .. } => {
            let run = view.redact.run(run);
            format!("its result was carried over from run {run}; it did not run again")
        }
        EventKind::RunPaused { cause } => {
            format!("the run was paused: {}", crate::ui::sanitize(cause))
        }
        EventKind::RunResumed { .. } => "the run was taken up again".into(),
        EventKind::RunCancelling { by } => {
            format!("the run was stopped by {}", words::origin(by))
        }
        _ => return None,
    };
    Some(Line::at(point, text))
}

/// What was waited for until a worker took it.
fn leased(
    view: &View<'_>,
    moment: &Moment,
    point: Point,
    worker: &WorkerId,
    waits: Option<Waits>,
) -> Line {
    let to = if is_local_worker(worker) {
        String::new()
    } else {
        format!(" to worker {worker}")
    };
    let duration = |span| view.redact.duration(span);
    let (since, delay) = match waits {
        Some(Waits::Ready(since)) => (since, Duration::ZERO),
        Some(Waits::Delay(since, delay)) => (since, delay),
        None => return Line::at(point, format!("it was sent out{to}")),
    };
    let waited = point.at.since(since.at);
    let beyond = waited.saturating_sub(delay);
    // Only where every slot was taken until then did the task wait for that one.
    let slots = view.summary.slots();
    let is_awaited = |freed: &&Freed| freed.point.seq > since.seq && freed.taken >= slots as usize;
    if let Some(freed) = moment.freed.as_ref().filter(is_awaited) {
        let slots = view.redact.machine(slots);
        let text = format!(
            "it waited {} for a slot, of which there are {slots}, until {} gave one back; then it \
             was sent out{to}",
            duration(beyond),
            freed.task
        );
        return Line::at(point, text).also([since.seq, freed.point.seq]);
    }
    let text = if delay > Duration::ZERO {
        let delay = duration(delay);
        format!("it was sent out{to} once its delay of {delay} was over")
    } else {
        format!("it was sent out{to} {} later", duration(beyond))
    };
    Line::at(point, text).also([since.seq])
}

fn finished(end: &AttemptEnd) -> String {
    let Some(failure) = &end.failure else {
        return "succeeded".into();
    };
    match (failure.class, end.exit, end.signal) {
        (FailureClass::ToolFailed, Some(exit), _) => format!("failed with exit {exit}"),
        (FailureClass::ToolFailed, None, Some(signal)) => format!("failed by signal {signal}"),
        (FailureClass::Cancelled, ..) => "was stopped".into(),
        (class, ..) => {
            let message = crate::ui::sanitize(&failure.message).replace('\n', " ");
            format!("failed ({class}: {message})")
        }
    }
}

const fn lost(cause: LeaseEnd) -> &'static str {
    match cause {
        LeaseEnd::WorkerLost => "its worker was lost; it is sent out again",
        LeaseEnd::CoordinatorRestarted => {
            "it was interrupted with its coordinator; it is sent out again"
        }
        LeaseEnd::HandedBack => "its worker shut down and gave it back",
    }
}

/// Told once, at the last chunk.
fn expanded(view: &View<'_>, point: Point) -> Option<Line> {
    let (first, last) = view.facts.expanded.get(view.facts.task())?;
    let expansion = view.summary.task(view.facts.task())?.expansion.as_ref()?;
    if last.seq != point.seq {
        return None;
    }
    let text = if expansion.is_nested {
        "it expanded into the tasks of the scenario it uses".to_owned()
    } else {
        let items = usize::try_from(expansion.items).unwrap_or(usize::MAX);
        let more = if expansion.is_complete { "" } else { " so far" };
        format!("it expanded into {}{more}", words::count(items, "item"))
    };
    Some(Line::at(point, text).also([first.seq]))
}

/// The retry policy in force: its own within those of what it is nested in.
pub(super) fn retry<'a>(view: &'a View<'_>) -> Option<&'a RetryPolicy> {
    view.planned.as_ref()?.bounds().retry.as_ref()
}
