//! One problem of something authored: code, message, place, remedy. Data only.
//!
//! A scenario's diagnostics carry a span; a plan that came as JSON has none, so its diagnostics carry
//! the [`Place`] alone. Both are the same type: the CLI renders it, the planner gets it back.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::source::{SourceFile, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// Worth reading; it runs.
    Warning,
    /// Good to know, in one line.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Which part of a field's value: the third item, the entry `SINCE`, or the entry's key itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The n-th item of a list, from 0.
    Index(u32),
    /// The value under a key of a map.
    Key(String),
    /// A key of a map.
    KeyName(String),
}

/// Where in a plan something is, independent of the text it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The task by its authored id; none means the plan's own fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The field's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// The part of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Bytes within the value's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

impl Place {
    /// The plan as a whole.
    #[must_use]
    pub fn plan() -> Self {
        Self::default()
    }

    /// A task.
    #[must_use]
    pub fn task(id: &str) -> Self {
        Self {
            task: Some(id.to_owned()),
            ..Self::default()
        }
    }

    /// A field of this task or of the plan.
    #[must_use]
    pub fn field(mut self, word: &'static str) -> Self {
        self.field = Some(Cow::Borrowed(word));
        self
    }

    /// An item of this field's list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.item = Some(Item::Index(u32::try_from(index).unwrap_or(u32::MAX)));
        self
    }

    /// An entry of this field's map.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.item = Some(Item::Key(key.to_owned()));
        self
    }

    /// The key itself of an entry of this field's map.
    #[must_use]
    pub fn key_name(mut self, key: &str) -> Self {
        self.item = Some(Item::KeyName(key.to_owned()));
        self
    }

    /// Bytes within the value's text.
    #[must_use]
    pub fn within(mut self, span: Span) -> Self {
        self.within = Some(span);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dot = "";
        if let Some(task) = &self.task {
            write!(f, "tasks.{task}")?;
            dot = ".";
        }
        if let Some(field) = &self.field {
            write!(f, "{dot}{field}")?;
        }
        match &self.item {
            None => Ok(()),
            Some(Item::Index(index)) => write!(f, "[{index}]"),
            Some(Item::Key(key) | Item::KeyName(key)) => write!(f, ".{key}"),
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable word for scripts, such as `unknown-key`.
    pub code: &'static str,
    /// Whether it stops everything.
    pub severity: Severity,
    /// One line, no full stop.
    pub message: String,
    /// Where in the source text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Where in the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// One concrete fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The text that the span is of, where that is not the file that was asked for: a nested scenario.
    #[serde(skip)]
    pub source: Option<Arc<SourceFile>>,
}

impl Diagnostic {
    /// An error without place yet.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: None,
            place: None,
            help: None,
            source: None,
        }
    }

    /// A warning without place yet.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// A note without place yet.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, message)
        }
    }

    /// Of another file than the one that was asked for.
    #[must_use]
    pub fn of(mut self, source: &Arc<SourceFile>) -> Self {
        self.source = Some(Arc::clone(source));
        self
    }

    /// The text that the span is of, where `asked` is the file that was asked for.
    #[must_use]
    pub fn source_or<'a>(&'a self, asked: &'a SourceFile) -> &'a SourceFile {
        self.source.as_deref().unwrap_or(asked)
    }

    /// At a span of the source.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// At a place of the plan.
    #[must_use]
    pub fn in_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// With a fix.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a fix, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Whether it stops everything.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// One line: `file:line:column: error[code]: message`, without file position if it has none.
    #[must_use]
    pub fn line(&self, source: &SourceFile) -> String {
        let source = self.source_or(source);
        let Some(span) = self.span else {
            return format!("{}: {self}", source.name());
        };
        let at = source.location(span.start);
        format!("{}:{}:{}: {self}", source.name(), at.line, at.column)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        match &self.place {
            Some(place) if self.span.is_none() && *place != Place::default() => {
                write!(f, " (at {place})")
            }
            _ => Ok(()),
        }
    }
}

/// Problems as they are found, up to a bound: nobody reads the thousandth, and a hostile file must
/// not make us keep a million.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    found: Vec<Diagnostic>,
    dropped: usize,
    errors: usize,
    notes: Vec<Diagnostic>,
}

impl Problems {
    /// Most problems kept of one source.
    pub const MAX: usize = 200;

    /// Code of the last diagnostic where there were more: it counts the others, and is none itself.
    pub const TOO_MANY: &str = "too-many-problems";

    /// Most notes kept of one source: more than there are things to note.
    const MAX_NOTES: usize = 20;

    /// Adds one, or only counts it when there are enough. Of notes that say the same, the first is kept.
    pub fn push(&mut self, problem: Diagnostic) {
        if problem.severity == Severity::Note {
            let mut kept = self.notes.iter();
            let is_new = kept.all(|note| note.message != problem.message);
            if is_new && self.notes.len() < Self::MAX_NOTES {
                self.notes.push(problem);
            }
            return;
        }
        self.errors += usize::from(problem.is_error());
        if self.found.len() < Self::MAX {
            self.found.push(problem);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether further ones are only counted, so that nothing dear goes into their wording.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.len() >= Self::MAX
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Those kept, with a last one that counts the rest.
    #[must_use]
    pub fn into_vec(self) -> Vec<Diagnostic> {
        let (mut found, dropped) = self.into_kept();
        found.extend(Self::too_many(dropped));
        found
    }

    /// Those kept, notes behind the others, and how many were not.
    #[must_use]
    pub fn into_kept(mut self) -> (Vec<Diagnostic>, usize) {
        self.found.append(&mut self.notes);
        (self.found, self.dropped)
    }

    /// What stands for those that were not kept, if there are any.
    #[must_use]
    pub fn too_many(dropped: usize) -> Option<Diagnostic> {
        let message = format!("{dropped} more problems are not shown");
        (dropped > 0).then(|| Diagnostic::error(Self::TOO_MANY, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_and_without_a_position() {
        let source = SourceFile::new("a.yaml", "x: 1\ny: 2\n");
        let problem = Diagnostic::error("unknown-key", "unknown key `y`");
        assert_eq!(
            problem.line(&source),
            "a.yaml: error[unknown-key]: unknown key `y`"
        );
        let placed = problem
            .clone()
            .in_place(Place::task("a").field("needs").index(1));
        assert_eq!(
            placed.to_string(),
            "error[unknown-key]: unknown key `y` (at tasks.a.needs[1])"
        );
        let located = problem.at(Span::new(5, 6));
        assert_eq!(
            located.line(&source),
            "a.yaml:2:1: error[unknown-key]: unknown key `y`"
        );
    }
}
