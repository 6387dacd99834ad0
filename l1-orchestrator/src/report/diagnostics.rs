//! Problems of an authored file with the line they are on, underlined, and one remedy each.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use protocol::diagnostic::{Diagnostic, Severity};
use protocol::source::SourceFile;
use serde_json::{Value, json};

use crate::ui::{Painter, Tone, sanitize};

/// Most problems rendered with their source; the rest are counted. A generated file can have as many
/// as it has lines, and nobody reads past the first screens.
const MAX_RENDERED: usize = 100;

/// `2 problems in notes.yaml; nothing was run`.
#[must_use]
pub fn headline(source: &SourceFile, problems: &[Diagnostic]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let noun = if errors == 1 { "problem" } else { "problems" };
    format!("{errors} {noun} in {}; nothing was run", source.name())
}

/// Each problem with excerpt and help, and a blank line after it.
#[must_use]
pub fn render(source: &SourceFile, problems: &[Diagnostic], painter: Painter) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(MAX_RENDERED) {
        text.push_str(&one(source, problem, painter));
        text.push_str("\n\n");
    }
    if problems.len() > MAX_RENDERED {
        let more = problems.len() - MAX_RENDERED;
        write!(text, "… and {more} more; `-o json` has all of them\n\n").expect("into a string");
    }
    text
}

fn one(source: &SourceFile, problem: &Diagnostic, painter: Painter) -> String {
    let Some(span) = problem.span else {
        return without_span(source, problem, painter);
    };
    let at = source.location(span.start);
    let excerpt = source.excerpt(span);
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = sanitize(&problem.message).into_owned();
    let snippet = Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.line as usize)
        .annotation(AnnotationKind::Primary.span(excerpt.mark.clone()));
    // The excerpt of a long line starts in its middle, so the position comes from us, not from it.
    let origin =
        Origin::path(source.name()).line(at.line as usize).char_column(at.column as usize);
    let group = level.primary_title(message).id(problem.code).element(origin).element(snippet);
    let renderer = if painter.is_on() { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
    append_help(&mut text, problem, painter);
    text
}

fn without_span(source: &SourceFile, problem: &Diagnostic, painter: Painter) -> String {
    let tone = if problem.is_error() { Tone::Bad } else { Tone::Warn };
    let label = painter.paint(tone, &format!("{}[{}]", problem.severity, problem.code));
    let mut text = format!("{label}: {}\n  --> {}", sanitize(&problem.message), source.name());
    if let Some(place) = &problem.place {
        let place = place.to_string();
        if !place.is_empty() {
            text.push_str(&format!(" ({place})"));
        }
    }
    append_help(&mut text, problem, painter);
    text
}

fn append_help(text: &mut String, problem: &Diagnostic, painter: Painter) {
    if let Some(help) = &problem.help {
        let label = painter.paint(Tone::Strong, "help");
        write!(text, "\n{label}: {}", sanitize(help)).expect("into a string");
    }
}

/// All problems as an array.
#[must_use]
pub fn to_json(source: &SourceFile, problems: &[Diagnostic]) -> Value {
    let entries = problems.iter().map(|problem| {
        let mut entry = json!({
            "code": problem.code,
            "severity": problem.severity,
            "message": problem.message,
            "file": source.name(),
        });
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
    use insta::assert_snapshot;
    use protocol::source::Span;

    use super::*;

    #[test]
    fn looks_as_promised() {
        let source = SourceFile::new("notes.yaml", "tasks:\n  publish:\n    needs: [sumarize]\n");
        let problem =
            Diagnostic::error("unknown-task", "`needs` names a task that does not exist")
                .at(Span::new(33, 41))
                .help("did you mean `summarize`?");
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @"");
    }

    #[test]
    fn the_middle_of_a_huge_line_has_its_true_column() {
        let text = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let source = SourceFile::new("big.yaml", text);
        let problem = Diagnostic::error("e", "found it").at(Span::new(5000, 5004));
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @"");
    }

    #[test]
    fn a_problem_without_span_names_its_place() {
        use protocol::diagnostic::Place;
        let source = SourceFile::new("plan.json", "");
        let place = Place::task("a").field("needs").index(1);
        let problem = Diagnostic::error("cycle", "tasks need each other: a → b → a").in_place(place);
        assert_snapshot!(render(&source, &[problem], Painter::PLAIN), @"");
    }
}
