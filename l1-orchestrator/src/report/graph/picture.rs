//! From a plan, and a run of it if there is one, to what is drawn.

use protocol::plan::Plan;

use super::collapse::{MAX_EDGES, MAX_GROUPS, readable};
use super::look::Look;
use super::sketch::Group;
use super::unfold::unfold;
use crate::report::summary::RunSummary;
use crate::report::words;

/// Longest label; the rest is behind the task's id.
const MAX_LABEL: usize = 28;

/// One thing of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its first line.
    pub title: String,
    /// Its second line: word, counts.
    pub note: String,
    /// How it is drawn.
    pub look: Look,
    /// Where a reader finds more, without `#`.
    pub anchor: Option<String>,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Nodes, each after what it needs.
    pub nodes: Vec<Node>,
    /// Edges by position.
    pub edges: Vec<(u32, u32)>,
    /// What was made of it to keep it readable, or why there is nothing.
    pub note: Option<String>,
}

/// The picture of a plan, colored by a run of it.
#[must_use]
pub fn picture(plan: &Plan, summary: Option<&RunSummary>) -> Picture {
    let sketch = unfold(plan, summary);
    let (tasks, edges) = (sketch.groups.len(), sketch.edges.len());
    let Some(small) = readable(sketch) else {
        let note = format!(
            "Not drawn: {tasks} tasks and {edges} edges do not get below {MAX_GROUPS} groups and \
             {MAX_EDGES} edges."
        );
        return Picture {
            note: Some(note),
            ..Picture::default()
        };
    };
    let note = (small.groups.len() < tasks).then(|| {
        let groups = words::count(small.groups.len(), "group");
        format!("{tasks} tasks with {edges} edges are drawn as {groups}.")
    });
    let unplanned = "Not drawn: the goal has no plan yet.";
    let note = note.or_else(|| plan.awaits_planning().then(|| unplanned.to_owned()));
    Picture {
        nodes: small.groups.iter().map(node).collect(),
        edges: small.edges.into_iter().collect(),
        note,
    }
}

fn node(group: &Group) -> Node {
    let look = group.look();
    let note = match (group.tasks, &group.detail) {
        (1, Some(detail)) => format!("{} {detail}", look.word()).trim().to_owned(),
        (1, None) => look.word().to_owned(),
        (tasks, _) => {
            let there = Look::ALL
                .iter()
                .filter(|look| group.looks[**look as usize] > 0);
            let counted: Vec<String> = there
                .filter(|look| !look.word().is_empty())
                .map(|look| format!("{} {}", group.looks[*look as usize], look.word()))
                .collect();
            if counted.is_empty() {
                words::count(tasks, "task")
            } else {
                counted.join(", ")
            }
        }
    };
    let title = if group.tasks == 1 {
        cut(&group.first, MAX_LABEL)
    } else {
        let half = MAX_LABEL / 2;
        format!("{} … {}", cut(&group.first, half), cut(&group.last, half))
    };
    Node {
        title,
        note,
        look,
        anchor: group.anchor.clone(),
    }
}

/// The text, or its beginning and an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    cut.push('…');
    cut
}
