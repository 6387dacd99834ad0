//! The page: what every part writes into, and the parts in order.

use std::fmt::Write as _;
use std::sync::Arc;

use protocol::plan::Plan;
use protocol::time::Timestamp;

use crate::report::modelled;
use crate::report::redact::Redactor;
use crate::report::spend;
use crate::report::stats::Stats;
use crate::report::summary::RunSummary;
use crate::report::timeline::{self, timeline};
use crate::report::view::{RUNNING, RunRef, View};
use crate::report::words;

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

/// Renders the report from a summary and the plan that it names. `driven`: the
/// present, while some process drives the run.
#[must_use]
pub fn render(
    summary: &RunSummary,
    plan: Option<&Arc<Plan>>,
    driven: Option<Timestamp>,
    redact: Redactor,
) -> String {
    let view = View {
        plan: plan.cloned(),
        // The report lies in the run's directory, and that it can name wherever the runs are kept.
        run: RunRef(".".into()),
        dir: ".".into(),
        driven,
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
    page.banner();
    page.failures();
    if !modelled::is_unplanned(summary) {
        page.tasks();
        page.graph();
        page.timeline();
        page.numbers();
        page.outputs();
        page.artifacts();
    }
    page.policy();
    page.decisions();
    page.models();
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
        let (verdict, wall) = self.view.verdict(self.summary);
        let (name, run) = match &self.summary.started {
            Some((_, started)) => (
                started.scenario.to_string(),
                self.redact.run(&started.run_id),
            ),
            None => ("run".into(), "unknown".into()),
        };
        self.line(&format!("# {verdict}: {name}, run {run}\n"));
        let wall = self.redact.duration(wall);
        let when = if verdict == RUNNING { "for" } else { "in" };
        let tally = words::tally(&self.summary.tally, ", ");
        let planned = usize::try_from(self.summary.planned).unwrap_or(usize::MAX);
        let total = words::count(planned, "task");
        let mut text = match modelled::is_unplanned(self.summary) {
            true if self.summary.ending.is_none() => {
                format!("**{verdict}** {when} {wall}: there is no plan yet.")
            }
            true => {
                let why = escape(&modelled::why_unplanned(self.summary));
                format!("**{verdict}** {when} {wall}: there is no plan; {why}.")
            }
            false => format!("**{verdict}** {when} {wall}: {tally}, of {total}."),
        };
        if let Some(spent) = spend::spent(self.summary) {
            write!(text, " Models: {}.", escape(&spent)).expect("into a string");
        }
        if let Some(ending) = self.summary.ending {
            write!(text, " Exit code {}.", ending.exit_code).expect("into a string");
        }
        if let Some(approval) = &self.summary.approval {
            write!(text, " Plan `{}`.", self.redact.digest(&approval.plan)).expect("into a string");
        }
        self.line(&text);
        if let Some(of) = self
            .summary
            .started
            .as_ref()
            .and_then(|(_, started)| started.retry_of)
        {
            let of = self.redact.run(&of);
            self.line(&format!("\nA retry of run {of}."));
        }
        if !self.summary.gaps.is_empty() {
            let undriven = self.redact.duration(self.summary.undriven);
            self.line(&format!(
                "\nFor up to {undriven} of it, nobody drove the run."
            ));
        }
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
        let timeline = timeline(self.summary, self.plan);
        let bars = timeline::text(&timeline, self.redact);
        if bars.is_empty() && timeline.unstarted.is_empty() {
            return;
        }
        self.heading("Timeline");
        if !bars.is_empty() {
            self.line(
                "One line an attempt: `·` waits, `█` runs and succeeds, `▒` fails, `░` is stopped or \
                 lost.",
            );
            if !timeline.cuts.is_empty() {
                self.line("Times in which nobody drove the run are cut out.");
            }
            self.blank();
            self.fenced("text", &bars);
        }
        if timeline.more > 0 {
            let more = words::count(timeline.more, "shorter attempt");
            self.line(&format!("… and {more}.\n"));
        }
        if !timeline.unstarted.is_empty() {
            let mut names: Vec<String> = timeline
                .unstarted
                .iter()
                .map(|(id, word)| format!("`{id}` {word}"))
                .collect();
            if timeline.more_unstarted > 0 {
                names.push(format!("and {} more", timeline.more_unstarted));
            }
            self.line(&format!("Without an attempt: {}.", names.join(", ")));
        }
    }
}

/// Text of unknown origin as one line of Markdown that means nothing but itself.
pub fn escape(text: &str) -> String {
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
