//! Problems of an authored file with the line they are on, underlined, and one remedy each.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use protocol::diagnostic::{Diagnostic, Problems, Severity};
use protocol::source::{SourceFile, Span};
use serde_json::{Value, json};

use crate::runs::quoted;
use crate::ui::{Painter, Tone, sanitize};

/// Most problems rendered with their source; the rest are counted. A generated file can have as many
/// as it has lines, and nobody reads past the first screens.
const MAX_RENDERED: usize = 100;

/// `2 problems in notes.yaml; nothing was run`, or `more than 200 …` where not all were kept.
#[must_use]
pub fn headline(source: &SourceFile, problems: &[Diagnostic]) -> String {
    let (kept, more) = split(problems);
    let wrong = kept.iter().filter(|problem| problem.is_error());
    let errors = wrong.clone().count();
    let noun = if errors == 1 { "problem" } else { "problems" };
    let more = if more.is_some() { "more than " } else { "" };
    let names: BTreeSet<&str> = wrong
        .map(|problem| problem.source_or(source).name())
        .filter(|name| !name.is_empty())
        .collect();
    let place = match (names.len(), names.first()) {
        (1, Some(name)) => (*name).to_owned(),
        (0, _) | (_, None) => source.name().to_owned(),
        (files, _) => format!("{files} files"),
    };
    format!("{more}{errors} {noun} in {place}; nothing was run")
}

/// The problems, and apart from them the one that only counts those that were not kept.
fn split(problems: &[Diagnostic]) -> (&[Diagnostic], Option<&Diagnostic>) {
    match problems.split_last() {
        Some((last, kept)) if last.code == Problems::TOO_MANY => (kept, Some(last)),
        _ => (problems, None),
    }
}

/// Each problem with excerpt and help, and a blank line after it.
#[must_use]
pub fn render(source: &SourceFile, problems: &[Diagnostic], painter: Painter) -> String {
    let mut text = String::new();
    let (kept, dropped) = split(problems);
    for problem in kept.iter().take(MAX_RENDERED) {
        text.push_str(&one(source, problem, painter));
        text.push_str(match problem.severity {
            Severity::Note => "\n",
            Severity::Error | Severity::Warning => "\n\n",
        });
    }
    if kept.len() > MAX_RENDERED {
        let more = kept.len() - MAX_RENDERED;
        write!(text, "… and {more} more; `-o json` has them\n\n").expect("into a string");
    }
    if let Some(dropped) = dropped {
        text.push_str(&one(source, dropped, painter));
        text.push_str("\n\n");
    }
    text
}

/// A note takes one line; what it says needs no excerpt.
fn note(source: &SourceFile, problem: &Diagnostic, painter: Painter) -> String {
    let label = painter.paint(Tone::Strong, "note");
    let name = sanitize(source.name());
    let place = match problem.span.map(|span| source.location(span.start)) {
        Some(at) => format!("{name}:{}:{}", at.line, at.column),
        None => name.to_string(),
    };
    let fix = match problem.code {
        "alias" => {
            let file = quoted(Path::new(source.name()));
            format!("; `orchestra fmt {}` rewrites it", sanitize(&file))
        }
        _ => String::new(),
    };
    format!("{label}: {place}: {}{fix}", sanitize(&problem.message))
}

fn one(source: &SourceFile, problem: &Diagnostic, painter: Painter) -> String {
    let source = problem.source_or(source);
    if problem.severity == Severity::Note {
        return note(source, problem, painter);
    }
    let tone = if problem.is_error() {
        Tone::Bad
    } else {
        Tone::Warn
    };
    let label = painter.paint(tone, &format!("{}[{}]", problem.severity, problem.code));
    let mut text = format!("{label}: {}\n", sanitize(&problem.message));
    match problem.span {
        // The line holds what should be in no file, and output like this is kept in logs.
        Some(span) if problem.code == "secret-value" => {
            let at = source.location(span.start);
            let name = sanitize(source.name());
            text.push_str(&format!("  --> {name}:{}:{}", at.line, at.column));
        }
        Some(span) => excerpt(&mut text, source, span, painter, tone),
        // Not of a file, but of what was typed.
        None if source.name().is_empty() => text.truncate(text.trim_end().len()),
        None => {
            text.push_str(&format!("  --> {}", sanitize(source.name())));
            let place = problem
                .place
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            if !place.is_empty() {
                text.push_str(&format!(" ({place})"));
            }
        }
    }
    if let Some(help) = &problem.help {
        let label = painter.paint(Tone::Strong, "help");
        text.push_str(&format!("\n{label}: {}", sanitize(help)));
    }
    text
}

