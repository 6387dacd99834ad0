//! What to do about a YAML syntax error, guessed from where it is and what is open there. The parser
//! stops where it can go on no longer; the slip is often lines above, so that line is named.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Diagnostic;
use crate::source::Span;

use super::syntax_place::{Line, Place, Quote};

const WRITE_BLOCK: &str = "write `run: |` and the text on lines of its own";

/// The diagnostic of a syntax error at byte `at`. `parsed` is how far the parser has come, `open` where
/// the innermost `{` or `[` stands that is not closed there.
pub(super) fn diagnostic(
    source: &str,
    error: &ScanError,
    at: u32,
    parsed: u32,
    open: Option<u32>,
) -> Diagnostic {
    let mut place = Place::new(source, at, parsed, open);
    if matches!(error.kind(), ErrorKind::UnknownQuotedScalarEscape) {
        place.move_to_escape();
    }
    let (code, message) = said(error, &place);
    Diagnostic::error(code, message)
        .at(mark(&place))
        .maybe_help(help(error.kind(), &place))
}

fn mark(place: &Place<'_>) -> Span {
    let width = place
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(narrow(place.at), narrow(place.at + width))
}

fn said(error: &ScanError, place: &Place<'_>) -> (&'static str, String) {
    let line = place.line();
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            return ("too-deep", "nested more than 64 levels deep".to_owned());
        }
        ErrorKind::UnknownAnchor => {
            let message = "an alias to an anchor that is not there".to_owned();
            return ("yaml-alias", message);
        }
        ErrorKind::UnknownQuotedScalarEscape => match place.after_next() {
            Some(c) if !c.is_control() => format!("YAML knows no escape `\\{c}`"),
            _ => error.info(),
        },
        ErrorKind::ExpectedBlockMappingKey if place.starts_line() && misfit(&line).is_some() => {
            format!(
                "a line indented by {} fits none above it",
                spaces(line.indent)
            )
        }
        ErrorKind::SimpleKeyExpected => "a line that is no `key: value`".to_owned(),
        _ => error.info(),
    };
    ("yaml-syntax", message)
}

