//! `orchestra clean`: old runs go, and every one that goes is named.
//!
//! A removal cannot be taken back, so a command line that says nothing about which runs is refused,
//! and so is one that nobody can be asked about: a script says `--yes`, or looks with `--dry-run`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{Clean, Format};
use super::columns::{self, Cell, Column};
use super::confirm::{can_ask, confirm};
use super::context::Context;
use super::error::CliError;
use super::list::{id, object, started, status_cell};
use crate::exit_code;
use crate::report::words;
use crate::runs::{
    Filter, RemovalError, Rule, Runs, Seen, Verdict, Wanted, disk_bytes, finish, leftovers, remove,
};
use crate::session::{new_coordinator, now};
use crate::settings;
use crate::ui::Tone;

/// A run that goes, and what it takes.
struct Chosen {
    run: Seen,
    bytes: u64,
}

/// What is to be done.
struct Work {
    chosen: Vec<Chosen>,
    /// Of earlier commands that did not end.
    leftovers: Vec<(PathBuf, u64)>,
    kept: Vec<Verdict>,
}

impl Work {
    fn bytes(&self) -> u64 {
        let chosen = self.chosen.iter().map(|one| one.bytes);
        let left = self.leftovers.iter().map(|(_, bytes)| *bytes);
        chosen.chain(left).fold(0, u64::saturating_add)
    }

    fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.leftovers.is_empty()
    }

    fn kept(&self, wanted: Verdict) -> usize {
        self.kept
            .iter()
            .filter(|verdict| **verdict == wanted)
            .count()
    }
}

pub(super) fn clean(context: &Context, args: &Clean) -> Result<u8, CliError> {
    if args.keep.is_none() && args.older_than.is_none() {
        return Err(CliError::usage(
            "nothing-chosen",
            "nothing says which runs are to be removed",
        )
        .hint("`orchestra clean --keep 50 --older-than 30d --dry-run` shows what would go"));
    }
    let runs = settings::runs_dir(&args.runs, &context.files);
    let work = work(&runs, args)?;
    if !args.dry_run && !work.is_empty() && !args.yes && !asked(context, args, &work)? {
        context.ui.say("nothing was removed");
        return Ok(exit_code::OK);
    }
    let failed = if args.dry_run {
        Vec::new()
    } else {
        perform(&work)
    };
    tell(context, args, &work, &failed)?;
    if failed.is_empty() {
        return Ok(exit_code::OK);
    }
    let message = format!("{} could not be removed", words::count(failed.len(), "run"));
    let first = &failed[0];
    Err(CliError::not_ready(
        "clean-incomplete",
        format!("{message}; the first, {}: {}", first.0.display(), first.1),
    )
    .hint("what is half removed goes with the next `orchestra clean`"))
}

fn work(runs: &Runs, args: &Clean) -> Result<Work, CliError> {
    let filter = Filter {
        scenarios: args.scenarios.iter().map(|text| Wanted::of(text)).collect(),
        ..Filter::default()
    };
    let rule = Rule {
        keep: args.keep,
        before: args
            .older_than
            .map(|span| crate::runs::Since::Ago(span).instant(now())),
        interrupted: args.interrupted,
    };
    let seen: Vec<Seen> = runs
        .newest()?
        .filter_map(|entry| filter.take(entry))
        .collect();
    let kept = rule.judge(&seen);
    let chosen = seen.into_iter().zip(&kept);
    let chosen = chosen.filter(|(_, verdict)| **verdict == Verdict::Remove);
    let left = leftovers(runs).map_err(|error| {
        let message = format!("{} cannot be read", runs.dir().display());
        CliError::not_ready("runs-unreadable", message).because(error)
    })?;
    Ok(Work {
        chosen: chosen
            .map(|(run, _)| Chosen {
                bytes: disk_bytes(&run.entry.dir),
                run,
            })
            .collect(),
        leftovers: left
            .into_iter()
            .map(|path| {
                let bytes = disk_bytes(&path);
                (path, bytes)
            })
            .collect(),
        kept,
    })
}

/// Whether a person agrees.
fn asked(context: &Context, args: &Clean, work: &Work) -> Result<bool, CliError> {
    let sum = sum(context, work);
    if args.no_input || !can_ask() {
        let message = format!("nobody can be asked whether to remove {sum}");
        return Err(CliError::usage("not-confirmed", message)
            .hint("add `--yes` to remove them, or `--dry-run` to see which"));
    }
    let table = table(context, work, &[], "would remove");
    let width = columns::width(&context.ui);
    context
        .ui
        .say(columns::render(table, width, context.ui.err_painter()).trim_end());
    confirm(context, &format!("Remove {sum}?")).map_err(|error| {
        CliError::not_ready("not-confirmed", "the terminal cannot be read").because(error)
    })
}

