//! `orchestra stats`: each scenario in a line; of one scenario, its tasks as well.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};

use protocol::budget::Spend;
use protocol::run_dir;
use serde_json::{Value, json};

use super::args::{Format, Stats};
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::CliError;
use super::list::{filter, id, nothing};
use crate::exit_code;
use crate::report::spend::in_words;
use crate::report::{RunSummary, Spread, words};
use crate::runs::{Seen, Wanted, each_event, open_regular};
use crate::settings;
use crate::stats::{LastFailure, RunStats, Sample, TaskStats, of_report, of_summary, tasks};
use crate::ui::Tone;

/// The newest runs of a scenario that count, unless somebody says otherwise.
const LIMIT: u32 = 100;
/// Longest report that is read, bytes: a hundred thousand tasks take a third of it.
const MAX_REPORT_BYTES: u64 = 128 * 1024 * 1024;
/// Tasks in the text; `-o json` has them all.
const MAX_TASKS: usize = 50;
/// Where a number would be.
const NONE: &str = "-";

/// A scenario's finished runs, newest first.
struct Scenario {
    name: String,
    runs: Vec<Seen>,
    stats: RunStats,
}

pub(super) fn stats(context: &Context, args: &Stats) -> Result<u8, CliError> {
    let runs = settings::runs_dir(&args.runs, &context.files);
    let mut filter = filter(&args.choice);
    filter.scenarios.extend(args.of.as_deref().map(Wanted::of));
    let limit = args.limit.unwrap_or(LIMIT) as usize;
    let entries = runs.newest()?;
    let has_runs = !entries.is_empty();
    let mut found: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for seen in entries.filter_map(|entry| filter.take(entry)) {
        let of_scenario = found.entry(seen.entry.scenario.clone()).or_default();
        if seen.status.is_over() && of_scenario.len() < limit {
            of_scenario.push(seen);
        }
    }
    found.retain(|_, runs| !runs.is_empty());
    let scenarios: Vec<Scenario> = found
        .into_iter()
        .map(|(name, runs)| Scenario {
            stats: RunStats::of(&runs),
            name,
            runs,
        })
        .collect();
    if scenarios.is_empty() && context.format == Format::Text {
        context.ui.note(&nothing(&runs, &filter, has_runs)?);
        return Ok(exit_code::OK);
    }
    let has_tasks = args.of.is_some();
    match context.format {
        Format::Text => text(context, &scenarios, has_tasks)?,
        Format::Json => {
            let list: Vec<Value> = scenarios.iter().map(|one| object(one, has_tasks)).collect();
            context.object(&json!({
                "schema": "orchestra.stats/v1",
                "quantiles": "nearest rank",
                "limit": limit,
                "scenarios": list,
            }))?;
        }
        Format::Jsonl => {
            for one in &scenarios {
                let mut line = object(one, has_tasks);
                line["schema"] = json!("orchestra.stats-scenario/v1");
                context.object(&line)?;
            }
        }
    }
    Ok(exit_code::OK)
}

/// What each run says about its tasks. A run that cannot be read says nothing.
fn samples(scenario: &Scenario) -> Vec<(Option<protocol::time::Timestamp>, Sample)> {
    let read = |run: &Seen| (run.started(), sample(run).unwrap_or_default());
    scenario.runs.iter().map(read).collect()
}

fn sample(run: &Seen) -> Option<Sample> {
    let dir = &run.entry.dir;
    let report = open_regular(&dir.join(run_dir::REPORT_JSON)).ok();
    let report = report.and_then(|file| {
        let source = BufReader::new(file.take(MAX_REPORT_BYTES));
        of_report(source).ok()
    });
    report.or_else(|| {
        let mut summary = RunSummary::default();
        let folded = each_event(dir, |event| {
            summary.apply(event);
            Ok(())
        });
        folded.ok().map(|_| of_summary(&summary))
    })
}

/// Runs that asked models, and what all of that came to.
fn spent(samples: &[(Option<protocol::time::Timestamp>, Sample)]) -> Option<(usize, Spend)> {
    let asked: Vec<Spend> = samples.iter().filter_map(|(_, one)| one.spend).collect();
    let all = asked.iter().copied().reduce(Spend::plus)?;
    Some((asked.len(), all))
}

fn text(context: &Context, scenarios: &[Scenario], has_tasks: bool) -> Result<(), CliError> {
    let width = columns::width(&context.ui);
    let painter = context.ui.out_painter();
    let table = scenario_table(context, scenarios);
    context.ui.data(&columns::render(table, width, painter))?;
    if !has_tasks {
        return Ok(());
    }
    for scenario in scenarios {
        let samples = samples(scenario);
        if let Some((runs, spend)) = spent(&samples) {
            let (runs, spend) = (words::count(runs, "run"), in_words(spend, None));
            context.ui.data(&format!("\nmodels in {runs}: {spend}\n"))?;
        }
        let (list, left_out) = tasks(&samples);
        if list.is_empty() {
            continue;
        }
        let shown = &list[..list.len().min(MAX_TASKS)];
        let table = task_table(context, scenario, shown);
        context.ui.data("\n")?;
        context.ui.data(&columns::render(table, width, painter))?;
        if left_out || shown.len() < list.len() {
            let more = list.len() - shown.len();
            context
                .ui
                .note(&format!("{more} more tasks with `-o json`"));
        }
    }
    Ok(())
}

fn head(text: &str) -> Cell {
    Cell {
        text: text.into(),
        tone: Some(Tone::Dim),
    }
}

fn under(title: &str, cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    std::iter::once(head(title)).chain(cells).collect()
}

