//! `report.md`: what ran, what failed first and why, what to type next, how to verify. For a reader
//! who has nothing else.
//!
//! Order: verdict, first failure, other failures, tasks, graph, timeline, numbers, artifacts, plan and
//! approval, environment and verification. Each part has a bound, so that the whole stays below
//! [`MAX_BYTES`].

use std::fmt::Write as _;

use protocol::plan::Plan;

use super::console::{RunRef, View, next_commands};
use super::redact::{self, Redactor};
use super::stats::{Spread, Stats};
use super::summary::RunSummary;
use super::task::{AttemptEnding, Standing, TaskSummary};
use super::{observer, timeline, words};

/// Most bytes of a report.
pub const MAX_BYTES: usize = 900 * 1024;
/// Failures shown with their tails, each ≤ 4 KiB.
const MAX_FAILURES: usize = 50;
/// Rows of the table of tasks.
const MAX_ROWS: usize = 2_000;
/// Edges of the graph; above it, there is none.
const MAX_EDGES: usize = 400;
/// Rows of the table of artifacts.
const MAX_ARTIFACTS: usize = 1_000;

struct Page<'a> {
    summary: &'a RunSummary,
    plan: Option<&'a Plan>,
    stats: Stats,
    redact: Redactor,
    view: View,
    text: String,
}

