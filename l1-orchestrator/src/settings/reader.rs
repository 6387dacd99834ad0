//! Reads a settings file: one flat map of scalars, every problem with its place.
//!
//! Scenarios and packs have a reader of their own, for trees of any depth; this one knows no nesting but
//! that a value may be a block, which it leaves to others.

use std::collections::BTreeMap;

use protocol::diagnostic::{Diagnostic, Problems};
use protocol::nearest::nearest;
use protocol::source::{SourceFile, Span};
use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span as Mark};

use super::table::{KEYS, Key};

/// Levels of nesting that are parsed at all; settings have one.
const MAX_DEPTH: usize = 8;

/// A value as it is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The text.
    pub value: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Where the value stands.
    pub span: Span,
    /// It is a map, and the text is all of it.
    pub is_block: bool,
}

/// What a file says, by the names of the table.
pub type Entries = BTreeMap<&'static str, Entry>;

/// Whether a YAML text is a scenario: it has tasks or a goal at its top level.
pub fn is_scenario(text: &str) -> bool {
    let mut found = false;
    let mut problems = Problems::default();
    flat(text, &mut problems, |key, _| {
        found |= matches!(key.text.as_str(), "tasks" | "goal");
    });
    found
}

/// Reads a file and reports everything wrong with it.
pub fn read(source: &SourceFile, problems: &mut Problems) -> Entries {
    let mut entries = Entries::new();
    let mut wrong = Vec::new();
    flat(source.text(), problems, |key, value| {
        wrong.extend(entry(&mut entries, key, value, source.text()));
    });
    for problem in wrong {
        problems.push(problem);
    }
    entries
}

/// Puts one entry where it belongs, or says what is wrong with it.
fn entry(entries: &mut Entries, key: &Scalar, value: &Value, text: &str) -> Option<Diagnostic> {
    let Some(known) = Key::find(&key.text) else {
        return Some(unknown(key));
    };
    let name = known.name;
    let (value, span, is_block) = match value {
        Value::Scalar(value) => (value.text.as_str(), value.span, false),
        Value::Nested(Nested {
            span, is_map: true, ..
        }) if known.takes_block() => {
            let block = text.get(span.start as usize..span.end as usize);
            (block.unwrap_or_default().trim_end(), *span, true)
        }
        Value::Nested(Nested { start: span, .. }) => {
            let message = format!("`{name}` holds a list or a map");
            let problem = Diagnostic::error("wrong-type", message).at(*span);
            return Some(problem.help(format!("it is {}", known.expected())));
        }
    };
    if !is_block && !known.takes(value) && known.is_private() {
        // Without its place: an excerpt would show it.
        let message = format!("`{name}` cannot be what is written there");
        let problem = Diagnostic::error("invalid-value", message);
        return Some(problem.help(format!("it is {}", known.expected())));
    }
    if !is_block && !known.takes(value) {
        let shown: String = value.chars().take(60).collect();
        let message = match shown.is_empty() {
            true => format!("`{name}` has no value"),
            false => format!("`{name}` cannot be `{shown}`"),
        };
        let problem = Diagnostic::error("invalid-value", message).at(span);
        return Some(problem.help(format!("it is {}", known.expected())));
    }
    let entry = Entry {
        value: value.to_owned(),
        key_span: key.span,
        span,
        is_block,
    };
    let before = entries.insert(name, entry);
    before.map(|_| {
        Diagnostic::error("duplicate-key", format!("`{name}` is there twice"))
            .at(key.span)
            .help("keep one of them")
    })
}

fn unknown(key: &Scalar) -> Diagnostic {
    let shown: String = key.text.chars().take(60).collect();
    let problem =
        Diagnostic::error("unknown-key", format!("there is no setting `{shown}`")).at(key.span);
    let dashed = shown.replace('-', "_").to_lowercase();
    let near = nearest(&dashed, KEYS.iter().map(|key| key.name));
    problem.help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`orchestra config default` lists what there is".to_owned(),
    })
}