fn share(percent: Option<u64>) -> Cell {
    let Some(percent) = percent else {
        return NONE.into();
    };
    let tone = match percent {
        100 => Tone::Good,
        _ => Tone::Warn,
    };
    Cell {
        text: format!("{percent}%"),
        tone: Some(tone),
    }
}

fn span(context: &Context, spread: &Spread, of: fn(&Spread) -> std::time::Duration) -> Cell {
    match spread.count {
        0 => NONE.into(),
        _ => context.redact.duration(of(spread)).into(),
    }
}

fn failure(context: &Context, runs: &[Seen], last: Option<&LastFailure>) -> Cell {
    let Some(last) = last else {
        return NONE.into();
    };
    let at = last
        .at
        .map(|at| context.redact.time(at))
        .unwrap_or_default();
    let run = runs.get(last.run).map(|run| id(context, run));
    let text = format!("{} {at} {}", run.unwrap_or_default(), last.how);
    crate::ui::sanitize(text.trim_end()).into_owned().into()
}

fn scenario_table(context: &Context, scenarios: &[Scenario]) -> Vec<Column> {
    let cells =
        |title: &str, of: &dyn Fn(&Scenario) -> Cell| under(title, scenarios.iter().map(of));
    let number = |count: usize| Cell::from(count.to_string());
    vec![
        Column::text(cells("scenario", &|one| one.name.as_str().into())),
        Column::numbers(cells("runs", &|one| number(one.runs.len()))),
        Column::numbers(cells("success", &|one| share(one.stats.success_percent()))),
        Column::numbers(cells("failed", &|one| number(one.stats.failed))).spare(3),
        Column::numbers(cells("cancelled", &|one| number(one.stats.cancelled))).spare(4),
        Column::numbers(cells("p50", &|one| {
            span(context, &one.stats.wall, |s| s.p50)
        }))
        .spare(1),
        Column::numbers(cells("p95", &|one| {
            span(context, &one.stats.wall, |s| s.p95)
        }))
        .spare(2),
        Column::text(cells("last failure", &|one| {
            failure(context, &one.runs, one.stats.last_failure.as_ref())
        }))
        .spare(5),
    ]
}

fn task_table(context: &Context, scenario: &Scenario, list: &[TaskStats]) -> Vec<Column> {
    let cells = |title: &str, of: &dyn Fn(&TaskStats) -> Cell| under(title, list.iter().map(of));
    let number = |count: u64| Cell::from(count.to_string());
    vec![
        Column::text(cells("task", &|task| task.id.as_str().into())),
        Column::numbers(cells("ended", &|task| number(task.ended() as u64))),
        Column::numbers(cells("success", &|task| share(task.success_percent()))),
        Column::numbers(cells("flaky", &|task| {
            let percent = task.flaky_percent().unwrap_or(0);
            format!("{percent}%").into()
        }))
        .spare(1),
        Column::numbers(cells("retries", &|task| number(task.retries))).spare(4),
        Column::numbers(cells("p50", &|task| span(context, &task.time, |s| s.p50))).spare(2),
        Column::numbers(cells("p95", &|task| span(context, &task.time, |s| s.p95))).spare(3),
        Column::text(cells("last failure", &|task| {
            failure(context, &scenario.runs, task.last_failure.as_ref())
        }))
        .spare(5),
    ]
}

fn object(scenario: &Scenario, has_tasks: bool) -> Value {
    let stats = &scenario.stats;
    let mut object = json!({
        "scenario": scenario.name,
        "runs": scenario.runs.len(),
        "passed": stats.passed,
        "failed": stats.failed,
        "cancelled": stats.cancelled,
        "success_percent": stats.success_percent(),
        "wall_us": spread(&stats.wall),
        "last_failure": last(scenario, stats.last_failure.as_ref()),
    });
    if has_tasks {
        let samples = samples(scenario);
        if let Some((runs, spend)) = spent(&samples) {
            object["models"] = json!({
                "runs": runs,
                "calls": spend.calls,
                "tokens": spend.tokens(),
                "usd": spend.usd.exact(),
                "unpriced": spend.unpriced,
                "estimated": spend.estimated,
            });
        }
        let (list, left_out) = tasks(&samples);
        object["tasks"] = list
            .iter()
            .map(|task| task_object(scenario, task))
            .collect();
        object["tasks_left_out"] = json!(left_out);
    }
    object
}

fn task_object(scenario: &Scenario, task: &TaskStats) -> Value {
    json!({
        "task": task.id,
        "passed": task.passed,
        "failed": task.failed,
        "success_percent": task.success_percent(),
        "flaky": task.flaky,
        "flaky_percent": task.flaky_percent(),
        "retries": task.retries,
        "duration_us": spread(&task.time),
        "last_failure": last(scenario, task.last_failure.as_ref()),
    })
}

fn last(scenario: &Scenario, failure: Option<&LastFailure>) -> Value {
    let Some(failure) = failure else {
        return Value::Null;
    };
    let run = scenario.runs.get(failure.run);
    json!({
        "run": run.map(|run| run.entry.short.as_str()),
        "started": failure.at,
        "how": (!failure.how.is_empty()).then_some(&failure.how),
    })
}

fn spread(spread: &Spread) -> Value {
    let micros = |span: std::time::Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    match spread.count {
        0 => Value::Null,
        count => json!({
            "count": count,
            "mean": micros(spread.mean),
            "p50": micros(spread.p50),
            "p95": micros(spread.p95),
            "max": micros(spread.max),
        }),
    }
}