/// Renders the report from a summary and the plan that it names.
#[must_use]
pub fn render(
    summary: &RunSummary,
    plan: Option<&std::sync::Arc<Plan>>,
    redact: Redactor,
) -> String {
    let run = summary.started.as_ref().map_or_else(
        || "@last".into(),
        |(_, started)| redact.run(&started.run_id),
    );
    let view = View {
        plan: plan.cloned(),
        run: RunRef(run),
        dir: ".".into(),
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
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        self.blank();
        writeln!(self.text, "## {title}\n").expect("into a string");
    }

    /// One empty line, unless there is one.
    fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
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

    fn failures(&mut self) {
        let summary = self.summary;
        let Some(first) = summary.first_failure() else {
            self.next_steps();
            return;
        };
        self.heading("First failure");
        self.failure(first);
        self.next_steps();
        let mut others: Vec<&TaskSummary> = summary
            .tasks
            .iter()
            .filter(|task| matches!(task.standing, Standing::Failed { .. }) && task.id != first.id)
            .collect();
        if others.is_empty() {
            return;
        }
        others.sort_by_key(|task| task.ended);
        self.heading("Other failures, earliest first");
        for task in others.iter().take(MAX_FAILURES) {
            self.failure(task);
        }
        if others.len() > MAX_FAILURES {
            let more = others.len() - MAX_FAILURES;
            self.line(&format!("… and {more} more; see `report.json`."));
        }
    }

    fn failure(&mut self, task: &TaskSummary) {
        let Standing::Failed { failure, tolerated } = &task.standing else {
            return;
        };
        let mut title = format!("### `{}`", task.id);
        if let Some(attempt) = task.last_attempt() {
            let most = observer::max_attempts(self.plan, &task.id)
                .filter(|most| *most >= attempt.number)
                .map_or_else(String::new, |most| format!(" of {most}"));
            let how = attempt.how();
            write!(title, ": attempt {}{most}, {how}", attempt.number).expect("into a string");
        }
        self.line(&title);
        let tolerated = if *tolerated {
            " Tolerated by `continue_on_error`."
        } else {
            ""
        };
        let (class, advice) = (failure.class, failure.class.advice());
        let message = escape(&failure.message);
        self.line(&format!(
            "\n{message} (`{class}`).{tolerated} What to do: {advice}.\n"
        ));
        self.tails(task);
        let caused: Vec<String> = self
            .summary
            .tasks
            .iter()
            .filter(|other| {
                self.summary
                    .root_cause(other)
                    .is_some_and(|root| root.id == task.id)
            })
            .take(20)
            .map(|other| format!("`{}`", other.id))
            .collect();
        if !caused.is_empty() {
            self.line(&format!("Skipped because of it: {}.\n", caused.join(", ")));
        }
    }

    /// Attempts are shown one by one, never concatenated.
    fn tails(&mut self, task: &TaskSummary) {
        let level = self
            .summary
            .started
            .as_ref()
            .map(|(_, started)| words::sandbox(started.level));
        let from = task.attempts.len().saturating_sub(2);
        for attempt in &task.attempts[from..] {
            let AttemptEnding::Failed { tail, .. } = &attempt.ending else {
                continue;
            };
            let log = attempt
                .telling_log(&task.id)
                .map_or_else(|| "no output".into(), |log| format!("log [{log}]({log})"));
            let took = self.redact.duration(attempt.wall);
            let (number, how) = (attempt.number, attempt.how());
            self.line(&format!("Attempt {number}: {how} after {took}, {log}\n"));
            if let Some(tail) = tail {
                self.fenced("text", tail);
            }
        }
        if let Some(level) = level {
            self.line(&format!("Confinement: {level}.\n"));
        }
    }

    fn fenced(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let text = crate::ui::sanitize(text.trim_end());
        self.line(&format!("{fence}{language}\n{text}\n{fence}\n"));
    }

    fn next_steps(&mut self) {
        let commands = next_commands(self.summary, &self.view).join("\n");
        self.blank();
        self.line(
            "Next, where the run was started (this directory's path works in place of the id):\n",
        );
        self.fenced("sh", &commands);
    }

    fn tasks(&mut self) {
        self.heading("Tasks");
        self.line("| | task | kind | attempts | start | duration | how |");
        self.line("|---|---|---|--:|--:|--:|---|");
        let summary = self.summary;
        let mut tasks: Vec<&TaskSummary> = summary.tasks.iter().collect();
        tasks.sort_by_key(|task| task.standing.rank());
        for task in tasks.iter().take(MAX_ROWS) {
            self.row(task);
        }
        let shown = tasks.len().min(MAX_ROWS);
        let rest = (summary.planned as usize).saturating_sub(shown);
        if rest > 0 {
            let unseen = (summary.planned as usize).saturating_sub(tasks.len());
            self.line(&format!(
                "\n… and {rest} more, {unseen} of them never started."
            ));
        }
    }

    fn row(&mut self, task: &TaskSummary) {
        let begun = self
            .summary
            .started
            .as_ref()
            .map(|(at, _)| *at)
            .unwrap_or_default();
        let start = task
            .attempts
            .first()
            .map(|attempt| self.redact.offset(attempt.started.since(begun)))
            .unwrap_or_default();
        let took = task
            .duration()
            .map(|span| self.redact.duration(span))
            .unwrap_or_default();
        let kind = self.kind(task);
        let how = match &task.standing {
            Standing::Done if task.attempts.len() > 1 => {
                format!(
                    "after {}",
                    words::count(task.retries(), "retry").replace("retrys", "retries")
                )
            }
            _ => words::reason(self.summary, task),
        };
        let (word, id, attempts) = (task.standing.word(), &task.id, task.attempts.len());
        self.line(&format!(
            "| {word} | `{id}` | {kind} | {attempts} | {start} | {took} | {how} |"
        ));
    }

    fn kind(&self, task: &TaskSummary) -> &'static str {
        let index = self.plan.and_then(|plan| plan.index_of(task.id.as_str()));
        match index.and_then(|index| self.plan.map(|plan| plan.task(index).action())) {
            Some(protocol::plan::Action::Run(_)) => "run",
            Some(protocol::plan::Action::Command(_)) => "command",
            None => "",
        }
    }

    fn graph(&mut self) {
        let Some(plan) = self.plan else {
            return;
        };
        let edges: usize = plan.order().map(|index| plan.needs(index).len()).sum();
        self.heading("Graph");
        if edges > MAX_EDGES || plan.len() > MAX_EDGES {
            let tasks = plan.len();
            self.line(&format!(
                "Not drawn: {tasks} tasks and {edges} edges, at most {MAX_EDGES}."
            ));
            return;
        }
        self.line("```mermaid\nflowchart LR");
        for (index, task) in plan.tasks() {
            let standing = self.summary.task(task.id()).map(|task| &task.standing);
            let (open, close) = match standing {
                Some(Standing::Failed { .. }) => ("{{", "}}"),
                Some(Standing::Skipped { .. } | Standing::Cancelled) => ("[/", "/]"),
                Some(Standing::Done) => ("([", "])"),
                _ => ("[", "]"),
            };
            let word = standing.map_or("WAIT", Standing::word);
            let class = standing.map_or("pending", Standing::status);
            let (n, id) = (index.get(), task.id());
            self.line(&format!("  t{n}{open}\"{id}<br/>{word}\"{close}:::{class}"));
        }
        for (index, _) in plan.tasks() {
            for need in plan.needs(index) {
                self.line(&format!("  t{} --> t{}", need.get(), index.get()));
            }
        }
        self.line("  classDef done fill:#d6f5d6,stroke:#2e7d32,color:#111");
        self.line("  classDef failed fill:#ffd9d6,stroke:#b71c1c,color:#111");
        self.line("  classDef skipped,cancelled fill:#eee,stroke:#777,color:#111");
        self.line("```");
    }

    fn timeline(&mut self) {
        let bars = timeline::render(self.summary, self.plan, self.redact);
        if !bars.is_empty() {
            self.heading("Timeline");
            self.line(
                "One line an attempt: task, attempt, start, duration; `·` waits, `█` runs.\n",
            );
            self.fenced("text", &bars);
        }
    }

    fn numbers(&mut self) {
        self.heading("Numbers");
        let stats = self.stats.clone();
        let tally = self.summary.tally;
        let tried = tally.passed + tally.failed + tally.tolerated;
        if let Some(percent) = (tally.passed * 100).checked_div(tried) {
            self.line(&format!(
                "- Success rate: {percent} % ({} of {tried} tasks that ran)",
                tally.passed
            ));
        }
        let slots = self.redact.machine(self.summary.slots());
        self.line(&format!(
            "- Attempts: {} started, {} succeeded, {} beyond the first of their task; {slots} at once",
            stats.attempts, stats.attempts_succeeded, stats.retries
        ));
        self.line(&format!(
            "- Processor time: {}; largest process: {}",
            self.redact.duration(stats.cpu),
            self.redact.measured_bytes(stats.peak_rss_bytes)
        ));
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

    fn artifacts(&mut self) {
        self.heading("Artifacts");
        let summary = self.summary;
        let files = || {
            summary
                .tasks
                .iter()
                .flat_map(|task| task.artifacts.iter().map(move |one| (task, one)))
        };
        if files().next().is_none() {
            self.line("None.");
            return;
        }
        self.line("| artifact | task | file | size | SHA-256 |\n|---|---|---|--:|---|");
        let mut rows = 0_usize;
        for (task, artifact) in files() {
            for file in &artifact.files {
                rows += 1;
                if rows > MAX_ARTIFACTS {
                    continue;
                }
                let (name, path) = (cell(&artifact.name), cell(&file.path));
                let size = redact::bytes(file.bytes);
                let sha256 = self.redact.sha256(&file.sha256);
                let id = &task.id;
                self.line(&format!(
                    "| {name} | `{id}` | {path} | {size} | `{sha256}` |"
                ));
            }
        }
        if rows > MAX_ARTIFACTS {
            self.line(&format!(
                "\n… and {} more in `artifacts.json`.",
                rows - MAX_ARTIFACTS
            ));
        }
    }

    fn decisions(&mut self) {
        self.heading("Plan and approval");
        let Some(approval) = self.summary.approval.clone() else {
            self.line("No plan was approved.");
            return;
        };
        let plan = self.redact.sha256(&approval.plan);
        let by = words::origin(&approval.by);
        let at = self.redact.time(approval.at);
        self.line(&format!("- Plan digest: `{plan}` ([plan.json](plan.json))"));
        self.line(&format!("- Approved by: {by}, {at} UTC"));
        for resumed in self.summary.resumed.clone() {
            let at = self.redact.time(resumed.at);
            let epoch = resumed.epoch;
            self.line(&format!("- Resumed: {at} UTC, epoch {epoch}"));
        }
        for (torn_bytes, file) in self.summary.recovered.clone() {
            let file = escape(&file);
            self.line(&format!(
                "- Recovered: {torn_bytes} torn bytes kept as `{file}`"
            ));
        }
    }

    fn verification(&mut self) {
        self.heading("Environment and verification");
        let summary = self.summary;
        let Some((at, started)) = &summary.started else {
            return;
        };
        let policy = escape(&started.policy);
        let digest = self.redact.sha256(&started.policy_digest);
        let scenario = self.redact.sha256(&started.scenario_file);
        let version = self.redact.version(&started.orchestra);
        self.line(&format!(
            "- Run: `{}`",
            self.redact.run_full(&started.run_id)
        ));
        self.line(&format!(
            "- Started: {} UTC by orchestra {version}",
            self.redact.time(*at)
        ));
        self.line(&format!("- Policy: {policy}, `{digest}`"));
        self.line(&format!(
            "- Scenario: [scenario.yaml](scenario.yaml), SHA-256 `{scenario}`"
        ));
        self.line(&format!("- Confinement: {}", words::sandbox(started.level)));
        self.line(
            "\nEvery line of this report follows from `events.jsonl`, a hash chain that `seal.json` \
             closes.\nTo recompute the chain and the digests of plan, scenario, logs and artifacts:\n",
        );
        let verify = self.view.run.command("verify", "");
        self.fenced("sh", &verify);
        self.line("By hand, one file at a time: `sha256sum` prints the digest in the table above.");
    }
}

/// Text of unknown origin as one line of Markdown that means nothing but itself.
fn escape(text: &str) -> String {
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

fn cell(text: &str) -> String {
    escape(text)
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
