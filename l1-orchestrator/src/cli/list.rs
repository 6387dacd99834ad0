//! `orchestra list`

use protocol::nearest::nearest;
use serde_json::{Value, json};

use super::args::{Choice, Format, List};
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::runs::{Filter, Runs, Seen, Status, Wanted};
use crate::session::now;
use crate::settings;
use crate::ui::Tone;

/// Runs listed on a terminal unless somebody says otherwise: the newest stay on the screen.
const TERMINAL_LIMIT: usize = 50;
/// Characters of the longest state, so that every list has its columns in the same place.
const STATUS_WIDTH: usize = 11;
const TOOK_WIDTH: usize = 7;

pub(super) fn list(context: &Context, args: &List) -> Result<u8, CliError> {
    let runs = settings::runs_dir(&args.runs, &context.files);
    let mut filter = filter(&args.choice);
    filter.scenarios.extend(args.of.as_deref().map(Wanted::of));
    let words = args.statuses.iter().map(|status| status.word());
    filter.statuses.extend(words);
    let is_page = context.format == Format::Text && context.ui.stdout_terminal;
    let limit = match args.limit {
        Some(0) => usize::MAX,
        Some(limit) => limit,
        None if is_page => TERMINAL_LIMIT,
        None => usize::MAX,
    };
    let mut entries = runs.newest()?;
    let has_runs = !entries.is_empty();
    let mut found = entries.by_ref().filter_map(|entry| filter.take(entry));
    let mut none = true;
    match context.format {
        Format::Text => {
            let seen: Vec<Seen> = found.take(limit).collect();
            none = seen.is_empty();
            let width = columns::width(&context.ui);
            let table = table(context, &seen);
            let text = columns::render(table, width, context.ui.out_painter());
            context.ui.data(&text)?;
            if args.limit.is_none() && !none && !entries.is_empty() {
                let all = "`orchestra list --limit 0` lists all";
                context.ui.note(&format!("the newest {limit}; {all}"));
            }
        }
        Format::Json => {
            let list: Vec<Value> = found.take(limit).map(|seen| object(&seen)).collect();
            context.object(&json!({ "schema": "orchestra.list/v1", "runs": list }))?;
            return Ok(exit_code::OK);
        }
        Format::Jsonl => {
            for seen in found.by_ref().take(limit) {
                none = false;
                let mut line = object(&seen);
                line["schema"] = json!("orchestra.list-entry/v1");
                context.object(&line)?;
            }
        }
    }
    if none {
        let what = nothing(&runs, &filter, has_runs)?;
        context.ui.note(&what);
    }
    Ok(exit_code::OK)
}

/// The filter that several verbs share.
pub(super) fn filter(choice: &Choice) -> Filter {
    Filter {
        scenarios: choice
            .scenarios
            .iter()
            .map(|text| Wanted::of(text))
            .collect(),
        statuses: Vec::new(),
        since: choice.since.map(|since| since.instant(now())),
    }
}

/// Why nothing is there, and what to do about it.
pub(super) fn nothing(runs: &Runs, filter: &Filter, has_runs: bool) -> Result<String, CliError> {
    let place = crate::ui::sanitize(&runs.dir().display().to_string()).into_owned();
    if !has_runs {
        return Ok(format!(
            "no runs in {place}\nhelp: `orchestra run SCENARIO` makes one; `--runs-dir` looks elsewhere"
        ));
    }
    if let [Wanted::Name(name)] = filter.scenarios.as_slice() {
        let known: Vec<String> = runs.newest()?.map(|entry| entry.scenario).collect();
        if !known.contains(name) {
            let near = nearest(name, known.iter().map(String::as_str));
            let help = near.map_or_else(
                || "`orchestra list` shows what there is".into(),
                |near| format!("did you mean `{near}`?"),
            );
            let name = crate::ui::sanitize(name);
            return Ok(format!("no run of `{name}` in {place}\nhelp: {help}"));
        }
    }
    Ok(format!(
        "no run in {place} fits\nhelp: `orchestra list` shows what there is"
    ))
}

fn table(context: &Context, seen: &[Seen]) -> Vec<Column> {
    let cells = |of: &dyn Fn(&Seen) -> Cell| seen.iter().map(of).collect();
    vec![
        Column::text(cells(&|run| id(context, run).into())),
        Column::text(cells(&status_cell)).at_least(STATUS_WIDTH),
        Column::text(cells(&|run| started(context, run).into())).spare(1),
        Column::numbers(cells(&|run| {
            let took = run.took().map(|took| context.redact.duration(took));
            took.unwrap_or_default().into()
        }))
        .at_least(TOOK_WIDTH)
        .spare(2),
        Column::text(cells(&|run| run.entry.scenario.as_str().into())),
    ]
}

pub(super) fn id(context: &Context, run: &Seen) -> String {
    let record = run.record.as_ref();
    record.map_or_else(
        || run.entry.short.clone(),
        |record| context.redact.run(&record.run_id),
    )
}

pub(super) fn started(context: &Context, run: &Seen) -> String {
    let at = run.started().map(|at| context.redact.time(at));
    at.unwrap_or_else(|| run.entry.minute.clone())
}

pub(super) fn status_cell(run: &Seen) -> Cell {
    let tone = match run.status {
        Status::Passed => Tone::Good,
        Status::Failed | Status::Damaged => Tone::Bad,
        Status::Running { .. } => Tone::Strong,
        Status::Cancelled | Status::Interrupted | Status::Paused => Tone::Warn,
        Status::NeverBegan => Tone::Dim,
    };
    Cell {
        text: run.status.word().into(),
        tone: Some(tone),
    }
}

/// What machines get about a run.
pub(super) fn object(run: &Seen) -> Value {
    let mut object = json!({
        "run": run.entry.short,
        "scenario": run.entry.scenario,
        "status": run.status.word(),
        "dir": run.entry.dir.display().to_string(),
    });
    if let Status::Running { pid } = run.status {
        object["pid"] = json!(pid);
    }
    if let Some(record) = &run.record {
        object["run_id"] = json!(record.run_id);
        object["started"] = json!(record.started);
    }
    if let Some(finished) = run.finished {
        object["finished"] = json!(finished);
    }
    if let Some(took) = run.took() {
        object["wall_ms"] = json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
    object
}
