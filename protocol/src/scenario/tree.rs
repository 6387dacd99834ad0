//! A YAML document as a compact located tree: 20 bytes a node, positions in `u32`, scalar text taken
//! from the source where it stands there verbatim. `010` stays `010` and `no` stays `no`; what a
//! scalar means is decided by the key it stands under.
//!
//! An alias is the same node again, so the tree is a DAG; its unfolded size is bounded when built.

use crate::source::Span;

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written, or what else a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scalar without quotes.
    Plain,
    /// A scalar in quotes.
    Quoted,
    /// A block scalar, `|` or `>`.
    Block,
    /// A list.
    List,
    /// A map.
    Map,
    /// Something already complained about; whoever meets it stays silent.
    Broken,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Whether a scalar's text is in `cooked` instead of the source.
    pub(super) is_cooked: bool,
    pub(super) span: Span,
    /// A scalar's text, or a collection's children: where it starts and how long it is.
    pub(super) first: u32,
    pub(super) count: u32,
}

#[derive(Debug)]
pub(super) struct Tree<'s> {
    pub(super) source: &'s str,
    pub(super) nodes: Vec<Node>,
    pub(super) children: Vec<NodeId>,
    /// Scalars that are not in the source as they are: escapes, folded lines.
    pub(super) cooked: String,
    pub(super) root: Option<NodeId>,
}

impl<'s> Tree<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            nodes: Vec::new(),
            children: Vec::new(),
            cooked: String::new(),
            root: None,
        }
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer nodes than source bytes"));
        self.nodes.push(node);
        id
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    pub(super) fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }

    /// The text of a scalar.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        let node = self.node(id);
        let range = node.first as usize..(node.first + node.count) as usize;
        match node.kind {
            Kind::Plain | Kind::Quoted | Kind::Block if node.is_cooked => Some(&self.cooked[range]),
            Kind::Plain | Kind::Quoted | Kind::Block => Some(&self.source[range]),
            Kind::List | Kind::Map | Kind::Broken => None,
        }
    }

    /// The word right before a scalar that starts with `sign`, an anchor or a tag; the scalar itself if
    /// there is none.
    pub(super) fn span_of_sign(&self, scalar: Span, sign: char) -> Span {
        let before = self.source[..scalar.start as usize].trim_end();
        let word = before.rfind(|c: char| c.is_whitespace() || matches!(c, '{' | '[' | ','));
        let start = word.map_or(0, |at| at + 1);
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        match before[start..].starts_with(sign) {
            true => Span::new(narrow(start), narrow(before.len())),
            false => scalar,
        }
    }

    /// Whether a node is there but says nothing: an empty value, `~` or `null` without quotes.
    pub(super) fn is_null(&self, id: NodeId) -> bool {
        self.kind(id) == Kind::Plain
            && matches!(self.text(id), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    /// The items of a list, or the alternating keys and values of a map.
    pub(super) fn children(&self, id: NodeId) -> &[NodeId] {
        let node = self.node(id);
        match node.kind {
            Kind::List | Kind::Map => {
                &self.children[node.first as usize..(node.first + node.count) as usize]
            }
            Kind::Plain | Kind::Quoted | Kind::Block | Kind::Broken => &[],
        }
    }

    /// Keys with their values.
    pub(super) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let children = if self.kind(id) == Kind::Map {
            self.children(id)
        } else {
            &[]
        };
        children.chunks_exact(2).map(|pair| (pair[0], pair[1]))
    }

    /// The entry of a map under a key.
    pub(super) fn entry(&self, id: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        self.entries(id)
            .find(|(name, _)| self.text(*name) == Some(key))
    }

    /// The place in the source of bytes of a scalar's text; the whole scalar where escapes or folding
    /// moved them.
    pub(super) fn span_within(&self, id: NodeId, within: Span) -> Span {
        let node = self.node(id);
        let Some(text) = self.text(id) else {
            return node.span;
        };
        if !node.is_cooked {
            let end = (node.first + within.end).min(node.first + node.count);
            return Span::new(node.first + within.start, end);
        }
        let part = text.get(within.start as usize..within.end as usize);
        let written = &self.source[node.span.start as usize..node.span.end as usize];
        let found = part.filter(|part| !part.is_empty()).and_then(|part| {
            let at = u32::try_from(written.find(part)?).ok()?;
            Some(Span::new(
                node.span.start + at,
                node.span.start + at + within.end - within.start,
            ))
        });
        found.unwrap_or(node.span)
    }
}
