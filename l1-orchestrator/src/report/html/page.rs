//! The page: every part filled, then the template around it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::context::{Attempt, Context, Fact, Named, Task};
use crate::report::graph::{self, Place, picture};
use crate::report::redact::Redactor;
use crate::report::rows::{TaskRow, rows};
use crate::report::summary::RunSummary;
use crate::report::timeline::{self, timeline};
use crate::report::view::{RunRef, View, next_commands};
use crate::report::{anchor, effects, enforced, modelled, spend, words, xml};

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = concat!(
    include_str!("style.css"),
    include_str!("../graph/picture.css")
);

/// Attempts named in a row of the table of tasks; the rest are in `report.json`.
const MAX_ATTEMPTS: usize = 10;

/// What every part is filled from.
pub(super) struct Source<'a> {
    pub(super) summary: &'a RunSummary,
    pub(super) plan: Option<&'a Plan>,
    pub(super) redact: Redactor,
}

/// Renders the page from a summary and the plan that it names. `driven`: the
/// present, while some process drives the run.
///
/// # Errors
/// None in practice: the template is ours and fits what fills it.
pub fn render(
    summary: &RunSummary,
    plan: Option<&Arc<Plan>>,
    driven: Option<Timestamp>,
    redact: Redactor,
) -> Result<String, minijinja::Error> {
    let view = View {
        plan: plan.cloned(),
        // The page lies in the run's directory, and that it can name wherever the runs are kept.
        run: RunRef(".".into()),
        dir: ".".into(),
        driven,
        redact,
    };
    let source = Source {
        summary,
        plan: plan.map(|plan| &**plan),
        redact,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // One escape for every renderer, which shows control characters instead of passing them on.
    environment.set_formatter(|out, _, value| {
        let text = value.to_string();
        let shown = if value.is_safe() {
            text
        } else {
            xml::escape(&text)
        };
        out.write_str(&shown).map_err(minijinja::Error::from)
    });
    // A line that holds nothing but a block leaves no line.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.add_template("report.html", TEMPLATE)?;
    environment
        .get_template("report.html")?
        .render(Value::from(Serde(source.context(&view))))
}

impl Source<'_> {
    fn context(&self, view: &View) -> Context {
        let summary = self.summary;
        let (scenario, run) = match &summary.started {
            Some((_, started)) => (
                started.scenario.to_string(),
                self.redact.run(&started.run_id),
            ),
            None => ("run".into(), "unknown".into()),
        };
        let (verdict, wall) = view.verdict(summary);
        let (failures, more_failures, shown) = self.failures();
        let picture = self.plan.map(|plan| picture(plan, Some(summary)));
        let timeline = timeline(summary, self.plan);
        let table = rows(summary, self.plan, self.redact);
        let more = [
            (table.more, "more"),
            (table.rolled_up, "children that passed or were passed over"),
            (table.unseen, "that never started"),
        ];
        let more = more.iter().filter(|(count, _)| *count > 0);
        let more: Vec<String> = more
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let (artifacts, more_artifacts, left_out) = self.artifacts();
        let (findings, more_findings) = self.findings();
        let (effects, more_effects) = effects::rows(summary, self.plan);
        let (denied, more_denied) = self.denied();
        let tasks: Vec<Task> = table
            .rows
            .iter()
            .map(|row| task(row, &shown, self.redact))
            .collect();
        let anchors = anchors(&tasks, shown);
        let (calls, more_calls) = modelled::rows(summary, self.redact);
        Context {
            style: Value::from_safe_string(STYLE.into()),
            title: format!("{verdict}: {scenario}, run {run}"),
            verdict,
            class: class_of(verdict),
            scenario,
            run,
            facts: self.facts(wall),
            notes: self.notes(),
            failures,
            more_failures,
            next: next_commands(summary, view),
            tasks,
            tasks_more: more.join(", "),
            graph: safe(
                picture
                    .as_ref()
                    .filter(|picture| !picture.nodes.is_empty())
                    .map(|picture| graph::svg(picture, Place::Page(&anchors))),
            ),
            graph_note: picture.and_then(|picture| picture.note).unwrap_or_default(),
            timeline: safe(Some(timeline::svg(&timeline, self.redact, &anchors))),
            timeline_cut: !timeline.cuts.is_empty(),
            timeline_more: timeline.more,
            more_unstarted: timeline.more_unstarted,
            unstarted: timeline
                .unstarted
                .into_iter()
                .map(|(name, word)| Named { name, word })
                .collect(),
            numbers: self.numbers(),
            spreads: self.spreads(),
            classes: self.classes(),
            outputs: self.outputs(),
            artifacts,
            more_artifacts,
            left_out,
            banner: enforced::banner(summary, self.redact),
            sandbox: self.sandbox(),
            findings,
            more_findings,
            effects,
            more_effects,
            denied,
            more_denied,
            admission: enforced::ADMISSION,
            approval: self.planning().chain(self.approval()).collect(),
            spent: spend::spent(summary),
            calls,
            more_calls,
            prices: modelled::prices(summary),
            environment: self.environment(),
            verify: view.run.command("verify", ""),
        }
    }

    fn facts(&self, wall: Duration) -> Vec<Fact> {
        let summary = self.summary;
        let planned = usize::try_from(summary.planned).unwrap_or(usize::MAX);
        let tally = words::tally(&summary.tally, " · ");
        let tasks = format!("{tally}, of {}", words::count(planned, "task"));
        let mut facts = vec![
            Fact::text("Time", self.redact.duration(wall)),
            Fact::text("Tasks", tasks),
        ];
        if modelled::is_unplanned(summary) {
            facts[1] = Fact::text("Tasks", "none: there is no plan");
        }
        if let Some(spent) = spend::spent(summary) {
            facts.push(Fact::text("Models", spent));
        }
        if let Some(ending) = summary.ending {
            facts.push(Fact::text("Exit code", ending.exit_code.to_string()));
        }
        if let Some(approval) = &summary.approval {
            facts.push(Fact::code("Plan", self.redact.digest(&approval.plan)));
        }
        facts
    }

    fn notes(&self) -> Vec<String> {
        let summary = self.summary;
        let mut notes = Vec::new();
        if let Some(of) = summary.started.as_ref().and_then(|(_, own)| own.retry_of) {
            notes.push(format!("A retry of run {}.", self.redact.run(&of)));
        }
        if !summary.gaps.is_empty() {
            let undriven = self.redact.duration(summary.undriven);
            notes.push(format!("For up to {undriven} of it, nobody drove the run."));
        }
        if let Some(cause) = &summary.paused {
            notes.push(format!("Paused: {cause}."));
        }
        if let Some(by) = &summary.cancelling {
            notes.push(format!("Stopped by {}.", words::origin(by)));
        }
        if summary.ending.is_none() {
            notes.push("This run is not over: the page shows what was recorded so far.".into());
        }
        notes
    }
}

