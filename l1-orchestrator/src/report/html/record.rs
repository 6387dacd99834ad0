//! Numbers, outputs, artifacts, who approved what, and the environment.

use protocol::plan::Plan;

use super::context::{Artifact, Class, Fact, Spread};
use super::page::Source;
use crate::report::artifacts::{self, Handed, Left, Output};
use crate::report::modelled;
use crate::report::redact;
use crate::report::stats::{self, Stats};
use crate::report::words;

/// Rows of the table of artifacts.
const MAX_ARTIFACTS: usize = 1_000;
/// Characters of one value that are shown; the rest is in `plan.json` or `report.json`.
const MAX_VALUE: usize = 200;
/// Values shown.
const MAX_VALUES: usize = 100;
/// Tasks named beside a class of failures.
const MAX_NAMED: usize = 10;
/// Lives and recoveries told.
const MAX_LIVES: usize = 50;

impl Source<'_> {
    fn stats(&self) -> Stats {
        Stats::of(self.summary, self.plan)
    }

    pub(super) fn numbers(&self) -> Vec<Fact> {
        let (stats, tally) = (self.stats(), self.summary.tally);
        let tried = tally.passed + tally.failed + tally.tolerated;
        let mut facts = Vec::new();
        if let Some(percent) = (tally.passed * 100).checked_div(tried) {
            let rate = format!("{percent} % ({} of {tried} that ended)", tally.passed);
            facts.push(Fact::text("Tasks that succeeded", rate));
        }
        let slots = self.redact.machine(self.summary.slots());
        let attempts = format!(
            "{} started, {} succeeded, {} retries, {} interrupted, {} with a lost worker; {slots} at once",
            stats.attempts,
            stats.attempts_succeeded,
            stats.retries,
            stats.interrupted,
            stats.crashes
        );
        facts.push(Fact::text("Attempts", attempts));
        facts.push(Fact::text(
            "Processor time",
            self.redact.duration(stats.cpu),
        ));
        let largest = self.redact.measured_bytes(stats.peak_rss_bytes);
        facts.push(Fact::text("Largest process", largest));
        if self.summary.late_results > 0 {
            let late = self.summary.late_results.to_string();
            facts.push(Fact::text("Late results ignored", late));
        }
        facts
    }

    pub(super) fn spreads(&self) -> Vec<Spread> {
        let stats = self.stats();
        let spread = |name, spread: &stats::Spread| Spread {
            name,
            count: spread.count,
            spans: [spread.mean, spread.p50, spread.p95, spread.max]
                .map(|span| self.redact.duration(span)),
        };
        vec![
            spread("attempt", &stats.attempt_time),
            spread("task, retries included", &stats.task_time),
            spread("wait for a slot", &stats.queue_wait),
        ]
    }

    pub(super) fn classes(&self) -> Vec<Class> {
        let classes = self.stats().classes;
        let class = |group: &stats::ClassGroup| {
            let named = group.tasks.iter().take(MAX_NAMED);
            let mut tasks: Vec<String> = named.map(ToString::to_string).collect();
            if group.tasks.len() > MAX_NAMED {
                tasks.push(format!("and {} more", group.tasks.len() - MAX_NAMED));
            }
            Class {
                class: group.class.as_str(),
                attempts: group.attempts,
                tasks: tasks.join(", "),
            }
        };
        classes.iter().map(class).collect()
    }

    pub(super) fn outputs(&self) -> Vec<Fact> {
        let outputs = artifacts::outputs(self.summary, MAX_VALUE).take(MAX_VALUES);
        let fact = |output: Output<'_>| match output.value {
            Handed::Value(value) => Fact::code(output.name, value),
            Handed::Files(files, size) => {
                let place = artifacts::place(files.iter().copied(), files.len() > 1);
                let size = redact::bytes(size);
                let (place, href) = match files.as_slice() {
                    [] => (size, None),
                    [file] => (format!("{file}, {size}"), Some(words::href(file))),
                    _ => (format!("{place}, {size}"), Some(words::href(&place))),
                };
                Fact {
                    href,
                    ..Fact::code(output.name, place)
                }
            }
        };
        outputs.map(fact).collect()
    }

    pub(super) fn artifacts(&self) -> (Vec<Artifact>, usize, Vec<String>) {
        let mut shown = Vec::new();
        let mut left_out = Vec::new();
        let mut count = 0_usize;
        for Left { task, artifact, .. } in artifacts::left(self.summary, self.plan) {
            if let Some(words) = words::left_out(artifact).filter(|_| left_out.len() < MAX_VALUES) {
                left_out.push(format!("{} of {}: {words}.", artifact.name, task.id));
            }
            for file in &artifact.files {
                count += 1;
                if count <= MAX_ARTIFACTS {
                    shown.push(Artifact {
                        name: artifact.name.clone(),
                        task: task.id.to_string(),
                        href: words::href(&file.path),
                        path: file.path.clone(),
                        size: redact::bytes(file.bytes),
                        sha256: self.redact.sha256(&file.sha256),
                    });
                }
            }
        }
        (shown, count.saturating_sub(MAX_ARTIFACTS), left_out)
    }

    /// How the plan came about, where a model was asked for it.
    pub(super) fn planning(&self) -> impl Iterator<Item = Fact> {
        let facts = modelled::planning(self.summary, self.redact).into_iter();
        facts.map(|(name, text)| Fact::text(name, text))
    }

    pub(super) fn approval(&self) -> Vec<Fact> {
        let summary = self.summary;
        let Some(approval) = &summary.approval else {
            return vec![Fact::text("Plan", "none was approved")];
        };
        let at = self.redact.time(approval.at);
        let by = format!("{}, {at} UTC", words::origin(&approval.by));
        let plan = self.redact.sha256(&approval.plan);
        let mut facts = vec![
            Fact::of_file("Plan digest", plan, protocol::run_dir::PLAN),
            Fact::text("Approved by", by),
        ];
        for resumed in summary.resumed.iter().take(MAX_LIVES) {
            let at = self.redact.time(resumed.at);
            facts.push(Fact::text(
                "Resumed",
                format!("{at} UTC, epoch {}", resumed.epoch),
            ));
        }
        for (torn_bytes, file) in summary.recovered.iter().take(MAX_LIVES) {
            let text = format!("{torn_bytes} torn bytes kept as {file}");
            facts.push(Fact::text("Recovered", text));
        }
        facts
    }

    pub(super) fn environment(&self) -> Vec<Fact> {
        let Some((at, started)) = &self.summary.started else {
            return Vec::new();
        };
        let version = self.redact.version(&started.orchestra);
        let began = format!("{} UTC by orchestra {version}", self.redact.time(*at));
        let scenario = self.redact.sha256(&started.scenario_file);
        let mut facts = vec![
            Fact::code("Run", self.redact.run_full(&started.run_id)),
            Fact::text("Started", began),
        ];
        let inputs = self
            .plan
            .into_iter()
            .flat_map(Plan::inputs)
            .take(MAX_VALUES);
        facts.extend(inputs.map(|(name, value)| {
            Fact::code(&format!("Input {name}"), words::short(value, MAX_VALUE))
        }));
        facts.push(Fact::of_file(
            "Scenario, SHA-256",
            scenario,
            protocol::run_dir::SCENARIO,
        ));
        facts
    }
}
