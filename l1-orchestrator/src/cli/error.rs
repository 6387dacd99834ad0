//! What went wrong as a person sees it: whose fault (kind), a stable code, the cause, hints.
//!
//! Libraries return data; blame and wording are chosen here, and one function maps kind to exit code.

use std::error::Error;
use std::sync::Arc;

use protocol::diagnostic::Diagnostic;
use protocol::policy::Finding;
use protocol::source::SourceFile;
use serde_json::{Value, json};

use crate::exit_code;
use crate::report::{diagnostics, findings};
use crate::ui::{Gone, Painter, Tone, Ui};

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// A file somebody wrote is wrong.
    Invalid,
    /// The policy, or an approval, does not cover it.
    Refused,
    /// The machine, or another process, stands in the way.
    NotReady,
    /// Something is not what was recorded.
    VerifyFailed,
    /// A person did not say yet.
    Parked,
    /// A budget is used up.
    Exhausted,
    /// A bug of ours.
    Internal,
    /// Nobody reads stdout any more.
    Gone,
}

impl Kind {
    /// The one map from kind to exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => exit_code::USAGE,
            Self::Invalid => exit_code::INVALID,
            Self::Refused => exit_code::REFUSED,
            Self::NotReady => exit_code::NOT_READY,
            Self::VerifyFailed => exit_code::VERIFY_FAILED,
            Self::Parked => exit_code::PARKED,
            Self::Exhausted => exit_code::EXHAUSTED,
            Self::Internal => exit_code::INTERNAL,
            // As with `head`: the reader had enough, which is no failure of ours.
            Self::Gone => exit_code::OK,
        }
    }
}

/// An error on its way to a person or a script.
#[derive(Debug)]
pub struct CliError {
    /// Whose move it is.
    pub kind: Kind,
    /// Stable word for scripts, such as `unknown-run`.
    pub code: &'static str,
    /// One line, lower case, no full stop.
    pub message: String,
    /// What it comes from.
    pub source: Option<Box<dyn Error + Send + Sync>>,
    /// Concrete next steps; commands in backticks.
    pub hints: Vec<String>,
    /// Problems of an authored file, with the file.
    pub problems: Option<Problems>,
    /// What a policy has against it.
    pub policy: Option<Box<Against>>,
}

/// What a policy has against a plan.
#[derive(Debug, Default)]
pub struct Against {
    /// Why a person is to approve it.
    pub reasons: Vec<String>,
    /// What exceeds it.
    pub findings: Vec<Finding>,
}

/// Diagnostics and the text they point into.
#[derive(Debug)]
pub struct Problems {
    /// The file.
    pub source: Arc<SourceFile>,
    /// All of them, in file order.
    pub list: Box<[Diagnostic]>,
}

impl CliError {
    /// An error without cause and hints yet.
    #[must_use]
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind,
            code,
            message,
            source: None,
            hints: Vec::new(),
            problems: None,
            policy: None,
        }
    }

    /// The command line is wrong.
    #[must_use]
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    /// A file somebody wrote is wrong.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, message)
    }

    /// The machine, or another process, stands in the way.
    #[must_use]
    pub fn not_ready(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::NotReady, code, message)
    }

    /// A bug of ours.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "internal", message).hint(
            "this is a bug in orchestra; please report it with the command line and log.jsonl",
        )
    }

    /// Every problem of one authored file.
    #[must_use]
    pub fn problems(source: Arc<SourceFile>, list: Vec<Diagnostic>) -> Self {
        let message = diagnostics::headline(&source, &list);
        let list = list.into();
        let problems = Some(Problems { source, list });
        Self {
            problems,
            ..Self::invalid("invalid-file", message)
        }
    }

    /// With its cause.
    #[must_use]
    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// With what a policy has against it.
    #[must_use]
    pub fn against(mut self, reasons: Vec<String>, findings: Vec<Finding>) -> Self {
        self.policy = Some(Box::new(Against { reasons, findings }));
        self
    }

    /// Without the findings, which are shown elsewhere.
    #[must_use]
    pub fn without_findings(mut self) -> Self {
        if let Some(against) = &mut self.policy {
            against.findings.clear();
        }
        self
    }

    /// With one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With a hint, if there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// For eyes, on stderr.
    pub fn show(&self, ui: &Ui) {
        if self.kind == Kind::Gone {
            return;
        }
        ui.say(&self.render(ui.err_painter()));
    }

    /// The text for eyes, without a last line break.
    #[must_use]
    pub fn render(&self, painter: Painter) -> String {
        let mut text = String::new();
        if let Some(problems) = &self.problems {
            text.push_str(&diagnostics::render(
                &problems.source,
                &problems.list,
                painter,
            ));
            let label = painter.paint(Tone::Bad, "error");
            text.push_str(&format!("{label}: {}", self.message));
        } else {
            let label = painter.paint(Tone::Bad, &format!("error[{}]", self.code));
            text.push_str(&format!("{label}: {}", crate::ui::sanitize(&self.message)));
        }
        for cause in self.causes() {
            text.push_str(&format!("\n  because: {}", crate::ui::sanitize(&cause)));
        }
        if let Some(against) = &self.policy {
            for reason in &against.reasons {
                text.push_str(&format!("\n  because {}", crate::ui::sanitize(reason)));
            }
            let found = findings::lines(&against.findings, painter);
            if !found.is_empty() {
                text.push_str(&format!("\n{}", found.trim_end()));
            }
        }
        let label = painter.paint(Tone::Strong, "help");
        for hint in &self.hints {
            // A hint may quote a model or a recording; it is one line, whatever they hold.
            let hint = crate::ui::sanitize(hint).replace('\n', " ");
            text.push_str(&format!("\n{label}: {hint}"));
        }
        text
    }

    /// The one object of `-o json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "exit_code": self.kind.exit_code(),
        });
        let causes = self.causes();
        if !causes.is_empty() {
            error["causes"] = json!(causes);
        }
        if !self.hints.is_empty() {
            error["hints"] = json!(self.hints);
        }
        if let Some(against) = &self.policy {
            error["reasons"] = json!(against.reasons);
            error["findings"] = json!(against.findings);
        }
        if let Some(problems) = &self.problems {
            error["problems"] = diagnostics::to_json(&problems.source, &problems.list);
        }
        json!({ "schema": "orchestra.error/v1", "error": error })
    }

    fn causes(&self) -> Vec<String> {
        // A chain that is longer than this is a loop or a novel.
        const MAX_CAUSES: usize = 8;
        let mut causes = Vec::new();
        let mut next: Option<&dyn Error> = self.source.as_deref().map(|error| error as &dyn Error);
        while let Some(error) = next.filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(error.to_string());
            next = error.source();
        }
        causes
    }
}

impl From<Gone> for CliError {
    fn from(_: Gone) -> Self {
        Self::new(Kind::Gone, "gone", "nobody reads the output")
    }
}
