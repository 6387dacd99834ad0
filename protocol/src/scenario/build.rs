//! From YAML events to the tree: anchors, aliases and `<<` within a budget proportional to the file,
//! duplicate keys, and everything of YAML that a scenario has no use for, refused.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as Mark};

use crate::diagnostic::{Diagnostic, Problems};
use crate::source::Span;

use super::syntax_help;
use super::tree::{Kind, Node, NodeId, Tree};

/// Levels of nesting; a scenario needs six.
const MAX_DEPTH: usize = 64;
/// Aliases of one file.
const MAX_ALIASES: usize = 20_000;
/// Characters a key may be away from its `:`.
const MAX_KEY_CHARS: usize = 1024;
/// Bytes that a node weighs beside its text, for the budget below.
const NODE_WEIGHT: u64 = 16;

/// What all aliases of a file may unfold to, in bytes: a small multiple of the file itself, so that
/// a shared block in every task fits and a bomb does not.
fn alias_budget(source: &str) -> u64 {
    64 * 1024 + 16 * source.len() as u64
}

/// Reads one YAML document. On a syntax error the tree has no root.
pub(super) fn build<'s>(source: &'s str, problems: &mut Problems) -> Tree<'s> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.block_nesting_limit = MAX_DEPTH;
    options.flow_nesting_limit = MAX_DEPTH;
    options.simple_key_max_lookahead = MAX_KEY_CHARS;
    let mut builder = Builder {
        tree: Tree::new(source),
        stack: Vec::new(),
        pending: Vec::new(),
        anchors: HashMap::new(),
        documents: 0,
        aliases: 0,
        unfolded: 0,
        problems,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        let step = match event {
            Ok((event, mark)) => builder.event(event, span_of(mark)),
            Err(error) => {
                builder.syntax(&error);
                Err(Stopped)
            }
        };
        if step.is_err() {
            builder.tree.root = None;
            break;
        }
    }
    builder.tree
}

fn span_of(mark: Mark) -> Span {
    let offset = |at: Option<usize>| u32::try_from(at.unwrap_or(0)).unwrap_or(u32::MAX);
    Span::new(
        offset(mark.start.byte_offset()),
        offset(mark.end.byte_offset()),
    )
}

/// A problem after which the rest of the file means nothing.
struct Stopped;

/// A collection that is not closed yet.
struct Open {
    is_map: bool,
    start: u32,
    /// Its first child in `pending`.
    first: usize,
    anchor: usize,
    weight: u64,
}

struct Builder<'s, 'p> {
    tree: Tree<'s>,
    stack: Vec<Open>,
    /// Children of all open collections.
    pending: Vec<NodeId>,
    /// Finished anchored nodes with their weight.
    anchors: HashMap<usize, (NodeId, u64)>,
    documents: usize,
    aliases: usize,
    unfolded: u64,
    problems: &'p mut Problems,
}