/// The line with the span underlined. The excerpt of a long line starts in its middle, so the position
/// is the source's own.
fn excerpt(text: &mut String, source: &SourceFile, span: Span, painter: Painter, tone: Tone) {
    let at = source.location(span.start);
    let excerpt = source.excerpt(span);
    let number = excerpt.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = |text: &str| painter.paint(Tone::Dim, text);
    let before = shown(&excerpt.text[..excerpt.mark.start]);
    let marked = shown(&excerpt.text[excerpt.mark.clone()]);
    let after = shown(&excerpt.text[excerpt.mark.end..]);
    let indent = " ".repeat(width(&before));
    let carets = painter.paint(tone, &"^".repeat(width(&marked).max(1)));
    let name = sanitize(source.name());
    text.push_str(&format!(
        "{gutter}{} {name}:{}:{}\n",
        bar("-->"),
        at.line,
        at.column
    ));
    text.push_str(&format!("{gutter} {}\n", bar("|")));
    text.push_str(&format!(
        "{} {before}{marked}{after}\n",
        bar(&format!("{number} |"))
    ));
    text.push_str(&format!("{gutter} {} {indent}{carets}", bar("|")));
}

/// Text as printed: tabs are as wide as they look here, nothing moves the cursor.
fn shown(text: &str) -> String {
    sanitize(&text.replace('\t', "    ")).into_owned()
}

/// Columns a terminal gives the text: none for marks that sit on another character, two for wide ones.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
            0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
            0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

/// All problems as an array.
#[must_use]
pub fn to_json(source: &SourceFile, problems: &[Diagnostic]) -> Value {
    let entries = problems.iter().map(|problem| {
        let source = problem.source_or(source);
        let mut entry = json!({
            "code": problem.code,
            "severity": problem.severity,
            "message": problem.message,
        });
        if !source.name().is_empty() {
            entry["file"] = json!(source.name());
        }
        if let Some(span) = problem.span {
            let at = source.location(span.start);
            entry["line"] = json!(at.line);
            entry["column"] = json!(at.column);
            entry["span"] = json!(span);
        }
        if let Some(place) = &problem.place {
            entry["place"] = json!(place.to_string());
        }
        if let Some(help) = &problem.help {
            entry["help"] = json!(help);
        }
        entry
    });
    Value::Array(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn looks_as_promised() {
        let source = SourceFile::new("notes.yaml", "tasks:\n  publish:\n    needs: [sumarize]\n");
        let problem = Diagnostic::error("unknown-task", "`needs` names a task that does not exist")
            .at(Span::new(33, 41))
            .help("did you mean `summarize`?");
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @r#"
        error[unknown-task]: `needs` names a task that does not exist
         --> notes.yaml:3:16
          |
        3 |     needs: [sumarize]
          |                ^^^^^^
        help: did you mean `summarize`?
        "#);
    }

    #[test]
    fn what_was_not_kept_is_not_counted_as_one() {
        let mut problems = Problems::default();
        (0..5000).for_each(|_| problems.push(Diagnostic::error("e", "wrong")));
        let (source, list) = (SourceFile::new("big.yaml", ""), problems.into_vec());
        assert_eq!(
            headline(&source, &list),
            "more than 200 problems in big.yaml; nothing was run"
        );
        let text = render(&source, &list, Painter::PLAIN);
        assert_eq!(text.matches("error[e]").count(), MAX_RENDERED);
        assert!(text.contains("… and 100 more; `-o json` has them\n"));
        assert!(text.contains("error[too-many-problems]: 4800 more problems are not shown\n"));
        assert_eq!(
            headline(&source, &list[..1]),
            "1 problem in big.yaml; nothing was run"
        );
    }

    #[test]
    fn tabs_wide_and_hostile_characters_keep_the_mark_in_place() {
        let source = SourceFile::new("x.yaml", "\tkéy: 漢字 \u{1b}[2J bad\n");
        let start = u32::try_from(source.text().find("bad").unwrap()).unwrap();
        let problem = Diagnostic::error("e", "here").at(Span::new(start, start + 3));
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @r#"
        error[e]: here
         --> x.yaml:1:15
          |
        1 |     kéy: 漢字 \x1b[2J bad
          |                       ^^^
        "#);
    }

    #[test]
    fn the_middle_of_a_huge_line_has_its_true_column() {
        let text = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let source = SourceFile::new("big.yaml", text);
        let problem = Diagnostic::error("e", "found it").at(Span::new(5000, 5004));
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @r#"
        error[e]: found it
         --> big.yaml:1:5001
          |
        1 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxHEREyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…
          |                                                                                                                          ^^^^
        "#);
    }

    #[test]
    fn a_problem_without_span_names_its_place() {
        use protocol::diagnostic::Place;
        let source = SourceFile::new("plan.json", "");
        let place = Place::task("a").field("needs").index(1);
        let problem =
            Diagnostic::error("cycle", "tasks need each other: a → b → a").in_place(place);
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @r#"
        error[cycle]: tasks need each other: a → b → a
          --> plan.json (tasks.a.needs[1])
        "#);
    }
}
