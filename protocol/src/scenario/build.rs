//! From YAML events to the tree: anchors, aliases and `<<` within a budget proportional to the file,
//! duplicate keys, and everything of YAML that a scenario has no use for, refused.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as Mark};

use crate::diagnostic::{Diagnostic, Problems};
use crate::source::Span;

use super::map_keys::{check_keys, merge};
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
        parsed: 0,
        problems,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        let step = match event {
            Ok((event, mark)) => {
                let span = span_of(mark);
                builder.parsed = span.end;
                builder.event(event, span)
            }
            Err(error) => {
                builder.syntax(&error);
                Err(Stopped)
            }
        };
        if step.is_err() {
            builder.tree.root = None;
            return builder.tree;
        }
    }
    builder.refuse_unused_anchors();
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

/// What an anchor marks.
#[derive(Clone, Copy)]
struct Anchored {
    node: NodeId,
    weight: u64,
    is_used: bool,
}

struct Builder<'s, 'p> {
    tree: Tree<'s>,
    stack: Vec<Open>,
    /// Children of all open collections.
    pending: Vec<NodeId>,
    /// Finished anchored nodes.
    anchors: HashMap<usize, Anchored>,
    documents: usize,
    aliases: usize,
    unfolded: u64,
    /// The end of the last event.
    parsed: u32,
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
                self.scalar(&text, style, anchor, span);
                if tag.is_some() {
                    self.refuse_scalar_tag(span);
                }
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
        let source = self.tree.source;
        let mut open = self.stack.iter().rev().map(|open| open.start);
        let open = open.find(|start| source[*start as usize..].starts_with(['{', '[']));
        self.problems.push(syntax_help::diagnostic(
            source,
            error,
            at,
            self.parsed,
            open,
        ));
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

    /// `!failure()` is a tag on nothing; that nothing is not complained about, too.
    fn refuse_scalar_tag(&mut self, span: Span) {
        let at = self.tree.span_of_sign(span, '!');
        let line_start = self.tree.source[..at.start as usize].rfind('\n');
        let line = &self.tree.source[line_start.map_or(0, |at| at + 1)..at.start as usize];
        let help = match line.trim_end().ends_with("if:") {
            true => "write `not`: YAML takes `!` for itself",
            false => "remove the tag; quote the value if it must be text",
        };
        self.problems.push(
            Diagnostic::error("yaml-tag", "a YAML tag")
                .at(at)
                .help(help),
        );
        let is_empty = span.start == span.end;
        if let Some(node) = self.tree.nodes.last_mut().filter(|_| is_empty) {
            node.kind = Kind::Broken;
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
            check_keys(&self.tree, &mut children, &mut kind, self.problems);
            merge(&self.tree, &mut children, self.problems);
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
            let anchored = Anchored {
                node: id,
                weight,
                is_used: false,
            };
            self.anchors.insert(anchor, anchored);
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
        let Some(anchored) = self.anchors.get_mut(&anchor) else {
            return self.stop(
                Diagnostic::error("yaml-alias", "an alias inside of what it stands for")
                    .at(span)
                    .help("write the value out"),
            );
        };
        anchored.is_used = true;
        let Anchored { node, weight, .. } = *anchored;
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
        self.place(node, 0, weight);
        Ok(())
    }

    /// `run: &make all` is a shell text that YAML would cut: an anchor on a scalar must be used.
    fn refuse_unused_anchors(&mut self) {
        let unused = self.anchors.values().filter(|anchored| !anchored.is_used);
        let mut unused: Vec<NodeId> = unused.map(|anchored| anchored.node).collect();
        unused.retain(|node| !matches!(self.tree.kind(*node), Kind::List | Kind::Map));
        unused.sort_unstable();
        for node in unused {
            let span = self.tree.span(node);
            let span = self.tree.span_of_sign(span, '&');
            self.problems.push(
                Diagnostic::error("yaml-anchor", "an anchor that nothing refers to")
                    .at(span)
                    .help("quote a text that starts with `&`"),
            );
            self.tree.nodes[node.index()].kind = Kind::Broken;
        }
    }
}
