//! Declared outputs: what a task wrote to `$ORCHESTRA_OUTPUT`, read, parsed and typed.
//!
//! ```text
//! count=3                one line, everything after the first `=`
//! notes<<END             several lines, up to one that is exactly the word
//! first
//! second
//! END
//! ```
//! Each output once; blank lines are allowed between entries; nothing is trimmed or unescaped. All
//! problems are reported together, but nothing is quoted of a text that holds a secret.

mod told;

pub(crate) use told::in_values;

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use protocol::plan::OutputType;
use rustix::fs::{CWD, Mode, OFlags};
use serde_json::{Map, Value};

use crate::capture::{Patterns, escape};

/// Problems named in one message; a file of garbage has as many as it has lines.
const MAX_PROBLEMS: usize = 10;
/// Bytes of a value or line quoted in a problem.
const MAX_QUOTE: usize = 60;

/// JSON values in one another: shallow enough for every reader of results and journals.
const MAX_NESTING: usize = 64;

/// The outputs of an attempt that wrote `written`, if it wrote anything; at most `limit` bytes as
/// text and as JSON, and without any of `secrets`.
///
/// # Errors
/// The file cannot be read, is too large, holds a secret, or as [`parse`].
pub(crate) fn collect(
    written: Option<&Path>,
    declared: &BTreeMap<String, OutputType>,
    limit: u64,
    secrets: &Patterns,
) -> Result<Map<String, Value>, String> {
    let text = written.map_or_else(|| Ok(Vec::new()), |path| read(path, limit))?;
    told::in_text(&text, declared, secrets)?;
    let outputs = parse(&text, declared)?;
    told::in_values(&outputs, secrets)?;
    // Control characters take six bytes each in JSON.
    let size = serde_json::to_vec(&outputs).map_or(usize::MAX, |bytes| bytes.len());
    if !outputs.is_empty() && size as u64 > limit {
        return Err(format!(
            "outputs take {size} bytes as JSON, more than {limit}; use an artifact"
        ));
    }
    Ok(outputs)
}

/// The output file, if there is one.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let (Some(home), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    // Neither may be a link by now.
    let around = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, home, around, Mode::empty())
        .and_then(|home| rustix::fs::openat(home, name, flags, Mode::empty()));
    let opened = match opened {
        Err(rustix::io::Errno::NOENT) => return Ok(Vec::new()),
        opened => {
            opened.map_err(|error| format!("$ORCHESTRA_OUTPUT: {}", io::Error::from(error)))?
        }
    };
    let file = std::fs::File::from(opened);
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("$ORCHESTRA_OUTPUT is not a regular file".to_owned());
    }
    let mut text = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut text);
    read.map_err(|error| format!("$ORCHESTRA_OUTPUT: {error}"))?;
    if text.len() as u64 > limit {
        return Err(format!(
            "$ORCHESTRA_OUTPUT holds more than {limit} bytes; use an artifact"
        ));
    }
    Ok(text)
}

/// The outputs, or every problem in one line.
///
/// # Errors
/// Not UTF-8, a line of no known form, an undeclared name, a value of another type, an output
/// set twice or not at all.
pub(crate) fn parse(
    text: &[u8],
    declared: &BTreeMap<String, OutputType>,
) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(text).map_err(|error| {
        format!(
            "$ORCHESTRA_OUTPUT is not UTF-8 after byte {}",
            error.valid_up_to()
        )
    })?;
    let mut values = Map::new();
    let mut problems = Vec::new();
    for entry in entries(text) {
        match entry.and_then(|(name, raw)| typed(name, raw, declared)) {
            Ok((name, value)) => {
                if values.insert(name.to_owned(), value).is_some() {
                    problems.push(format!("`{name}` is set twice"));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    let named_in_problem =
        |name: &String| problems.iter().any(|p| p.contains(&format!("`{name}`")));
    let missing: Vec<String> = declared
        .keys()
        .filter(|name| !values.contains_key(*name) && !named_in_problem(name))
        .map(|name| format!("`{name}` is not set"))
        .collect();
    problems.extend(missing);
    if problems.is_empty() {
        return Ok(values);
    }
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if more > 0 {
        problems.push(format!("{more} more"));
    }
    Err(problems.join("; "))
}

/// Name and raw value of each entry, or what is wrong with it.
fn entries(text: &str) -> Vec<Result<(&str, &str), String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").filter(|at| *at < equals);
        if line.is_empty() {
            continue;
        } else if let Some(at) = heredoc {
            let (name, word) = (&line[..at], &line[at + 2..]);
            match block(rest, word) {
                Some((value, after)) => {
                    found.push(Ok((name, value)));
                    rest = after;
                }
                None => {
                    found.push(Err(format!(
                        "no line `{}` ends `{}`",
                        quote(word),
                        quote(name)
                    )));
                    return found;
                }
            }
        } else if let Some((name, value)) = line.split_once('=') {
            found.push(Ok((name, value)));
        } else {
            found.push(Err(format!(
                "`{}` is neither `name=value` nor `name<<WORD`",
                quote(line)
            )));
        }
    }
    found
}

/// The lines before one that is exactly `word`, and what follows it.
fn block<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\n', '\r']) == word && !word.is_empty() {
            let value = &text[..at];
            return Some((
                value.strip_suffix('\n').unwrap_or(value),
                &text[at + line.len()..],
            ));
        }
        at += line.len();
    }
    None
}

