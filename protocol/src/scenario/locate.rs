//! Places of a plan back to spans of the scenario they came from.
//!
//! The tree is not kept, because most scenarios are right; it is built again when something is not.

use crate::diagnostic::{Diagnostic, Item, Place, Problems};
use crate::source::{SourceFile, Span};

use super::build;
use super::keys::Table;
use super::tree::{Kind, NodeId, Tree};
use super::words::SCENARIO;
use super::words_defaults::DEFAULTS;
use super::words_task::TASK;

/// Gives every diagnostic with a place its span, and sorts all by position. What several aliases
/// share is reported once.
pub(super) fn locate(source: &SourceFile, diagnostics: &mut Vec<Diagnostic>) {
    if diagnostics
        .iter()
        .any(|found| found.span.is_none() && found.place.is_some())
    {
        let tree = build::build(source.text(), &mut Problems::default());
        for diagnostic in diagnostics.iter_mut().filter(|found| found.span.is_none()) {
            diagnostic.span = diagnostic
                .place
                .as_ref()
                .and_then(|place| span(&tree, place));
        }
    }
    diagnostics.sort_by_key(|found| (found.code == Problems::TOO_MANY, found.span));
    diagnostics.dedup_by(|a, b| (a.span, a.code, &a.message) == (b.span, b.code, &b.message));
}

fn span(tree: &Tree<'_>, place: &Place) -> Option<Span> {
    let root = tree.root?;
    let (mut owner, mut table, mut at) = (root, &SCENARIO, Span::new(0, 0));
    if let Some(task) = &place.task {
        let (key, value) = tree.entry(tree.entry(root, "tasks")?.1, task)?;
        (owner, table, at) = (value, &TASK, tree.span(key));
    }
    let Some(field) = &place.field else {
        return Some(at);
    };
    // What a nested scenario takes is what a person wrote as its inputs.
    let field = if field == "parameters" {
        "inputs"
    } else {
        field
    };
    // `effects.read` is a key of a key.
    let mut words = field.split('.');
    let field = words.next().unwrap_or_default();
    let own = entry(tree, owner, table, field);
    let Some((_, mut value)) = own.or_else(|| default(tree, root, field)) else {
        return Some(at);
    };
    for word in words {
        value = tree.entry(value, word).map_or(value, |(_, inner)| inner);
    }
    let (node, at) = match &place.item {
        None => (value, tree.span(value)),
        Some(item) => part(tree, value, item),
    };
    match place.within {
        Some(within) => Some(tree.span_within(node, within)),
        None => Some(at),
    }
}

/// The entry under a key or under one of its aliases.
fn entry(tree: &Tree<'_>, owner: NodeId, table: &Table, key: &str) -> Option<(NodeId, NodeId)> {
    let aliases = table.aliases.iter();
    let mut aliases = aliases.filter(|(_, canonical)| *canonical == key);
    tree.entry(owner, key)
        .or_else(|| aliases.find_map(|(alias, _)| tree.entry(owner, alias)))
}

/// What a task without an entry of its own has from `defaults`.
fn default(tree: &Tree<'_>, root: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
    let (_, defaults) = tree.entry(root, "defaults")?;
    entry(tree, defaults, &DEFAULTS, key)
}

fn part(tree: &Tree<'_>, value: NodeId, item: &Item) -> (NodeId, Span) {
    let found = match item {
        Item::Index(index) if tree.kind(value) == Kind::List => tree
            .children(value)
            .get(*index as usize)
            .map(|item| (*item, tree.span(*item))),
        Item::Index(_) => None,
        Item::Key(key) => tree
            .entry(value, key)
            .map(|(_, entry)| (entry, tree.span(entry))),
        Item::KeyName(key) => tree
            .entry(value, key)
            .map(|(name, _)| (name, tree.span(name))),
    };
    found.unwrap_or((value, tree.span(value)))
}
