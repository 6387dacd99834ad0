//! Graphviz DOT.

use std::fmt::Write as _;

use super::look::Look;
use super::picture::Picture;

/// The picture as a DOT graph of this name.
#[must_use]
pub fn dot(picture: &Picture, name: &str) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  rankdir=LR;\n  node [style=filled, fontname=\"monospace\", \
         fontcolor=\"#111111\"];\n",
        escape(name)
    );
    if let Some(note) = &picture.note {
        writeln!(text, "  label=\"{}\";", escape(note)).expect("into a string");
    }
    for (n, node) in picture.nodes.iter().enumerate() {
        let (fill, stroke) = node.look.colors();
        let title = escape(&node.title);
        let note = match node.note.as_str() {
            "" => String::new(),
            note => format!("\\n{}", escape(note)),
        };
        let shape = shape(node.look);
        writeln!(
            text,
            "  t{n} [label=\"{title}{note}\", {shape}, fillcolor=\"{fill}\", color=\"{stroke}\"];"
        )
        .expect("into a string");
    }
    for (from, to) in &picture.edges {
        writeln!(text, "  t{from} -> t{to};").expect("into a string");
    }
    text.push_str("}\n");
    text
}

const fn shape(look: Look) -> &'static str {
    match look {
        Look::Failed | Look::Tolerated => "shape=hexagon",
        Look::Skipped | Look::Cancelled => "shape=parallelogram",
        Look::Done => "shape=box, style=\"filled,rounded\"",
        Look::Running => "shape=box, penwidth=3",
        Look::Waiting | Look::Plain => "shape=box",
    }
}

fn escape(text: &str) -> String {
    let text = crate::ui::sanitize(text);
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