/// Goes on after a failure: one run that stays is no reason for others to.
fn perform(work: &Work) -> Vec<(PathBuf, RemovalError)> {
    let coordinator = new_coordinator();
    let mut failed = Vec::new();
    for (path, _) in &work.leftovers {
        if let Err(error) = finish(path) {
            failed.push((path.clone(), error.into()));
        }
    }
    for one in &work.chosen {
        if let Err(error) = remove(&one.run, &coordinator) {
            failed.push((one.run.entry.dir.clone(), error));
        }
    }
    failed
}

fn sum(context: &Context, work: &Work) -> String {
    let size = context.redact.measured_bytes(work.bytes());
    let runs = words::count(work.chosen.len(), "run");
    match work.leftovers.len() {
        0 => format!("{runs}, {size}"),
        left => format!(
            "{runs} and {} of an earlier removal, {size}",
            words::count(left, "rest")
        ),
    }
}

fn tell(
    context: &Context,
    args: &Clean,
    work: &Work,
    failed: &[(PathBuf, RemovalError)],
) -> Result<(), CliError> {
    let word = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    if context.format != Format::Text {
        return machine(context, args, work, failed);
    }
    let table = table(context, work, failed, word);
    let width = columns::width(&context.ui);
    let text = columns::render(table, width, context.ui.out_painter());
    context.ui.data(&text)?;
    let what = if work.is_empty() {
        "nothing to remove".to_owned()
    } else if failed.is_empty() {
        format!("{word} {}", sum(context, work))
    } else {
        let all = work.chosen.len() + work.leftovers.len();
        format!("{word} {} of {all}", all - failed.len())
    };
    let kept = [
        (Verdict::Wanted, "to keep", ""),
        (Verdict::Running, "running", ""),
        (
            Verdict::Resumable,
            "could be resumed",
            " (`--interrupted` takes them too)",
        ),
        (Verdict::Damaged, "damaged", " (look, then remove by hand)"),
        (Verdict::NoRun, "no run directory", ""),
    ];
    let kept: Vec<String> = kept
        .iter()
        .map(|(verdict, word, more)| (work.kept(*verdict), word, more))
        .filter(|(count, ..)| *count > 0)
        .map(|(count, word, more)| format!("{count} {word}{more}"))
        .collect();
    let stay = if kept.is_empty() {
        "none".into()
    } else {
        kept.join(" · ")
    };
    context.ui.say(&format!("{what}   staying: {stay}"));
    Ok(())
}

fn table(
    context: &Context,
    work: &Work,
    failed: &[(PathBuf, RemovalError)],
    word: &str,
) -> Vec<Column> {
    let has_failed = |one: &Chosen| failed.iter().any(|(dir, _)| *dir == one.run.entry.dir);
    let cells = |of: &dyn Fn(&Chosen) -> Cell| work.chosen.iter().map(of).collect();
    vec![
        Column::text(cells(&|one| {
            if has_failed(one) {
                Cell {
                    text: "FAILED".into(),
                    tone: Some(Tone::Bad),
                }
            } else {
                word.into()
            }
        })),
        Column::text(cells(&|one| id(context, &one.run).into())),
        Column::text(cells(&|one| status_cell(&one.run))),
        Column::text(cells(&|one| started(context, &one.run).into())).spare(2),
        Column::numbers(cells(&|one| {
            context.redact.measured_bytes(one.bytes).into()
        }))
        .spare(1),
        Column::text(cells(&|one| one.run.entry.scenario.as_str().into())),
    ]
}

fn machine(
    context: &Context,
    args: &Clean,
    work: &Work,
    failed: &[(PathBuf, RemovalError)],
) -> Result<(), CliError> {
    let error_of = |dir: &PathBuf| failed.iter().find(|(path, _)| path == dir);
    let entry = |one: &Chosen| {
        let mut value = object(&one.run);
        value["bytes"] = json!(one.bytes);
        value["removed"] = json!(!args.dry_run && error_of(&one.run.entry.dir).is_none());
        if let Some((_, error)) = error_of(&one.run.entry.dir) {
            value["error"] = json!(error.to_string());
        }
        value
    };
    let chosen = work.chosen.iter().map(entry);
    if context.format == Format::Jsonl {
        for mut line in chosen {
            line["schema"] = json!("orchestra.clean-entry/v1");
            context.object(&line)?;
        }
        return Ok(());
    }
    let left = work
        .leftovers
        .iter()
        .map(|(path, bytes)| json!({ "dir": path.display().to_string(), "bytes": bytes }));
    context.object(&json!({
        "schema": "orchestra.clean/v1",
        "dry_run": args.dry_run,
        "runs": chosen.collect::<Vec<Value>>(),
        "leftovers": left.collect::<Vec<Value>>(),
        "bytes": work.bytes(),
        "kept": {
            "wanted": work.kept(Verdict::Wanted),
            "running": work.kept(Verdict::Running),
            "resumable": work.kept(Verdict::Resumable),
            "damaged": work.kept(Verdict::Damaged),
            "no_run": work.kept(Verdict::NoRun),
        },
    }))
}
