//! Tasks in the order in which people read them: failures first, children beneath the task that
//! expanded into them, items by their index. Not a selection: nothing is left out here.

use protocol::ids::TaskId;
use protocol::time::Timestamp;

use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};

/// Where a task and everything beneath it stands among its neighbors.
type Place = (u8, Option<Timestamp>);

/// Every task.
#[must_use]
pub fn outline(summary: &RunSummary) -> Vec<&TaskSummary> {
    let tasks = &summary.tasks;
    let places = places(tasks);
    let mut roots = Vec::new();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (at, task) in tasks.iter().enumerate() {
        match task.parent {
            Some(parent) => children[parent as usize].push(at),
            None => roots.push(at),
        }
    }
    // Both sorts keep the order of equals, which is that in which they were first heard of.
    roots.sort_by_key(|at| places[*at]);
    for below in &mut children {
        below.sort_by_key(|at| {
            let failed = places[*at].0.min(FAILED + 1);
            (failed, index(&tasks[*at].id))
        });
    }
    roots.reverse();
    let mut open = roots;
    let mut outline = Vec::with_capacity(tasks.len());
    while let Some(at) = open.pop() {
        outline.push(&tasks[at]);
        open.extend(children[at].iter().rev());
    }
    outline
}

/// Ranks up to this one are failures.
const FAILED: u8 = 1;

/// A failure counts for everything above it, so that it is not looked for in the middle of a list.
fn places(tasks: &[TaskSummary]) -> Vec<Place> {
    let of = |task: &TaskSummary| {
        (
            task.standing.rank(),
            task.ended.filter(|_| task.is_failed()),
        )
    };
    let mut places: Vec<Place> = tasks.iter().map(of).collect();
    // Whoever expands is heard of before its children.
    for (at, task) in tasks.iter().enumerate().rev() {
        if let Some(parent) = task.parent.map(|parent| parent as usize)
            && places[at].0 <= FAILED
        {
            places[parent] = if places[parent].0 <= FAILED {
                let ended = earlier(places[parent].1, places[at].1);
                (places[parent].0.min(places[at].0), ended)
            } else {
                places[at]
            };
        }
    }
    places
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// The index of an item; tasks of a nested scenario have none.
fn index(id: &TaskId) -> Option<u32> {
    let (_, index) = id.as_str().strip_suffix(']')?.rsplit_once('[')?;
    index.parse().ok()
}

/// Those of an outline that have a line of their own where there is room for so many: of many
/// children only what a reader looks for.
#[must_use]
pub fn told(tasks: Vec<&TaskSummary>, room: usize) -> Vec<&TaskSummary> {
    let unroll = tasks.len() <= room;
    let has_row = |task: &&TaskSummary| {
        let is_quiet = matches!(task.standing, Standing::Done | Standing::Skipped { .. });
        unroll || task.parent.is_none() || !is_quiet
    };
    tasks.into_iter().filter(has_row).collect()
}