fn help(kind: &ErrorKind, place: &Place<'_>) -> Option<String> {
    let line = place.line();
    let help = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "indent with spaces".to_owned(),
        _ if line.text.starts_with('\t') => "indent with spaces".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("close the `{open}`"),
        ErrorKind::RecursionLimitExceeded => "a scenario needs six levels".to_owned(),
        ErrorKind::UnknownAnchor => {
            "define it above with `&name`, or quote a text that starts with `*`".to_owned()
        }
        ErrorKind::MissingAnchorOrAliasName => quote_start(place),
        ErrorKind::UnexpectedCharacter { character } => format!(
            "put the value in quotes: nothing plain may start with `{}`",
            character.escape_debug()
        ),
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => {
            "write the text in single quotes: within them a `\\` stands for itself".to_owned()
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => unclosed(&place.quote()?),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => match place.quote() {
            Some(quote) if quote.line < line.number => unclosed(&quote),
            quote => trailing(&line, quote.as_ref()),
        },
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::InvalidFlowScalarIndent
            if place.next().is_some_and(|c| matches!(c, '|' | '>')) =>
        {
            let sign = place.next().unwrap_or('|');
            format!("the text starts on the line below the `{sign}`; or put all of it in quotes")
        }
        _ if place.open_above().is_some() => {
            let (bracket, number) = place.open_above()?;
            format!("close the `{bracket}` of line {number}, or put a `,` before this")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator
            if line.text.contains("${{") =>
        {
            "put the expression in quotes: \"${{ … }}\"".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator if line.text.contains("run:") => {
            format!("put the text in quotes, or {WRITE_BLOCK}")
        }
        ErrorKind::MappingValueNotAllowed if place.is_first_colon() => not_a_map(&line)?,
        ErrorKind::MappingValueNotAllowed if line.key() == "run" => {
            "a `: ` ends a plain value; write `run: |` and the text on the next lines".to_owned()
        }
        ErrorKind::MappingValueNotAllowed => {
            "put the value in quotes: a `: ` ends a plain value".to_owned()
        }
        ErrorKind::ExpectedBlockMappingKey if place.starts_line() => misfit(&line)?,
        ErrorKind::ExpectedBlockMappingKey if line.text.trim_start().starts_with("- ") => {
            "a list item among keys: indent it beneath the key it belongs to".to_owned()
        }
        ErrorKind::BlockSequenceEntryNotAllowed if line.value().starts_with("- ") => {
            "quote a text that starts with `-`; a list starts on the line below its key".to_owned()
        }
        ErrorKind::ExpectedBlockMappingKey => after_collection(&line)?,
        ErrorKind::SimpleKeyExpected => no_key(&line),
        _ => return None,
    };
    Some(help)
}

fn unclosed(quote: &Quote) -> String {
    format!("close the `{}` of line {}", quote.sign, quote.line)
}

/// `"a" && b`: YAML ends the value with the quote.
fn trailing(line: &Line<'_>, quote: Option<&Quote>) -> String {
    let other = match quote {
        Some(Quote { sign: '"', .. }) => "single",
        _ => "double",
    };
    if line.text.contains("run:") {
        format!("put all of the text in {other} quotes, or {WRITE_BLOCK}")
    } else {
        format!("put all of the text in {other} quotes")
    }
}

/// `[ -f x ] && y`: YAML ends the value with the bracket.
fn after_collection(line: &Line<'_>) -> Option<String> {
    let value = line.value();
    let open = value.chars().next().filter(|c| matches!(c, '[' | '{'))?;
    let what = if open == '[' { "list" } else { "map" };
    let fix =
        format!("a value that starts with `{open}` is a {what}; put all of the text in quotes");
    Some(match line.key() {
        "run" => format!("{fix}, or {WRITE_BLOCK}"),
        _ => fix,
    })
}

/// A key whose map cannot start here: it is indented below a value, or the line above has no `:`.
fn not_a_map(line: &Line<'_>) -> Option<String> {
    let above = line.above()?;
    if above.key_end().is_none() {
        let number = above.number;
        return Some(format!("is a `:` missing in line {number}?"));
    }
    (line.indent > above.indent).then(|| indent_as(&above))
}

/// Where lines above stand, if this one stands between two of them.
fn misfit(line: &Line<'_>) -> Option<String> {
    let mut deeper: Option<Line<'_>> = None;
    let mut above = line.above();
    while let Some(other) = above {
        if other.indent == line.indent {
            return None;
        }
        if other.indent < line.indent {
            let less = indent_as(&other);
            let more = deeper.map(|deeper| {
                format!(
                    ", or indent it by {}, as line {}",
                    deeper.indent, deeper.number
                )
            });
            return Some(format!("{less}{}", more.unwrap_or_default()));
        }
        if deeper.is_none_or(|deeper| other.indent < deeper.indent) {
            deeper = Some(other);
        }
        above = other.above();
    }
    deeper.as_ref().map(indent_as)
}

fn no_key(line: &Line<'_>) -> String {
    let mut text = None;
    let mut above = line.above();
    while let Some(other) = above.filter(|other| other.indent > line.indent) {
        text = Some(other);
        above = other.above();
    }
    match (above, text) {
        (Some(head), Some(text)) if head.opens_block() => format!(
            "{}, if it belongs to the text of line {}",
            indent_as(&text),
            head.number
        ),
        _ => "is a `:` missing in this line?".to_owned(),
    }
}

fn quote_start(place: &Place<'_>) -> String {
    match place.line().value().chars().next() {
        Some(sign @ ('*' | '&')) => format!("quote a text that starts with `{sign}`"),
        _ => "quote a text that starts with `*` or `&`".to_owned(),
    }
}

fn indent_as(line: &Line<'_>) -> String {
    match line.indent {
        0 => format!("do not indent it, as line {} is not", line.number),
        more => format!("indent it by {}, as line {} is", spaces(more), line.number),
    }
}

fn spaces(count: usize) -> String {
    match count {
        1 => "1 space".to_owned(),
        more => format!("{more} spaces"),
    }
}
