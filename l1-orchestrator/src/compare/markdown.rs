//! The comparison as one page of Markdown: what differs first, what is the same in one line, and
//! durations last, because they always do.

use std::fmt::Write as _;

use serde_json::Value;

use super::comparison::{Change, Comparison};
use super::outcomes::Durations;
use super::plans::PlanChanges;
use super::side::Side;
use super::text;
use crate::report::markdown::escape;
use crate::report::{Redactor, bytes, words};

/// Rows of one table; `-o json` has them all.
const MAX_ROWS: usize = 50;
/// Tasks whose durations are shown.
const MAX_DURATIONS: usize = 20;
/// Characters of a value.
const MAX_VALUE: usize = 120;

/// The page.
#[must_use]
pub fn render(found: &Comparison, sides: [&Side; 2], redact: Redactor) -> String {
    let mut page = Page {
        text: String::new(),
        redact,
    };
    page.head(found, sides);
    page.table("Outcomes", "", &found.outcomes);
    match &found.plan {
        None => {
            page.line("\n## Plan\n\nOne of the plans is not what its run approved, or is missing.");
        }
        Some(plan) if !plan.is_empty() => page.plan(plan),
        Some(_) => {}
    }
    page.table("Inputs", "input", &found.inputs);
    page.table("Environment", "", &found.environment);
    page.table("Outputs", "output", &found.outputs);
    page.table("Artifacts", "file", &found.artifacts);
    if let Some(scenario) = &found.scenario {
        let is_same = found.plan.as_ref().is_some_and(PlanChanges::is_empty);
        let note = if is_same {
            "\nThe text differs, the plan it makes does not.\n"
        } else {
            ""
        };
        page.line(&format!("\n## Scenario as written\n{note}"));
        page.fenced("diff", scenario);
    }
    page.durations(&found.durations);
    page.text
}

struct Page {
    text: String,
    redact: Redactor,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn fenced(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let text = crate::ui::sanitize(text.trim_end()).into_owned();
        self.line(&format!("{fence}{language}\n{text}\n{fence}"));
    }

    fn head(&mut self, found: &Comparison, sides: [&Side; 2]) {
        let names = sides.map(|side| self.run(side));
        let [a, b] = &names;
        let word = if found.is_equal() {
            "EQUAL"
        } else {
            "DIFFERENT"
        };
        self.line(&format!("# {word}: {a} and {b}\n"));
        let named = |wanted: bool| -> Vec<&str> {
            let parts = found.parts().into_iter();
            let parts = parts.filter(|(_, is_same)| *is_same == wanted);
            parts.map(|(name, _)| name).collect()
        };
        let (same, other) = (named(true), named(false));
        if !other.is_empty() {
            self.line(&format!("Different: {}.", other.join(", ")));
        }
        if !same.is_empty() {
            self.line(&format!("The same: {}.", same.join(", ")));
        }
        self.line("Ids, times and durations always differ and do not count.\n");
        self.line("| | from | to |\n|---|---|---|");
        let [a, b] = &names;
        self.line(&format!("| run | {a} | {b} |"));
        let redact = self.redact;
        self.pair("started", sides, |side| {
            let started = side.summary.started.as_ref();
            started.map_or_else(String::new, |(at, _)| redact.time(*at))
        });
        self.pair("verdict", sides, |side| {
            words::verdict(&side.summary).to_lowercase()
        });
        self.pair("plan", sides, |side| {
            let plan = side.plan.as_ref();
            plan.map_or_else(|| "unreadable".into(), |plan| redact.digest(&plan.digest()))
        });
    }

    fn run(&self, side: &Side) -> String {
        let started = side.summary.started.as_ref();
        let run = started.map(|(_, started)| self.redact.run(&started.run_id));
        format!("{} {}", side.scenario, run.unwrap_or_default())
    }

    fn pair(&mut self, what: &str, sides: [&Side; 2], of: impl Fn(&Side) -> String) {
        let [a, b] = sides.map(of);
        self.line(&format!("| {what} | {a} | {b} |"));
    }

    fn table(&mut self, title: &str, what: &str, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.line(&format!("\n## {title}\n"));
        self.rows(what, changes);
    }

