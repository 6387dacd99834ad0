//! The picture as SVG, written by hand: no script, no outside reference, colors by class, so that a
//! page decides about dark and light.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::layout::{Point, layout};
use super::look::Look;
use super::picture::{Node, Picture};
use crate::report::xml::escape;

/// Height of a node.
const HEIGHT: f64 = 40.0;
/// Width of a character of 12 pixels, in a font where all are alike.
const CHARACTER: f64 = 7.3;
/// Beside the text of a node.
const PADDING: f64 = 16.0;
/// Around the picture.
const MARGIN: f64 = 8.0;
/// Above the picture, for a note.
const NOTE: f64 = 22.0;

const STYLE: &str = include_str!("picture.css");

/// Where the picture is shown.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In a page with these anchors.
    Page(&'a HashSet<String>),
    /// On its own.
    File,
}

/// A file of its own, with styles for dark and light.
#[must_use]
pub fn standalone(picture: &Picture) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&svg(picture, Place::File));
    text
}

/// The picture.
#[must_use]
pub fn svg(picture: &Picture, place: Place<'_>) -> String {
    let widths: Vec<f64> = picture.nodes.iter().map(width).collect();
    let layout = layout(picture, &widths);
    let note = picture
        .note
        .as_deref()
        .filter(|_| matches!(place, Place::File));
    let top = MARGIN + note.map_or(0.0, |_| NOTE);
    let written = note.map_or(0.0, |note| note.chars().count() as f64 * CHARACTER);
    let width = layout.width.max(written) + 2.0 * MARGIN;
    let height = layout.height + top + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" width=\"{width:.0}\" \
         height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"Graph of the tasks\">\n"
    );
    if matches!(place, Place::File) {
        writeln!(text, "<style>{STYLE}</style>").expect("into a string");
        text.push_str("<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n");
    }
    text.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
    );
    if let Some(note) = note {
        let note = escape(note);
        writeln!(
            text,
            "<text class=\"note\" x=\"{MARGIN:.0}\" y=\"18\">{note}</text>"
        )
        .expect("into a string");
    }
    writeln!(text, "<g transform=\"translate({MARGIN:.0} {top:.0})\">").expect("into a string");
    for ((from, to), way) in picture.edges.iter().zip(&layout.ways) {
        let (from, to) = (*from as usize, *to as usize);
        let begin = layout.middles[from];
        let end = layout.middles[to];
        let begin = Point {
            x: begin.x + widths[from] / 2.0,
            ..begin
        };
        let end = Point {
            x: end.x - widths[to] / 2.0,
            ..end
        };
        edge(&mut text, begin, way, end);
    }
    for ((node, middle), width) in picture.nodes.iter().zip(&layout.middles).zip(&widths) {
        draw(&mut text, node, *middle, *width, place);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

fn width(node: &Node) -> f64 {
    let longest = columns(&node.title).max(columns(&node.note));
    (longest as f64 * CHARACTER + 2.0 * PADDING).round()
}

/// Characters, wide ones twice.
fn columns(text: &str) -> usize {
    let wide = |c: char| usize::from(u32::from(c) >= 0x1100 && c != '…');
    text.chars().map(|c| 1 + wide(c)).sum()
}

fn edge(text: &mut String, begin: Point, way: &[Point], end: Point) {
    write!(
        text,
        "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M{:.0} {:.0}",
        begin.x, begin.y
    )
    .expect("into a string");
    let mut last = begin;
    for to in way.iter().chain([&end]) {
        let half = ((to.x - last.x) / 2.0).round();
        write!(
            text,
            "C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}",
            last.x + half,
            last.y,
            to.x - half,
            to.y,
            to.x,
            to.y
        )
        .expect("into a string");
        last = *to;
    }
    text.push_str("\"/>\n");
}

fn draw(text: &mut String, node: &Node, middle: Point, width: f64, place: Place<'_>) {
    let link = node
        .anchor
        .as_ref()
        .filter(|own| matches!(place, Place::Page(anchors) if anchors.contains(*own)));
    if let Some(anchor) = link {
        write!(text, "<a href=\"#{}\">", escape(anchor)).expect("into a string");
    }
    let (title, note) = (escape(&node.title), escape(&node.note));
    let (left, top) = (middle.x - width / 2.0, middle.y - HEIGHT / 2.0);
    write!(
        text,
        "<g class=\"node {}\"><title>{title} {note}</title>",
        node.look.class()
    )
    .expect("into a string");
    let (right, bottom) = (left + width, top + HEIGHT);
    match node.look {
        Look::Failed | Look::Tolerated => write!(
            text,
            "<path d=\"M{:.0} {top:.0}H{:.0}L{right:.0} {:.0}L{:.0} {bottom:.0}H{:.0}L{left:.0} {:.0}z\"/>",
            left + 10.0,
            right - 10.0,
            middle.y,
            right - 10.0,
            left + 10.0,
            middle.y
        ),
        Look::Skipped | Look::Cancelled => write!(
            text,
            "<path d=\"M{:.0} {top:.0}H{right:.0}L{:.0} {bottom:.0}H{left:.0}z\"/>",
            left + 10.0,
            right - 10.0
        ),
        look => {
            let radius = if look == Look::Done { HEIGHT / 2.0 } else { 3.0 };
            write!(
                text,
                "<rect x=\"{left:.0}\" y=\"{top:.0}\" width=\"{width:.0}\" height=\"{HEIGHT:.0}\" \
                 rx=\"{radius:.0}\"/>"
            )
        }
    }
    .expect("into a string");
    let title_y = if node.note.is_empty() {
        middle.y + 4.0
    } else {
        middle.y - 3.0
    };
    write!(
        text,
        "<text x=\"{:.0}\" y=\"{title_y:.0}\">{title}</text>",
        middle.x
    )
    .expect("into a string");
    if !node.note.is_empty() {
        write!(
            text,
            "<text class=\"word\" x=\"{:.0}\" y=\"{:.0}\">{note}</text>",
            middle.x,
            middle.y + 12.0
        )
        .expect("into a string");
    }
    text.push_str("</g>");
    if link.is_some() {
        text.push_str("</a>");
    }
    text.push('\n');
}
