//! Tables: tasks with failures first, numbers, artifacts.

use super::page::{Page, escape};
use crate::report::rows::{TaskRow, rows};
use crate::report::stats::Spread;
use crate::report::words;

impl Page<'_> {
    pub(super) fn tasks(&mut self) {
        self.heading("Tasks");
        self.line("| | task | kind | attempts | start | duration | how |");
        self.line("|---|---|---|--:|--:|--:|---|");
        let table = rows(self.summary, self.plan, self.redact);
        for row in &table.rows {
            let label = match &row.task.label {
                Some(label) => format!(" {}", escape(label)),
                None => String::new(),
            };
            let TaskRow {
                task,
                word,
                kind,
                attempts,
                start,
                took,
                how,
                ..
            } = row;
            self.line(&format!(
                "| {word} | `{}`{label} | {kind} | {attempts} | {start} | {took} | {how} |",
                task.id
            ));
        }
        let more = [
            (table.more, "more"),
            (table.rolled_up, "children that passed or were passed over"),
            (table.unseen, "that never started"),
        ];
        let more = more.iter().filter(|(count, _)| *count > 0);
        let more: Vec<String> = more
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !more.is_empty() {
            self.line(&format!("\n… and {}.", more.join(", ")));
        }
    }

    pub(super) fn numbers(&mut self) {
        self.heading("Numbers");
        let stats = self.stats.clone();
        let tally = self.summary.tally;
        let tried = tally.passed + tally.failed + tally.tolerated;
        if let Some(percent) = (tally.passed * 100).checked_div(tried) {
            self.line(&format!(
                "- Tasks that succeeded: {percent} % ({} of {tried} that ended)",
                tally.passed
            ));
        }
        let slots = self.redact.machine(self.summary.slots());
        self.line(&format!(
            "- Attempts: {} started, {} succeeded, {} of them {}; {slots} at once",
            stats.attempts,
            stats.attempts_succeeded,
            stats.retries,
            if stats.retries == 1 {
                "a retry"
            } else {
                "retries"
            }
        ));
        self.line(&format!(
            "- Processor time: {}; largest process: {}",
            self.redact.duration(stats.cpu),
            self.redact.measured_bytes(stats.peak_rss_bytes)
        ));
        if stats.interrupted > 0 {
            let interrupted = words::count(stats.interrupted, "attempt");
            let undriven = self.redact.duration(self.summary.undriven);
            self.line(&format!(
                "- Interrupted: {interrupted}; nobody drove the run for up to {undriven}, which no \
                 duration of a task counts"
            ));
        }
        if stats.crashes > 0 || self.summary.late_results > 0 {
            let late = self.summary.late_results;
            self.line(&format!(
                "- Workers lost: {}; late results ignored: {late}",
                stats.crashes
            ));
        }
        self.line("\n| | count | mean | p50 | p95 | max |\n|---|--:|--:|--:|--:|--:|");
        self.spread("attempt", &stats.attempt_time);
        self.spread("task, retries included", &stats.task_time);
        self.spread("wait for a slot", &stats.queue_wait);
        if stats.classes.is_empty() {
            return;
        }
        self.line("\n| error class | attempts | failed tasks |\n|---|--:|---|");
        for group in &stats.classes {
            let mut tasks: Vec<String> = group
                .tasks
                .iter()
                .take(10)
                .map(|id| format!("`{id}`"))
                .collect();
            if group.tasks.len() > 10 {
                tasks.push(format!("and {} more", group.tasks.len() - 10));
            }
            let tasks = tasks.join(", ");
            self.line(&format!(
                "| `{}` | {} | {tasks} |",
                group.class, group.attempts
            ));
        }
    }

    fn spread(&mut self, name: &str, spread: &Spread) {
        let shown = [spread.mean, spread.p50, spread.p95, spread.max];
        let [mean, p50, p95, max] = shown.map(|span| self.redact.duration(span));
        let count = spread.count;
        self.line(&format!(
            "| {name} | {count} | {mean} | {p50} | {p95} | {max} |"
        ));
    }
}
