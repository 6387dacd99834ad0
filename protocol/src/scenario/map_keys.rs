//! The keys of one map of the tree: each is text and stands once, and `<<` takes in other maps.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Problems};

use super::tree::{Kind, NodeId, Tree};

/// Every key is text and stands once; others are reported and dropped.
pub(super) fn check_keys(
    tree: &Tree<'_>,
    children: &mut Vec<NodeId>,
    kind: &mut Kind,
    problems: &mut Problems,
) {
    let mut bad = Vec::new();
    let mut seen: HashMap<&str, NodeId> = HashMap::new();
    let many = children.len() > 16;
    for (at, pair) in children.chunks_exact(2).enumerate() {
        let key = pair[0];
        let Some(text) = tree.text(key) else {
            bad.push((at, not_text(tree, key)));
            continue;
        };
        // A merge key is no key; two of them are two keys.
        let first = if many {
            seen.get(text).copied()
        } else {
            let before = children.chunks_exact(2).take(at).map(|pair| pair[0]);
            before
                .into_iter()
                .find(|other| tree.text(*other) == Some(text))
        };
        match first {
            Some(first) => {
                // Counting lines is dear, and nobody reads the thousandth.
                let few = bad.len() < Problems::MAX && !problems.is_full();
                bad.push((at, duplicate(tree, key, few.then_some(first), text)));
            }
            None if many => drop(seen.insert(text, key)),
            None => {}
        }
    }
    if bad.is_empty() {
        return;
    }
    if bad
        .iter()
        .any(|(at, _)| tree.text(children[2 * at]).is_none())
    {
        *kind = Kind::Broken;
    }
    let drop_at: std::collections::HashSet<usize> = bad.iter().map(|(at, _)| *at).collect();
    let mut kept = Vec::with_capacity(children.len());
    for (at, pair) in children.chunks_exact(2).enumerate() {
        if !drop_at.contains(&at) {
            kept.extend_from_slice(pair);
        }
    }
    *children = kept;
    bad.into_iter()
        .for_each(|(_, problem)| problems.push(problem));
}

/// Takes in the entries of `<<: *base` or `<<: [*a, *b]`; own entries win, then the first base.
pub(super) fn merge(tree: &Tree<'_>, children: &mut Vec<NodeId>, problems: &mut Problems) {
    let is_merge = |id: NodeId| tree.kind(id) == Kind::Plain && tree.text(id) == Some("<<");
    let Some(at) = children.chunks_exact(2).position(|pair| is_merge(pair[0])) else {
        return;
    };
    let base = children[2 * at + 1];
    children.drain(2 * at..2 * at + 2);
    let bases = match tree.kind(base) {
        Kind::List => tree.children(base).to_vec(),
        _ => vec![base],
    };
    if let Some(wrong) = bases.iter().find(|base| tree.kind(**base) != Kind::Map) {
        if tree.kind(*wrong) != Kind::Broken {
            let span = tree.span(*wrong);
            problems.push(
                Diagnostic::error("yaml-merge", "`<<` takes a map, or a list of maps")
                    .at(span)
                    .help("write `<<: *anchor` where the anchor marks a map"),
            );
        }
        return;
    }
    for base in bases {
        for (key, value) in tree.entries(base) {
            let text = tree.text(key);
            if !children
                .chunks_exact(2)
                .any(|pair| tree.text(pair[0]) == text)
            {
                children.extend([key, value]);
            }
        }
    }
}

fn not_text(tree: &Tree<'_>, key: NodeId) -> Diagnostic {
    let span = tree.span(key);
    let problem = Diagnostic::error("key-not-text", "a key that is not text").at(span);
    let braces = tree.source[..span.start as usize].ends_with('{') && tree.kind(key) != Kind::List;
    if braces {
        let inner: String = tree.source[span.start as usize..span.end as usize]
            .trim_matches(['{', '}', ' '])
            .chars()
            .take(60)
            .collect();
        problem.help(format!(
            "YAML reads `{{{{ }}}}` as maps; write \"${{{{ {inner} }}}}\" in quotes"
        ))
    } else {
        problem.help("keys are plain words")
    }
}

fn duplicate(tree: &Tree<'_>, key: NodeId, first: Option<NodeId>, text: &str) -> Diagnostic {
    let line = first.map(|first| {
        let before = &tree.source[..tree.span(first).start as usize];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        format!("; first in line {line}")
    });
    let shown: String = text.chars().take(60).collect();
    let line = line.unwrap_or_default();
    Diagnostic::error("duplicate-key", format!("`{shown}` is given twice{line}"))
        .at(tree.span(key))
        .help("keep one of them")
}
