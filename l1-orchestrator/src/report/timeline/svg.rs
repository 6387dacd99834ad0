//! The timeline as SVG. Places are percents of its width, so that it fits any page without making its
//! text smaller; a row is its text and, below, its bars.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::rows::{Row, Timeline};
use crate::report::anchor;
use crate::report::redact::Redactor;
use crate::report::xml::escape;

/// Height of a row.
const ROW: usize = 32;
/// Above the rows, for the scale.
const HEAD: usize = 22;
/// Narrowest bar that can be seen, percent.
const LEAST: f64 = 0.4;
/// Longest label.
const MAX_LABEL: usize = 26;

/// The picture; empty when nothing ran. Bars lead to `anchors`, where there is one of theirs.
#[must_use]
pub fn svg(timeline: &Timeline<'_>, redact: Redactor, anchors: &HashSet<String>) -> String {
    if timeline.rows.is_empty() {
        return String::new();
    }
    let height = HEAD + timeline.rows.len() * ROW + 4;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bars\" width=\"100%\" height=\"{height}\" \
         role=\"img\" aria-label=\"Timeline: one bar an attempt\">\n"
    );
    for (at, anchor) in [
        (0, "start"),
        (25, "middle"),
        (50, "middle"),
        (75, "middle"),
        (100, "end"),
    ] {
        let time = redact.duration(timeline.span * at / 100);
        write!(
            text,
            "<line class=\"grid\" x1=\"{at}%\" x2=\"{at}%\" y1=\"{HEAD}\" y2=\"{height}\"/>\
             <text x=\"{at}%\" y=\"14\" text-anchor=\"{anchor}\">{}</text>",
            escape(&time)
        )
        .expect("into a string");
    }
    text.push('\n');
    for cut in &timeline.cuts {
        let at = percent(*cut, timeline.span);
        writeln!(
            text,
            "<line class=\"cut\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"{HEAD}\" y2=\"{height}\">\
             <title>nobody drove the run here</title></line>"
        )
        .expect("into a string");
    }
    for (n, row) in timeline.rows.iter().enumerate() {
        let to = match row.attempt {
            Some(number) => anchor::of_attempt(&row.task.id, number),
            None => anchor::of_task(&row.task.id),
        };
        if anchors.contains(&to) {
            write!(text, "<a href=\"#{}\">", escape(&to)).expect("into a string");
            draw(&mut text, row, HEAD + n * ROW, timeline.span, redact);
            text.push_str("</a>\n");
        } else {
            text.push_str("<g>");
            draw(&mut text, row, HEAD + n * ROW, timeline.span, redact);
            text.push_str("</g>\n");
        }
    }
    text.push_str("</svg>\n");
    text
}

fn draw(text: &mut String, row: &Row<'_>, top: usize, span: Duration, redact: Redactor) {
    let label: String = row.task.name().chars().take(MAX_LABEL).collect();
    let label = escape(&label);
    let how = escape(&row.how);
    let (told, shown) = match row.attempt {
        Some(number) => (
            format!("attempt {number}, {how}"),
            format!("#{number} {how}"),
        ),
        None => (how.clone(), how),
    };
    let start = escape(&redact.offset(row.start));
    let wait = escape(&redact.duration(row.wait()));
    let ran = escape(&redact.duration(row.ran()));
    let class = row.look.class();
    let (y, bar) = (top + 13, top + 18);
    write!(
        text,
        "<title>{label}, {told}: from {start}, waited {wait}, ran \
         {ran}</title><text x=\"0\" y=\"{y}\">{label} <tspan class=\"quiet\">{shown}, {ran}</tspan></text>"
    )
    .expect("into a string");
    let place = |at| {
        if redact == Redactor::default() {
            percent(at, span)
        } else {
            0.0
        }
    };
    let (ready, start, end) = (place(row.ready), place(row.start), place(row.end));
    if start - ready > 0.05 {
        let width = start - ready;
        write!(
            text,
            "<rect class=\"wait\" x=\"{ready:.2}%\" y=\"{}\" width=\"{width:.2}%\" height=\"2\"/>",
            bar + 4
        )
        .expect("into a string");
    }
    let width = (end - start).max(LEAST);
    let x = start.min(100.0 - width);
    write!(
        text,
        "<rect class=\"ran {class}\" x=\"{x:.2}%\" y=\"{bar}\" width=\"{width:.2}%\" height=\"10\" rx=\"2\"/>"
    )
    .expect("into a string");
}

fn percent(at: Duration, span: Duration) -> f64 {
    let share = at.as_secs_f64() * 100.0 / span.as_secs_f64().max(1e-6);
    share.clamp(0.0, 100.0)
}