/// A scalar with its place.
struct Scalar {
    text: String,
    span: Span,
}

enum Value {
    Scalar(Scalar),
    /// A list or a map, which few settings may be.
    Nested(Nested),
}

/// A list or a map with its place.
#[derive(Clone, Copy)]
struct Nested {
    /// Its first character.
    start: Span,
    /// All of it.
    span: Span,
    is_map: bool,
}

/// Calls `each` for every entry of the top-level map. Syntax errors, and a document that is no map,
/// are problems.
fn flat(text: &str, problems: &mut Problems, mut each: impl FnMut(&Scalar, &Value)) {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.block_nesting_limit = MAX_DEPTH;
    options.flow_nesting_limit = MAX_DEPTH;
    let mut reader = Reader::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, mark) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = narrow(error.marker().byte_offset());
                let problem = Diagnostic::error("yaml-syntax", error.info());
                problems.push(problem.at(Span::new(at, at)));
                return;
            }
        };
        match reader.event(event, span_of(mark), text) {
            Ok(Some((key, value))) => each(&key, &value),
            Ok(None) => {}
            Err(problem) => {
                problems.push(*problem);
                return;
            }
        }
    }
}

/// How deep the parser is, and the key that waits for its value.
#[derive(Default)]
struct Reader {
    depth: usize,
    key: Option<Scalar>,
    nested: Option<Nested>,
    documents: usize,
}

impl Reader {
    fn event(
        &mut self,
        event: Event<'_>,
        span: Span,
        text: &str,
    ) -> Result<Option<(Scalar, Value)>, Box<Diagnostic>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = Diagnostic::error("many-documents", "a second YAML document");
                    let problem = problem.at(span).help("settings are one document");
                    return Err(Box::new(problem));
                }
            }
            Event::MappingStart(..) if self.depth == 0 => self.depth = 1,
            Event::MappingStart(..) | Event::SequenceStart(..) if self.depth > 0 => {
                if self.depth == 1 {
                    self.nested = Some(Nested {
                        start: span,
                        span,
                        is_map: matches!(event, Event::MappingStart(..)),
                    });
                }
                self.depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.depth = self.depth.saturating_sub(1);
                if let Some(nested) = self.nested.as_mut().filter(|_| self.depth == 1) {
                    nested.span.end = span.end.max(nested.span.end);
                }
                if self.depth == 1 {
                    return Ok(self.finish(None));
                }
            }
            Event::Scalar(value, style, _, tag) => {
                // An empty value comes as `~` over no bytes.
                let empty = span.start == span.end && style == ScalarStyle::Plain;
                let value = if empty { "" } else { value.as_ref() };
                if tag.is_some() {
                    let problem = Diagnostic::error("yaml-tag", "a YAML tag").at(span);
                    return Err(Box::new(problem.help("remove the tag")));
                }
                if self.depth == 0 {
                    return match value {
                        // Nothing but comments.
                        "" | "~" | "null" => Ok(None),
                        _ => Err(Box::new(no_map(span))),
                    };
                }
                let scalar = Scalar {
                    text: value.to_owned(),
                    span,
                };
                return Ok(self.scalar(scalar));
            }
            Event::SequenceStart(..) => return Err(Box::new(no_map(span))),
            Event::Alias(_) => {
                let word = text.get(span.start as usize..span.end as usize);
                let message = format!("an alias, `{}`", word.unwrap_or("*"));
                let problem = Diagnostic::error("yaml-alias", message).at(span);
                return Err(Box::new(problem.help("write the value out")));
            }
            _ => {}
        }
        Ok(None)
    }

    fn scalar(&mut self, scalar: Scalar) -> Option<(Scalar, Value)> {
        match (self.depth, &self.key) {
            (1, None) => {
                self.key = Some(scalar);
                None
            }
            (1, Some(_)) => self.finish(Some(scalar)),
            _ => None,
        }
    }

    /// A value is complete; a nested key has none it could belong to.
    fn finish(&mut self, scalar: Option<Scalar>) -> Option<(Scalar, Value)> {
        let nested = self.nested.take();
        let key = match (self.key.take(), nested) {
            (Some(key), _) => key,
            (None, Some(nested)) => {
                // `? [a, b]` as a key.
                self.key = Some(Scalar {
                    text: "[…]".to_owned(),
                    span: nested.start,
                });
                return None;
            }
            (None, None) => return None,
        };
        let value = match (scalar, nested) {
            (Some(scalar), _) => Value::Scalar(scalar),
            (None, nested) => Value::Nested(nested.unwrap_or(Nested {
                start: key.span,
                span: key.span,
                is_map: false,
            })),
        };
        Some((key, value))
    }
}

