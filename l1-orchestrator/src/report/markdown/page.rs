//! The page: what every part writes into, and the parts in order.

use std::fmt::Write as _;
use std::sync::Arc;

use protocol::plan::Plan;

use crate::report::redact::Redactor;
use crate::report::stats::Stats;
use crate::report::summary::RunSummary;
use crate::report::view::{RunRef, View};
use crate::report::{timeline, words};

/// Most bytes of a report.
pub const MAX_BYTES: usize = 900 * 1024;

/// A report being written.
pub(super) struct Page<'a> {
    pub(super) summary: &'a RunSummary,
    pub(super) plan: Option<&'a Plan>,
    pub(super) stats: Stats,
    pub(super) redact: Redactor,
    pub(super) view: View,
    pub(super) text: String,
}

/// Renders the report from a summary and the plan that it names.
#[must_use]
pub fn render(summary: &RunSummary, plan: Option<&Arc<Plan>>, redact: Redactor) -> String {
    let view = View {
        plan: plan.cloned(),
        // The report lies in the run's directory, and that it can name wherever the runs are kept.
        run: RunRef(".".into()),
        dir: ".".into(),
        driven: None,
        redact,
    };
    let plan = plan.map(|plan| &**plan);
    let stats = Stats::of(summary, plan);
    let mut page = Page {
        summary,
        plan,
        stats,
        redact,
        view,
        text: String::new(),
    };
    page.verdict();
    page.failures();
    page.tasks();
    page.graph();
    page.timeline();
    page.numbers();
    page.artifacts();
    page.decisions();
    page.verification();
    cut(page.text)
}

fn cut(mut text: String) -> String {
    const NOTE: &str = "\n\n… cut here: the report is longer than its bound; see report.json\n";
    if text.len() > MAX_BYTES {
        let mut end = MAX_BYTES - NOTE.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(NOTE);
    }
    text
}

impl Page<'_> {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.blank();
        writeln!(self.text, "## {title}\n").expect("into a string");
    }

    /// One empty line, unless there is one.
    pub(super) fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn fenced(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let text = crate::ui::sanitize(text.trim_end());
        self.line(&format!("{fence}{language}\n{text}\n{fence}\n"));
    }

    fn verdict(&mut self) {
        let verdict = words::verdict(self.summary);
        let (name, run) = match &self.summary.started {
            Some((_, started)) => (
                started.scenario.to_string(),
                self.redact.run(&started.run_id),
            ),
            None => ("run".into(), "unknown".into()),
        };
        self.line(&format!("# {verdict}: {name}, run {run}\n"));
        let wall = self.redact.duration(self.summary.wall());
        let tally = words::tally(&self.summary.tally, ", ");
        let total = words::count(self.summary.planned as usize, "task");
        let mut text = format!("**{verdict}** in {wall}: {tally}, of {total}.");
        if let Some(ending) = self.summary.ending {
            write!(text, " Exit code {}.", ending.exit_code).expect("into a string");
        }
        if let Some(approval) = &self.summary.approval {
            write!(text, " Plan `{}`.", self.redact.digest(&approval.plan)).expect("into a string");
        }
        self.line(&text);
        if let Some(cause) = &self.summary.paused {
            self.line(&format!("\nPaused: {}.", escape(cause)));
        }
        if let Some(by) = &self.summary.cancelling {
            self.line(&format!("\nStopped by {}.", words::origin(by)));
        }
        if self.summary.ending.is_none() {
            self.line("\nThis run is not over: the report shows what was recorded so far.");
        }
    }

    fn timeline(&mut self) {
        let bars = timeline::text(&timeline::timeline(self.summary, self.plan), self.redact);
        if !bars.is_empty() {
            self.heading("Timeline");
            self.line(
                "One line an attempt: task, attempt, start, duration; `·` waits, `█` runs.\n",
            );
            self.fenced("text", &bars);
        }
    }
}

/// Text of unknown origin as one line of Markdown that means nothing but itself.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::ui::sanitize(text).chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(escape("a|b\n<img>`x`"), "a\\|b &lt;img>\\`x\\`");
        let long = cut("é".repeat(MAX_BYTES));
        assert!(long.len() <= MAX_BYTES && long.ends_with("report.json\n"));
    }
}
