//! What is said when a recording has no answer: which part of the request is not as it was recorded,
//! with a short diff of it. Everything is bounded; prompts can be megabytes.

use similar::{ChangeTag, TextDiff};

use super::cassette::Cassette;
use super::line::KeptRequest;
use super::nearest::{changed, closeness};
use crate::model::{ErrorKind, ModelError, ModelRequest};

/// Lines of a diff that are shown.
const MAX_LINES: usize = 12;
/// Characters of one of them.
const MAX_COLUMNS: usize = 120;
/// Characters before the first difference in a long line.
const BEFORE: usize = 30;
/// Lines on either side that are compared at all, from the first difference on.
const WINDOW: usize = 200;
/// Calls that are held against a request; a bigger recording is told by its first ones.
const MAX_COMPARED: usize = 2_000;

/// The request was asked more often than it was recorded.
pub(super) fn asked_too_often(recorded: usize, before: usize) -> ModelError {
    let times = |n: usize| match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let message = format!(
        "miss: the recording answers this request {}, and it was asked {}",
        times(recorded),
        times(before + 1)
    );
    with_help(message)
}

/// The request was never recorded.
pub(super) fn never_asked(cassette: &Cassette, request: &ModelRequest) -> ModelError {
    let asked = KeptRequest::of(request);
    let calls = cassette.calls.iter().take(MAX_COMPARED).enumerate();
    // The first of equals: in the order that people read.
    let nearest = calls
        .rev()
        .max_by_key(|(_, call)| closeness(&call.request, &asked));
    let Some((at, call)) = nearest else {
        return with_help("miss: the recording holds no call".to_owned());
    };
    let parts = changed(&call.request, &asked);
    let Some(first) = parts.first() else {
        // Only what was redacted can hide the difference.
        let message = "miss: a request like this was recorded, with something secret in it";
        return with_help(message.to_owned());
    };
    let names: Vec<_> = parts.iter().map(|part| part.as_str()).collect();
    let mut message = format!(
        "miss: this request was not recorded; against call {} of the recording, the nearest one, {} \
         changed",
        at + 1,
        names.join(", ")
    );
    for line in diff(&first.text(&call.request), &first.text(&asked)) {
        message.push_str("\n  ");
        message.push_str(&line);
    }
    with_help(message)
}

fn with_help(message: String) -> ModelError {
    let help = "record it anew with `--record`, or run what was recorded";
    ModelError::new(ErrorKind::Miss, message).help(help)
}

fn diff(recorded: &str, asked: &str) -> Vec<String> {
    let (old, new): (Vec<_>, Vec<_>) = (recorded.lines().collect(), asked.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let window = |lines: &[&str]| -> Vec<String> {
        let lines = lines.iter().skip(same).take(WINDOW);
        lines.map(|line| (*line).to_owned()).collect()
    };
    let (old, new) = (window(&old), window(&new));
    let column = match (old.first(), new.first()) {
        (Some(a), Some(b)) => a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (
        old.iter().map(String::as_str).collect(),
        new.iter().map(String::as_str).collect(),
    );
    let compared = TextDiff::from_slices(&old, &new);
    let changes = compared.iter_all_changes();
    let changes = changes.filter_map(|change| match change.tag() {
        ChangeTag::Equal => None,
        ChangeTag::Delete => Some(format!("- {}", cut(change.value(), column))),
        ChangeTag::Insert => Some(format!("+ {}", cut(change.value(), column))),
    });
    let mut lines: Vec<_> = changes.take(MAX_LINES + 1).collect();
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        lines.push("…".to_owned());
    }
    lines
}

/// A line around the first difference, without what moves a cursor.
fn cut(line: &str, column: usize) -> String {
    let from = match column + BEFORE {
        near if near < MAX_COLUMNS => 0,
        _ => column - BEFORE,
    };
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut chars = line.chars().skip(from).map(plain);
    let mut text: String = chars.by_ref().take(MAX_COLUMNS).collect();
    if from > 0 {
        text.insert(0, '…');
    }
    if chars.next().is_some() {
        text.push('…');
    }
    text
}