fn no_map(span: Span) -> Diagnostic {
    Diagnostic::error("wrong-type", "settings are a map")
        .at(span)
        .help("write `key: value` lines, as `orchestra config default` prints them")
}

fn span_of(mark: Mark) -> Span {
    Span::new(
        narrow(mark.start.byte_offset()),
        narrow(mark.end.byte_offset()),
    )
}

fn narrow(at: Option<usize>) -> u32 {
    u32::try_from(at.unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> (Vec<String>, Vec<String>) {
        let source = SourceFile::new("s.yaml", text);
        let mut problems = Problems::default();
        let entries = read(&source, &mut problems);
        let said = entries
            .iter()
            .map(|(key, entry)| format!("{key}={}", entry.value));
        let wrong = problems.into_vec();
        let wrong = wrong.iter().map(|problem| problem.line(&source)).collect();
        (said.collect(), wrong)
    }

    #[test]
    fn a_flat_map_is_read() {
        let (said, wrong) = lines("# mine\nruns_dir: 'a b'\nmax_parallel: 3\ncolor: never # no\n");
        assert_eq!(said, ["color=never", "max_parallel=3", "runs_dir=a b"]);
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(lines("# nothing\n"), (vec![], vec![]));
        assert_eq!(lines(""), (vec![], vec![]));
    }

    #[test]
    fn every_problem_has_its_place() {
        let (said, wrong) = lines(
            "max_paralel: 2\ncolor: blue\nprogress:\nfail-fast: true\nlog_level: [a]\nsandbox: {a: b}\n\
             color: auto\nzzz: 1\nmax_parallel: 2\n",
        );
        assert_eq!(said, ["color=auto", "max_parallel=2"]);
        assert_eq!(
            wrong,
            [
                "s.yaml:1:1: error[unknown-key]: there is no setting `max_paralel`",
                "s.yaml:2:8: error[invalid-value]: `color` cannot be `blue`",
                "s.yaml:3:9: error[invalid-value]: `progress` has no value",
                "s.yaml:4:1: error[unknown-key]: there is no setting `fail-fast`",
                "s.yaml:5:12: error[wrong-type]: `log_level` holds a list or a map",
                "s.yaml:6:10: error[wrong-type]: `sandbox` holds a list or a map",
                "s.yaml:8:1: error[unknown-key]: there is no setting `zzz`",
            ]
        );
        assert_eq!(
            lines("color: auto\ncolor: never\n").1,
            ["s.yaml:2:1: error[duplicate-key]: `color` is there twice"]
        );
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for text in ["[1, 2]", "text", "- a\n- b\n"] {
            assert_eq!(
                lines(text).1,
                ["s.yaml:1:1: error[wrong-type]: settings are a map"],
                "{text}"
            );
        }
        for text in ["[1, 2", "a: b: c\n", "a: *b\n", "a: 1\n---\nb: 2\n"] {
            assert!(!lines(text).1.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_scenario_is_told_from_settings() {
        assert!(is_scenario("version: 1\ntasks:\n  a: { run: x }\n"));
        assert!(is_scenario("goal: do it\n"));
        assert!(!is_scenario("color: auto\n") && !is_scenario("") && !is_scenario("[tasks]"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|[\\n:\\[\\]{}#?&*-]){0,60}") {
            lines(&text);
            is_scenario(&text);
        }
    }
}
