//! Why a task could run at all: what it is a part of, what it needs, what its `if` says.

use protocol::ids::TaskId;

use super::facts::{End, Point};
use super::line::{Line, View};
use crate::report::parent_of;

/// Needs that are told one by one; of more only the last and those that did not succeed.
const MAX_NEEDS: usize = 3;

pub(super) fn beginning(view: &View<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let task = view.facts.task();
    let parent = parent_of(task).and_then(|parent| {
        let (first, last) = view.facts.expanded.get(&parent)?;
        Some((parent, *first, *last))
    });
    let is_item = task.as_str().ends_with(']');
    if let Some((parent, first, last)) = &parent {
        lines.push(Line::at(*first, part_of(view, parent)).also([last.seq]));
    }
    // The needs of an item are those of its parent, which came to be after them.
    let end = view.facts.ends.get(task).map(|(_, end)| end);
    if !is_item && end != Some(&End::Reused) {
        lines.extend(needs(view, parent.is_some()));
    }
    lines.extend(condition(view));
    lines
}

fn part_of(view: &View<'_>, parent: &TaskId) -> String {
    let task = view.facts.task().as_str();
    let index = task
        .strip_suffix(']')
        .and_then(|open| open.rsplit_once('['));
    let label = view
        .summary
        .task(view.facts.task())
        .and_then(|task| task.label.as_deref())
        .map_or_else(String::new, |label| format!(" ({label})"));
    match index {
        Some((_, index)) => format!("it is item {index}{label} of {parent}, which expanded"),
        None => format!("it belongs to {parent}, which expanded"),
    }
}

fn needs(view: &View<'_>, is_child: bool) -> Vec<Line> {
    let Some(planned) = &view.planned else {
        return vec![Line::open(
            "the plan cannot be read, so what it needs is not known",
        )];
    };
    let needs: Vec<TaskId> = planned.needs().collect();
    if needs.is_empty() {
        // What came from another run did not wait for this one's approval.
        let approved = view.facts.approved.filter(|_| !is_child);
        let ready = |point: Point| {
            Line::at(
                point,
                "it needs nothing, so it was ready once the plan was approved",
            )
        };
        return approved.map(ready).into_iter().collect();
    }
    let mut ended: Vec<(&TaskId, Point, &End)> = needs
        .iter()
        .filter_map(|need| {
            let (point, end) = view.facts.ends.get(need)?;
            Some((need, *point, end))
        })
        .collect();
    ended.sort_by_key(|(_, point, _)| point.seq);
    let mut lines = Vec::new();
    let is_all = ended.len() == needs.len();
    let last = ended.last().map(|(need, ..)| (*need).clone());
    for (need, point, end) in &ended {
        let is_last = is_all && last.as_ref() == Some(*need);
        let is_plain = matches!(end, End::Done | End::Reused);
        if is_plain && !is_last && needs.len() > MAX_NEEDS {
            continue;
        }
        let decides = if is_last && needs.len() > 1 {
            format!(", the last of its {} needs", needs.len())
        } else {
            String::new()
        };
        let text = format!("it needs {need}, which {}{decides}", how(end));
        lines.push(Line::at(*point, text));
    }
    let open = needs
        .iter()
        .filter(|need| !view.facts.ends.contains_key(need));
    // A run that is over has no open needs; a task that ended before them was cancelled.
    let is_waiting = view.summary.ending.is_none();
    lines.extend(open.filter(|_| is_waiting).take(MAX_NEEDS).map(|need| {
        let task = view.summary.task(need);
        let status = task.map_or("pending", |task| task.standing.status());
        Line::open(format!("it needs {need}, which is {status}"))
    }));
    lines
}

/// How a need ended.
pub(super) fn how(end: &End) -> &'static str {
    match end {
        End::Done => "was done",
        End::Reused => "was carried over from an earlier run",
        End::Failed { tolerated: true } => "failed, which is tolerated",
        End::Failed { tolerated: false } => "failed",
        End::Skipped { .. } => "was skipped",
        End::Cancelled => "was cancelled",
    }
}

/// A condition that let it through: it is said here; one that did not is its end.
fn condition(view: &View<'_>) -> Option<Line> {
    let condition = view.planned.as_ref()?.task().condition()?;
    let leased = view.facts.moments.iter().find(|moment| {
        matches!(
            moment.event.kind,
            protocol::event::EventKind::TaskLeased { .. }
        )
    })?;
    let point = Point {
        seq: leased.event.seq,
        at: leased.event.ts,
    };
    let text = format!("its `if: {}` let it run", condition.as_str());
    Some(Line::at(point, text))
}