fn typed<'a>(
    name: &'a str,
    raw: &str,
    declared: &BTreeMap<String, OutputType>,
) -> Result<(&'a str, Value), String> {
    let Some(wanted) = declared.get(name) else {
        return Err(format!("`{}` is not a declared output", quote(name)));
    };
    let value = wanted
        .parse(raw)
        .map_err(|problem| format!("`{name}` {}", escape(problem.as_bytes())))?;
    if !without_fractions(&value) {
        return Err(format!(
            "`{name}` holds a fraction; digests cover whole numbers only"
        ));
    }
    if !is_nested_within(&value, MAX_NESTING) {
        return Err(format!(
            "`{name}` has more than {MAX_NESTING} values in one another"
        ));
    }
    Ok((name, value))
}

fn is_nested_within(value: &Value, levels: usize) -> bool {
    let Some(inner) = levels.checked_sub(1) else {
        return false;
    };
    match value {
        Value::Array(items) => items.iter().all(|item| is_nested_within(item, inner)),
        Value::Object(entries) => entries.values().all(|item| is_nested_within(item, inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Digests cover integers only.
fn without_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(without_fractions),
        Value::Object(entries) => entries.values().all(without_fractions),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn quote(text: &str) -> String {
    let mut end = text.len().min(MAX_QUOTE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", escape(&text.as_bytes()[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn outputs_are_bounded_as_json_too() {
        let dir = tempfile::tempdir().unwrap();
        let (path, limit) = (dir.path().join("out"), 64 * 1024);
        let declared = BTreeMap::from([("x".to_owned(), OutputType::String)]);
        fs_err::write(&path, format!("x={}", "\u{1}".repeat(60_000))).unwrap();
        let problem = collect(Some(&path), &declared, limit, &Patterns::default()).unwrap_err();
        assert!(problem.contains("as JSON, more than 65536"), "{problem}");
        let roomy = collect(Some(&path), &declared, u64::MAX, &Patterns::default());
        assert_eq!(roomy.unwrap()["x"].as_str().map(str::len), Some(60_000));
    }

    #[test]
    fn json_is_nested_within_bounds() {
        let declared = BTreeMap::from([("x".to_owned(), OutputType::Json)]);
        let nested = |levels: usize| format!("x={}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(MAX_NESTING).as_bytes(), &declared).is_ok());
        let problem = parse(nested(MAX_NESTING + 1).as_bytes(), &declared).unwrap_err();
        assert!(
            problem.contains("more than 64 values in one another"),
            "{problem}"
        );
    }

    fn declared() -> BTreeMap<String, OutputType> {
        let types = [
            ("text", OutputType::String),
            ("count", OutputType::Int),
            ("ok", OutputType::Bool),
            ("data", OutputType::Json),
        ];
        types
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), kind))
            .collect()
    }

    fn check(text: &str) -> Result<Value, String> {
        parse(text.as_bytes(), &declared()).map(Value::Object)
    }

    #[test]
    fn every_type_and_both_forms() {
        let text =
            "text<<END\nfirst = 1\n\n second\nEND\n\ncount=-3\r\nok=true\ndata={\"a\":[1,\"=\"]}";
        let expected = json!({"text": "first = 1\n\n second", "count": -3, "ok": true, "data": {"a": [1, "="]}});
        assert_eq!(check(text), Ok(expected));
        let equals = check("text=a=b<<c\ncount=0\nok=false\ndata=null").unwrap();
        assert_eq!(equals["text"], json!("a=b<<c"));
        assert_eq!(
            check("text<<E\nE\ncount=1\nok=true\ndata=1").unwrap()["text"],
            json!("")
        );
    }

    #[test]
    fn all_problems_at_once() {
        let problems = check("count=many\nok=yes\nnope=1\nwhat\ntext=a\ntext=b\n").unwrap_err();
        assert_eq!(
            problems,
            "`count` is not a whole number: `many`; `ok` is neither `true` nor `false`: `yes`; \
             `nope` is not a declared output; `what` is neither `name=value` nor `name<<WORD`; \
             `text` is set twice; `data` is not set"
        );
        assert_eq!(
            check("text<<END\nnever").unwrap_err(),
            "no line `END` ends `text`; `count` is not set; `data` is not set; `ok` is not set"
        );
        assert!(
            check("data=1.5")
                .unwrap_err()
                .starts_with("`data` holds a fraction")
        );
        assert!(
            parse(b"text=\xff", &declared())
                .unwrap_err()
                .contains("not UTF-8")
        );
    }

    #[test]
    fn values_quoted_in_problems_are_short_and_harmless() {
        let problem = check(&format!("count=\x1b[2J{}", "é".repeat(100))).unwrap_err();
        assert!(
            problem.starts_with("`count` is not a whole number: `\\x1b[2J")
                && !problem.contains('\x1b')
        );
        let many = check(&"x\n".repeat(1000)).unwrap_err();
        assert!(many.len() < 1000 && many.ends_with("994 more"), "{many}");
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_refused(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(values) = parse(&text, &declared()) {
                prop_assert_eq!(values.len(), 4);
            }
        }

        #[test]
        fn any_text_comes_back(text in "[^\r]{0,60}") {
            prop_assume!(!text.lines().any(|line| line == "END"));
            let value = check(&format!("text<<END\n{text}\nEND\ncount=1\nok=true\ndata=1\n")).unwrap();
            prop_assert_eq!(value["text"].as_str(), Some(text.as_str()));
        }
    }
}
