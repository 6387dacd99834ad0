//! What the template shows. Texts are plain; the template's environment escapes them.

use minijinja::Value;
use serde::Serialize;

use crate::report::effects;
use crate::report::modelled::Row;

/// The whole page.
#[derive(Serialize)]
pub(super) struct Context {
    pub(super) style: Value,
    pub(super) title: String,
    pub(super) verdict: &'static str,
    pub(super) class: &'static str,
    pub(super) scenario: String,
    pub(super) run: String,
    pub(super) facts: Vec<Fact>,
    pub(super) notes: Vec<String>,
    pub(super) failures: Vec<Failure>,
    pub(super) more_failures: usize,
    pub(super) next: Vec<String>,
    pub(super) tasks: Vec<Task>,
    pub(super) tasks_more: String,
    pub(super) graph: Value,
    pub(super) graph_note: String,
    pub(super) timeline: Value,
    pub(super) timeline_cut: bool,
    pub(super) timeline_more: usize,
    pub(super) unstarted: Vec<Named>,
    pub(super) more_unstarted: usize,
    pub(super) numbers: Vec<Fact>,
    pub(super) spreads: Vec<Spread>,
    pub(super) classes: Vec<Class>,
    pub(super) outputs: Vec<Fact>,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) more_artifacts: usize,
    pub(super) left_out: Vec<String>,
    pub(super) banner: Option<String>,
    pub(super) sandbox: Vec<Fact>,
    pub(super) findings: Vec<Found>,
    pub(super) more_findings: u64,
    pub(super) effects: Vec<effects::Row>,
    pub(super) more_effects: usize,
    pub(super) denied: Vec<Fact>,
    pub(super) more_denied: usize,
    pub(super) admission: &'static str,
    pub(super) approval: Vec<Fact>,
    pub(super) spent: Option<String>,
    pub(super) calls: Vec<Row>,
    pub(super) more_calls: u64,
    pub(super) prices: Vec<String>,
    pub(super) environment: Vec<Fact>,
    pub(super) verify: String,
}

/// A finding.
#[derive(Serialize)]
pub(super) struct Found {
    pub(super) weight: &'static str,
    pub(super) code: String,
    pub(super) task: String,
    pub(super) message: String,
    pub(super) fix: String,
}

/// A name and what it stands for.
#[derive(Serialize)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    /// Shown in a font where all characters are alike.
    pub(super) code: bool,
    /// A file beside the page.
    pub(super) href: Option<String>,
}

impl Fact {
    pub(super) fn text(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            code: false,
            href: None,
        }
    }

    pub(super) fn code(name: &str, value: impl Into<String>) -> Self {
        Self {
            code: true,
            ..Self::text(name, value)
        }
    }

    pub(super) fn of_file(name: &str, value: impl Into<String>, file: &'static str) -> Self {
        Self {
            href: Some(file.to_owned()),
            ..Self::code(name, value)
        }
    }
}

/// A task that failed.
#[derive(Serialize)]
pub(super) struct Failure {
    pub(super) heading: Option<&'static str>,
    pub(super) name: String,
    pub(super) how: String,
    pub(super) message: String,
    pub(super) class: &'static str,
    pub(super) advice: &'static str,
    pub(super) tolerated: bool,
    pub(super) program: Option<Program>,
    pub(super) attempts: Vec<Tail>,
    pub(super) caused: Vec<String>,
}

/// What a task ran.
#[derive(Serialize)]
pub(super) struct Program {
    pub(super) how: String,
    pub(super) text: String,
}

/// The end of one attempt's output.
#[derive(Serialize)]
pub(super) struct Tail {
    pub(super) anchor: String,
    pub(super) title: String,
    pub(super) log: Option<String>,
    pub(super) tail: Option<String>,
    pub(super) sandbox: Option<String>,
    pub(super) denied: Option<String>,
}

/// A row of the table of tasks.
#[derive(Serialize)]
pub(super) struct Task {
    pub(super) anchor: String,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) id: String,
    pub(super) label: Option<String>,
    pub(super) kind: String,
    pub(super) count: String,
    pub(super) attempts: Vec<Attempt>,
    pub(super) start: String,
    pub(super) took: String,
    pub(super) worker: String,
    pub(super) how: String,
}

/// One attempt in such a row.
#[derive(Serialize)]
pub(super) struct Attempt {
    /// Where it is, or where its output is.
    pub(super) anchor: String,
    /// The anchor is in another place.
    pub(super) elsewhere: bool,
    pub(super) text: String,
    pub(super) log: Option<String>,
}

/// A task by name, and its word.
#[derive(Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) word: &'static str,
}

/// Mean and percentiles.
#[derive(Serialize)]
pub(super) struct Spread {
    pub(super) name: &'static str,
    pub(super) count: usize,
    pub(super) spans: [String; 4],
}

/// Failures of one class.
#[derive(Serialize)]
pub(super) struct Class {
    pub(super) class: &'static str,
    pub(super) attempts: usize,
    pub(super) tasks: String,
}

/// A sealed file.
#[derive(Serialize)]
pub(super) struct Artifact {
    pub(super) name: String,
    pub(super) task: String,
    pub(super) path: String,
    pub(super) href: String,
    pub(super) size: String,
    pub(super) sha256: String,
}