    fn rows(&mut self, what: &str, changes: &[Change]) {
        self.line(&format!("| {what} | from | to |\n|---|---|---|"));
        for change in changes.iter().take(MAX_ROWS) {
            let [from, to] = [&change.from, &change.to].map(|value| self.value(value.as_ref()));
            self.line(&format!("| {} | {from} | {to} |", escape(&change.what)));
        }
        self.more(changes.len(), MAX_ROWS);
    }

    fn more(&mut self, all: usize, shown: usize) {
        if all > shown {
            self.line(&format!("\n… and {} more.", all - shown));
        }
    }

    /// A value in a cell.
    fn value(&self, value: Option<&Value>) -> String {
        let Some(value) = value else {
            return "*absent*".into();
        };
        let seal = value.get("sha256").and_then(Value::as_str);
        let size = value.get("bytes").and_then(Value::as_u64);
        if let (Some(sha256), Some(size)) = (seal, size) {
            let digest = sha256.get(..8).unwrap_or(sha256);
            return format!("{}, `{digest}`", bytes(size));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let cut: String = text.chars().take(MAX_VALUE).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        let is_code = !value.is_string() && !cut.contains(['`', '|']);
        if is_code {
            return format!("`{}{more}`", crate::ui::sanitize(&cut));
        }
        format!("{}{more}", escape(&cut))
    }

    fn plan(&mut self, plan: &PlanChanges) {
        self.line("\n## Plan\n");
        for (word, tasks) in [("Added", &plan.added), ("Removed", &plan.removed)] {
            if !tasks.is_empty() {
                let shown = tasks.iter().take(MAX_ROWS).map(|task| escape(task));
                let shown: Vec<String> = shown.collect();
                self.line(&format!("- {word}: {}", shown.join(", ")));
                self.more(tasks.len(), MAX_ROWS);
            }
        }
        for (task, fields) in plan.changed.iter().take(MAX_ROWS) {
            let names: Vec<String> = fields.iter().map(|field| escape(&field.what)).collect();
            self.line(&format!(
                "- Changed: {}: {}",
                escape(task),
                names.join(", ")
            ));
        }
        self.more(plan.changed.len(), MAX_ROWS);
        for (task, fields) in plan.changed.iter().take(MAX_ROWS) {
            self.task(task, fields);
        }
        if !plan.other.is_empty() {
            self.line("");
            self.rows("of the whole plan", &plan.other);
        }
    }

    /// Scripts as texts, everything else as values.
    fn task(&mut self, task: &str, fields: &[Change]) {
        let script = |change: &Change| {
            let from = change.from.as_ref()?.as_str()?;
            let to = change.to.as_ref()?.as_str()?;
            let is_long = from.contains('\n') || to.contains('\n');
            if is_long {
                text::unified(from, to)
            } else {
                None
            }
        };
        self.line(&format!("\n### {}\n", escape(task)));
        let (texts, values): (Vec<&Change>, Vec<&Change>) =
            fields.iter().partition(|change| script(change).is_some());
        if !values.is_empty() {
            let values: Vec<Change> = values.into_iter().cloned().collect();
            self.rows("field", &values);
        }
        for change in texts {
            self.line(&format!("\n{}:\n", escape(&change.what)));
            self.fenced("diff", &script(change).unwrap_or_default());
        }
    }

    fn durations(&mut self, durations: &[Durations]) {
        self.line("\n## Durations\n\n| task | from | to | attempts |\n|---|--:|--:|--:|");
        for one in durations.iter().take(MAX_DURATIONS + 1) {
            let [from, to] = one.took.map(|took| self.redact.duration(took));
            let (name, attempts) = match one.task.as_str() {
                "" => ("*the run*".into(), String::new()),
                task => {
                    let [from, to] = one.attempts;
                    let same = from == to;
                    let attempts = if same {
                        from.to_string()
                    } else {
                        format!("{from}, {to}")
                    };
                    (escape(task), attempts)
                }
            };
            let mut row = String::new();
            write!(row, "| {name} | {from} | {to} | {attempts} |").expect("into a string");
            self.line(&row);
        }
        self.more(durations.len(), MAX_DURATIONS + 1);
    }
}