impl Builder<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stopped> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(
                        Diagnostic::error("many-documents", "a second YAML document")
                            .at(span)
                            .help("a scenario is one document; put the other into its own file"),
                    );
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.scalar(&text, style, anchor, span);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(false, anchor, span);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(true, anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => {}
        }
        Ok(())
    }

    fn stop(&mut self, problem: Diagnostic) -> Result<(), Stopped> {
        self.problems.push(problem);
        Err(Stopped)
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = u32::try_from(error.marker().byte_offset().unwrap_or(0)).unwrap_or(u32::MAX);
        self.problems
            .push(syntax_help::diagnostic(self.tree.source, error, at));
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            self.problems.push(
                Diagnostic::error("yaml-tag", "a YAML tag")
                    .at(span)
                    .help("remove the tag; quote the value if it must be text"),
            );
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, span: Span) {
        let kind = match style {
            ScalarStyle::Plain => Kind::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Kind::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Kind::Block,
        };
        let written = &self.tree.source[span.start as usize..span.end as usize];
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // An empty value comes as `~` over no bytes.
        let text = if written.is_empty() && kind == Kind::Plain {
            ""
        } else {
            text
        };
        let quote = u32::from(kind == Kind::Quoted);
        let inner = written.get(quote as usize..written.len() - quote as usize);
        let verbatim = inner.is_some_and(|inner| inner == text);
        let first = if verbatim {
            span.start + quote
        } else {
            let at = narrow(self.tree.cooked.len());
            self.tree.cooked.push_str(text);
            at
        };
        let node = Node {
            kind,
            is_cooked: !verbatim,
            span,
            first,
            count: narrow(text.len()),
        };
        let id = self.tree.add(node);
        self.place(id, anchor, NODE_WEIGHT + text.len() as u64);
    }

    fn open(&mut self, is_map: bool, anchor: usize, span: Span) {
        let first = self.pending.len();
        self.stack.push(Open {
            is_map,
            start: span.start,
            first,
            anchor,
            weight: NODE_WEIGHT,
        });
    }

    fn close(&mut self, span: Span) {
        let Some(open) = self.stack.pop() else { return };
        let mut children = self.pending.split_off(open.first);
        let last = children.last().map(|child| self.tree.span(*child).end);
        // A block collection ends where its last child does, not at the next key.
        let is_flow = self.tree.source[open.start as usize..].starts_with(['[', '{']);
        let end = last
            .filter(|_| !is_flow)
            .unwrap_or(span.end)
            .max(open.start);
        let span = Span::new(open.start, end);
        let mut kind = if open.is_map { Kind::Map } else { Kind::List };
        if open.is_map {
            self.check_keys(&mut children, &mut kind);
            self.merge(&mut children);
        }
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let node = Node {
            kind,
            is_cooked: false,
            span,
            first: narrow(self.tree.children.len()),
            count: narrow(children.len()),
        };
        self.tree.children.extend(children);
        let id = self.tree.add(node);
        self.place(id, open.anchor, open.weight);
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, id: NodeId, anchor: usize, weight: u64) {
        if anchor != 0 {
            self.anchors.insert(anchor, (id, weight));
        }
        match self.stack.last_mut() {
            Some(open) => {
                open.weight = open.weight.saturating_add(weight);
                self.pending.push(id);
            }
            None => self.tree.root = Some(id),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stopped> {
        let Some((id, weight)) = self.anchors.get(&anchor).copied() else {
            return self.stop(
                Diagnostic::error("yaml-alias", "an alias inside of what it stands for")
                    .at(span)
                    .help("write the value out"),
            );
        };
        self.aliases += 1;
        self.unfolded = self.unfolded.saturating_add(weight);
        if self.aliases > MAX_ALIASES || self.unfolded > alias_budget(self.tree.source) {
            return self.stop(
                Diagnostic::error(
                    "yaml-alias",
                    "aliases unfold to far more than the file holds",
                )
                .at(span)
                .help("write the values out, or share less"),
            );
        }
        self.place(id, 0, weight);
        Ok(())
    }

    /// Every key is text and stands once; others are reported and dropped.
    fn check_keys(&mut self, children: &mut Vec<NodeId>, kind: &mut Kind) {
        let mut bad = Vec::new();
        let mut seen: HashMap<&str, NodeId> = HashMap::new();
        let many = children.len() > 16;
        for (at, pair) in children.chunks_exact(2).enumerate() {
            let key = pair[0];
            let Some(text) = self.tree.text(key) else {
                bad.push((at, not_text(&self.tree, key)));
                continue;
            };
            // A merge key is no key; two of them are two keys.
            let first = if many {
                seen.get(text).copied()
            } else {
                let before = children.chunks_exact(2).take(at).map(|pair| pair[0]);
                before
                    .into_iter()
                    .find(|other| self.tree.text(*other) == Some(text))
            };
            match first {
                Some(first) => {
                    // Counting lines is dear, and nobody reads the thousandth.
                    let few = bad.len() < Problems::MAX && !self.problems.is_full();
                    bad.push((at, duplicate(&self.tree, key, few.then_some(first), text)));
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
            .any(|(at, _)| self.tree.text(children[2 * at]).is_none())
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
            .for_each(|(_, problem)| self.problems.push(problem));
    }

    /// Takes in the entries of `<<: *base` or `<<: [*a, *b]`; own entries win, then the first base.
    fn merge(&mut self, children: &mut Vec<NodeId>) {
        let tree = &self.tree;
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
                self.problems.push(
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
