//! The panel beneath the lines: one bar and what runs right now. A pure function of a board, a clock
//! and a size.

use std::time::Duration;

use protocol::time::Timestamp;

use super::board::{Board, Doing};
use crate::report::redact::Redactor;
use crate::ui::{Painter, Size, Tone, width};

/// Running tasks shown, the longest first.
const MAX_RUNNING: usize = 8;
/// Columns of the bar, where there is room.
const BAR: usize = 14;
/// A narrower bar says nothing that the numbers do not.
const MIN_BAR: usize = 6;
/// Eighths of a column.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The lines of the panel. `usual` is how long such a run usually takes, where that is known.
#[must_use]
pub fn panel(
    board: &Board,
    now: Timestamp,
    usual: Option<Duration>,
    size: Size,
    painter: Painter,
    redact: Redactor,
) -> Vec<String> {
    if board.planned == 0 {
        // Nothing is known yet.
        return Vec::new();
    }
    let elapsed = board.elapsed(now);
    let mut lines = vec![headline(board, elapsed, usual, size, painter, redact)];
    // A low terminal keeps room for a finished line above.
    let room = MAX_RUNNING.min(size.rows.saturating_sub(3));
    for running in board.running.iter().take(room) {
        let since = clock(now.since(running.since), redact);
        let since = painter.paint(Tone::Dim, &format!("[{since}]"));
        lines.push(format!("{:8} {since} {}", "", running.name));
    }
    let more = board.running.len().saturating_sub(room);
    if more > 0 && room > 0 {
        let more = painter.paint(Tone::Dim, &format!("and {more} more"));
        lines.push(format!("{:8} {more}", ""));
    }
    lines
}

fn headline(
    board: &Board,
    elapsed: Duration,
    usual: Option<Duration>,
    size: Size,
    painter: Painter,
    redact: Redactor,
) -> String {
    let (tone, word) = match board.doing {
        Doing::Running => (Tone::Strong, "Running"),
        Doing::Stopping => (Tone::Warn, "Stopping"),
        Doing::Paused => (Tone::Warn, "Paused"),
    };
    let time = clock(elapsed, redact);
    let counter = format!("{}/{}", board.over, board.planned);
    // One column stays free, as everywhere in the panel.
    let columns = size.columns.saturating_sub(1);
    let rest = columns.saturating_sub(8 + 2 + width(&time) + 2 + width(&counter) + 3);
    let left = usual.filter(|_| board.doing == Doing::Running);
    let left = left.and_then(|usual| usual.checked_sub(elapsed));
    let numbers = numbers(board, left.map(|left| roughly(left, redact)), rest);
    let room = rest.saturating_sub(width(&numbers) + 1).min(BAR);
    let bar = if room >= MIN_BAR {
        format!("{} ", bar(board, room))
    } else {
        String::new()
    };
    let word = painter.paint(tone, &format!("{word:>8}"));
    format!("{word} [{time}] {bar}{counter}   {numbers}")
}

/// As many of the numbers as fit, what failed before anything else.
fn numbers(board: &Board, left: Option<String>, columns: usize) -> String {
    let failed = format!("{} failed", board.failed);
    let both = format!("{} running · {failed}", board.running.len());
    let all = left.map(|left| format!("{both} · ~{left} left"));
    let mut by_length = all.into_iter().chain([both]);
    by_length
        .find(|text| width(text) <= columns)
        .unwrap_or(failed)
}

fn bar(board: &Board, columns: usize) -> String {
    let whole = columns as u64 * 8;
    let over = board.over as u64 * whole;
    let full = over.checked_div(board.planned).unwrap_or(0).min(whole);
    let (full, eighth) = ((full / 8) as usize, (full % 8) as usize);
    let bar = format!("{}{}", "█".repeat(full), EIGHTHS[eighth]);
    format!("{bar:<columns$}")
}

/// `00:14`, `1:02:03`.
fn clock(span: Duration, redact: Redactor) -> String {
    if redact != Redactor::default() {
        return redact.duration(span);
    }
    let seconds = span.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// `40s`, `2m10s`: no tenths, which nobody can know.
fn roughly(span: Duration, redact: Redactor) -> String {
    let seconds = span.as_secs().max(1);
    if redact == Redactor::default() && seconds < 60 {
        return format!("{seconds}s");
    }
    redact.duration(Duration::from_secs(seconds))
}
