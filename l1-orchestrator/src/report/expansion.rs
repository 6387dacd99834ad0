//! A task that expanded: its children as a roll-up, and what its items are called.

use protocol::ids::TaskId;
use protocol::time::Timestamp;
use serde_json::{Map, Value};

use super::tally::Tally;

/// Longest label of an item.
const MAX_LABEL: usize = 40;

/// What a task has expanded into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// Children that are known: all items, or the tasks of a nested scenario that were heard of.
    pub items: u64,
    /// The tasks of a nested scenario, not one child an item.
    pub is_nested: bool,
    /// All of its items are known.
    pub is_complete: bool,
    /// When its children came to be.
    pub at: Timestamp,
    /// Its children by where they stand.
    pub children: Tally,
    /// What items are called, until each one's task takes it.
    labels: Vec<Box<str>>,
}

impl Expansion {
    /// Takes a chunk in; one that begins with the first item begins anew.
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        first: u32,
        items: Option<&[Value]>,
        complete: bool,
    ) {
        if first == 0 {
            self.labels.clear();
            self.items = 0;
        }
        let items = match items {
            Some(items) => items,
            None => {
                self.is_nested = true;
                &[]
            }
        };
        self.items += items.len() as u64;
        self.labels.extend(items.iter().map(label));
        self.is_complete = complete;
        self.at = at;
    }

    /// The label of the child with this id, which keeps it from now on.
    pub(super) fn take_label(&mut self, child: &TaskId) -> Option<Box<str>> {
        let (_, index) = child.as_str().strip_suffix(']')?.rsplit_once('[')?;
        let label = self.labels.get_mut(index.parse::<usize>().ok()?)?;
        Some(std::mem::take(label)).filter(|label| !label.is_empty())
    }
}

/// The task that this one is a child of, by its id: `a/b[3]` is one of `a/b`, and that one of `a`.
#[must_use]
pub fn parent_of(id: &TaskId) -> Option<TaskId> {
    let id = id.as_str();
    let parent = match id.strip_suffix(']') {
        Some(open) => open.rsplit_once('[')?.0,
        None => id.rsplit_once('/')?.0,
    };
    parent.parse().ok()
}

/// An item in a few words, on one line.
fn label(item: &Value) -> Box<str> {
    let text = match item {
        Value::String(text) => first(text),
        Value::Object(axes) => pairs(axes),
        other => first(&other.to_string()),
    };
    let text = text.replace(['\n', '\t'], " ");
    let text = crate::ui::sanitize(text.trim());
    if text.chars().count() <= MAX_LABEL {
        return text.into();
    }
    let cut: String = text.chars().take(MAX_LABEL - 1).collect();
    format!("{cut}…").into()
}

/// As much of a text as a label can need: the rest of an item may be long.
fn first(text: &str) -> String {
    text.chars().take(4 * MAX_LABEL).collect()
}

fn pairs(axes: &Map<String, Value>) -> String {
    let axes = axes.iter().take(MAX_LABEL);
    let axes: Vec<String> = axes
        .map(|(axis, value)| match value {
            Value::String(text) => format!("{axis}={}", first(text)),
            other => format!("{axis}={}", first(&other.to_string())),
        })
        .collect();
    axes.join(" ")
}

#[cfg(test)]
#[test]
fn items_have_short_labels_on_one_line() {
    let of = |item: serde_json::Value| label(&item).into_string();
    assert_eq!(of("api".into()), "api");
    assert_eq!(of(7.into()), "7");
    let axes = serde_json::json!({ "os": "linux", "rust": 195 });
    assert_eq!(of(axes), "os=linux rust=195");
    assert_eq!(of("a\nb\u{1b}[2J".into()), "a b\\x1b[2J");
    assert_eq!(of("é".repeat(1000).into()).chars().count(), MAX_LABEL);
}
