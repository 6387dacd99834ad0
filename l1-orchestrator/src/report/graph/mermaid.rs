//! Mermaid, `flowchart LR`, for Markdown readers that draw it. Labels are text of ours or escaped.

use std::fmt::Write as _;

use super::look::Look;
use super::picture::Picture;

/// The picture as the text of a mermaid block, without its fence.
#[must_use]
pub fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    for (n, node) in picture.nodes.iter().enumerate() {
        let (open, close) = shape(node.look);
        let (title, class) = (escape(&node.title), node.look.class());
        let note = match node.note.as_str() {
            "" => String::new(),
            note => format!("<br/>{}", escape(note)),
        };
        writeln!(text, "  t{n}{open}\"{title}{note}\"{close}:::{class}").expect("into a string");
    }
    for (from, to) in &picture.edges {
        writeln!(text, "  t{from} --> t{to}").expect("into a string");
    }
    for look in Look::ALL {
        if picture.nodes.iter().any(|node| node.look == look) {
            let ((fill, stroke), class) = (look.colors(), look.class());
            writeln!(
                text,
                "  classDef {class} fill:{fill},stroke:{stroke},color:#111"
            )
            .expect("into a string");
        }
    }
    text
}

const fn shape(look: Look) -> (&'static str, &'static str) {
    match look {
        Look::Failed | Look::Tolerated => ("{{", "}}"),
        Look::Skipped | Look::Cancelled => ("[/", "/]"),
        Look::Done => ("([", "])"),
        Look::Running => ("[[", "]]"),
        Look::Waiting | Look::Plain => ("[", "]"),
    }
}

/// Text that means nothing but itself between mermaid's quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let harmless = c.is_alphanumeric() || " _-./,:[]()…×".contains(c);
        if harmless {
            out.push(c);
        } else {
            write!(out, "#{};", u32::from(c)).expect("into a string");
        }
    }
    out
}

#[cfg(test)]
#[test]
fn labels_cannot_leave_their_quotes() {
    assert_eq!(escape("a[3] \"]--> é"), "a[3] #34;]--#62; é");
    assert_eq!(escape("<b>`#;"), "#60;b#62;#96;#35;#59;");
}
