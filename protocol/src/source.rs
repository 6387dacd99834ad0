//! An authored file as text, and the way from byte offsets to line, column and excerpt.
//!
//! Offsets are `u32`: the size cap of every authored file is far below 4 GiB. Rendering with carets
//! and colors is not here.

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

/// Bytes `start..end` of a source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span; an `end` before `start` is raised to it.
    #[must_use]
    pub fn new(start: u32, end: u32) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }
}

/// A position for people, both numbers from 1, `column` in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// One line of source around a span, short enough to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number, from 1.
    pub line: u32,
    /// The line, or the part of it around the span, with `…` where it was cut.
    pub text: String,
    /// The span in `text`, in bytes; a span over several lines ends with its first.
    pub mark: Range<usize>,
}

/// A named source text.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    /// Byte offset of each line's start; made at the first question, so a clean file never pays.
    lines: OnceLock<Vec<u32>>,
}

impl PartialEq for SourceFile {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

impl Eq for SourceFile {}

/// Characters shown before and within a span of a long line: wider than any terminal, small enough
/// for a report.
const EXCERPT_CHARS: usize = 120;

impl SourceFile {
    /// A source; `name` is what diagnostics print before the line.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
        }
    }

    /// The name given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span, cut to character boundaries.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        let start = self.floor(span.start as usize);
        let end = self.floor(span.end as usize).max(start);
        &self.text[start..end]
    }

    /// Line and column of a byte offset; one beyond the end counts as the end.
    #[must_use]
    pub fn location(&self, offset: u32) -> Location {
        let offset = self.floor(offset as usize);
        let (line, start) = self.line_of(offset);
        let column = self.text[start..offset].chars().count() + 1;
        Location {
            line,
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The line a span starts on, cut to what can be shown.
    #[must_use]
    pub fn excerpt(&self, span: Span) -> Excerpt {
        let start = self.floor(span.start as usize);
        let (line, line_start) = self.line_of(start);
        let rest = &self.text[start..];
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let line_end = line_start + self.text[line_start..line_end].trim_end_matches('\r').len();
        let end = self
            .floor(span.end as usize)
            .clamp(start, line_end.max(start));

        let from = back(&self.text[line_start..start], EXCERPT_CHARS) + line_start;
        let mark_end = forward(&self.text[start..end], EXCERPT_CHARS) + start;
        let tail = self.text.get(mark_end..line_end).unwrap_or_default();
        let to = forward(tail, EXCERPT_CHARS) + mark_end;

        let mut text = String::with_capacity(to - from + 6);
        if from > line_start {
            text.push('…');
        }
        let shift = text.len();
        text.push_str(&self.text[from..to]);
        if to < line_end {
            text.push('…');
        }
        Excerpt {
            line,
            text,
            mark: start - from + shift..mark_end - from + shift,
        }
    }

    fn line_of(&self, offset: usize) -> (u32, usize) {
        let lines = self.lines.get_or_init(|| {
            let after = |(at, _): (usize, _)| u32::try_from(at + 1).unwrap_or(u32::MAX);
            std::iter::once(0)
                .chain(self.text.match_indices('\n').map(after))
                .collect()
        });
        let index = lines
            .partition_point(|start| *start as usize <= offset)
            .max(1)
            - 1;
        (
            u32::try_from(index + 1).unwrap_or(u32::MAX),
            lines[index] as usize,
        )
    }

    fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

fn back(text: &str, chars: usize) -> usize {
    text.char_indices()
        .rev()
        .nth(chars.saturating_sub(1))
        .map_or(0, |(at, _)| at)
}

fn forward(text: &str, chars: usize) -> usize {
    text.char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = SourceFile::new("x", "ab\néé: z\n");
        assert_eq!(source.location(0), Location { line: 1, column: 1 });
        assert_eq!(source.location(3), Location { line: 2, column: 1 });
        assert_eq!(source.location(9), Location { line: 2, column: 5 });
        assert_eq!(source.location(999), Location { line: 3, column: 1 });
        assert_eq!(
            source.location(4),
            Location { line: 2, column: 1 },
            "inside é"
        );
    }

    #[test]
    fn excerpts_mark_the_span() {
        let source = SourceFile::new("x", "one\r\ntwo three\r\n");
        let excerpt = source.excerpt(Span::new(9, 14));
        assert_eq!((excerpt.line, excerpt.text.as_str()), (2, "two three"));
        assert_eq!(&excerpt.text[excerpt.mark], "three");
        let at_end = source.excerpt(Span::new(999, 999));
        assert_eq!(
            (at_end.line, at_end.text.as_str(), at_end.mark),
            (3, "", 0..0)
        );
    }

    #[test]
    fn huge_lines_are_cut_around_the_span() {
        let text = format!("{}HERE{}", "é".repeat(100_000), "x".repeat(100_000));
        let source = SourceFile::new("x", text);
        let excerpt = source.excerpt(Span::new(200_000, 200_004));
        assert!(excerpt.text.chars().count() < 3 * EXCERPT_CHARS);
        assert_eq!(&excerpt.text[excerpt.mark], "HERE");
        assert!(excerpt.text.starts_with('…') && excerpt.text.ends_with('…'));
    }

    #[test]
    fn a_span_over_lines_is_marked_on_its_first() {
        let source = SourceFile::new("x", "a: b\nc: d\n");
        let excerpt = source.excerpt(Span::new(3, 8));
        assert_eq!((excerpt.text.as_str(), excerpt.mark), ("a: b", 3..4));
    }
}