fn safe(svg: Option<String>) -> Value {
    Value::from_safe_string(svg.unwrap_or_default())
}

const fn class_of(verdict: &str) -> &'static str {
    match verdict.as_bytes() {
        b"PASSED" => "done",
        b"FAILED" => "failed",
        b"CANCELLED" => "tolerated",
        _ => "pending",
    }
}

/// Every place of the page that a picture may lead to.
fn anchors(tasks: &[Task], shown: HashSet<String>) -> HashSet<String> {
    let attempts = tasks.iter().flat_map(|task| &task.attempts);
    let attempts = attempts.map(|attempt| attempt.anchor.clone());
    let tasks = tasks.iter().map(|task| task.anchor.clone());
    shown.into_iter().chain(tasks).chain(attempts).collect()
}

/// `shown`: anchors of attempts whose output is shown above the table.
fn task(row: &TaskRow<'_>, shown: &HashSet<String>, redact: Redactor) -> Task {
    let id = &row.task.id;
    let attempts = row.task.attempts.iter().take(MAX_ATTEMPTS).map(|attempt| {
        let anchor = anchor::of_attempt(id, attempt.number);
        let took = redact.duration(attempt.wall);
        Attempt {
            elsewhere: shown.contains(&anchor),
            text: format!("#{} {}, {took}", attempt.number, attempt.how()),
            log: attempt.telling_log(id),
            anchor,
        }
    });
    Task {
        anchor: anchor::of_task(id),
        word: row.word,
        class: row.look.class(),
        id: id.to_string(),
        label: row.task.label.as_deref().map(str::to_owned),
        kind: row.kind.clone(),
        count: row.attempts.clone(),
        attempts: attempts.collect(),
        start: row.start.clone(),
        took: row.took.clone(),
        worker: row
            .task
            .worker
            .as_ref()
            .map_or_else(String::new, |worker| redact.worker(worker)),
        how: row.how.clone(),
    }
}
