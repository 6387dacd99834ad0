//! What to do about a YAML syntax error, guessed from the line it is on.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Bytes of a line that are looked at for a hint.
const MAX_LINE: usize = 500;

/// The diagnostic of a syntax error at byte `at`.
pub(super) fn diagnostic(source: &str, error: &ScanError, at: u32) -> Diagnostic {
    let mut start = (at as usize).min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let width = source[start..]
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span::new(narrow(start), narrow(start + width));
    let line = line_at(source, start);
    let (code, message) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            ("too-deep", "nested more than 64 levels deep".to_owned())
        }
        ErrorKind::UnknownAnchor => (
            "yaml-alias",
            "an alias to an anchor that is not there".to_owned(),
        ),
        _ => ("yaml-syntax", error.info()),
    };
    Diagnostic::error(code, message)
        .at(span)
        .maybe_help(help(error.kind(), line))
}

fn line_at(source: &str, at: usize) -> &str {
    let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = source[at..]
        .find('\n')
        .map_or(source.len(), |newline| at + newline);
    let line = &source[start..end];
    match line.char_indices().nth(MAX_LINE) {
        Some((cut, _)) => &line[..cut],
        None => line,
    }
}

fn help(kind: &ErrorKind, line: &str) -> Option<String> {
    let key = line
        .trim_start()
        .trim_start_matches("- ")
        .split(':')
        .next()
        .unwrap_or_default()
        .trim();
    let help = match kind {
        ErrorKind::MappingValueNotAllowed if key == "run" => {
            "a `: ` ends a plain value; write `run: |` and the text on the next lines".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator
            if line.contains("${{") =>
        {
            "put the expression in quotes: \"${{ … }}\"".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator if line.contains("run:") => {
            "put the text in quotes, or write `run: |` and the text on lines of its own".to_owned()
        }
        ErrorKind::MappingValueNotAllowed if line.matches(": ").count() > 1 => {
            "put the value in quotes: a `: ` ends a plain value".to_owned()
        }
        ErrorKind::MappingValueNotAllowed => {
            "is the line above indented as it should be?".to_owned()
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!(
                "put the value in quotes: nothing plain may start with `{}`",
                character.escape_debug()
            )
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "indent with spaces".to_owned(),
        _ if line.starts_with('\t') => "indent with spaces".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("close the `{open}`"),
        ErrorKind::RecursionLimitExceeded => "a scenario needs six levels".to_owned(),
        ErrorKind::UnknownAnchor => {
            "define it above with `&name`, or quote a text that starts with `*`".to_owned()
        }
        _ => return None,
    };
    Some(help)
}
