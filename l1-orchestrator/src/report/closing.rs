//! The closing block: verdict, failures with their tails, what they caused, the next command last.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::ids::TaskId;
use protocol::policy::SandboxLevel;

use super::artifacts::{self, Handed, Left};
use super::attempt::AttemptEnding;
use super::enforced;
use super::findings;
use super::modelled;
use super::redact;
use super::spend;
use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};
use super::view::{RUNNING, View, attempt_of, left_out, next_commands, tone_of};
use super::words;
use crate::ui::{Painter, Tone, sanitize};

/// Failed tasks shown with their tails; the rest are named in the report.
const MAX_FAILURES: usize = 10;
/// Skipped tasks named after a failure.
const MAX_SKIPPED: usize = 8;
/// Outputs of the scenario shown.
const MAX_OUTPUTS: usize = 10;
/// Characters of one value.
const MAX_VALUE: usize = 100;
/// Further problems of the last reply that is no plan.
const MAX_PROBLEMS: usize = 5;
/// Artifacts named.
const MAX_ARTIFACTS: usize = 5;

/// The last lines of a run: verdict, failures with their tails, what they caused, what to type next.
#[must_use]
pub fn closing(summary: &RunSummary, view: &View, painter: Painter) -> String {
    let verdict = verdict(summary, view, painter);
    let mut text = format!("────────────\n{verdict}\n");
    failures(&mut text, summary, view, painter);
    models(&mut text, summary);
    notes(&mut text, summary);
    sandbox(&mut text, summary, view, painter);
    outputs(&mut text, summary, view);
    artifacts(&mut text, summary, view);
    if summary.ending.is_some() {
        let report = protocol::run_dir::REPORT_MD;
        writeln!(text, "  report: {}/{report}", view.dir).expect("into a string");
    }
    let next = next_commands(summary, view).join(" · ");
    write!(text, "  next: {next}").expect("into a string");
    text
}

/// The one line that says how it ended, or how far it is.
#[must_use]
pub fn verdict(summary: &RunSummary, view: &View, painter: Painter) -> String {
    let (verdict, wall) = view.verdict(summary);
    let tone = match verdict {
        "PASSED" => Tone::Good,
        "FAILED" => Tone::Bad,
        RUNNING => Tone::Strong,
        _ => Tone::Warn,
    };
    let wall = view.redact.duration(wall);
    let when = if verdict == RUNNING { "for" } else { "in" };
    let told = summary.tally.told();
    let open = summary.planned.saturating_sub(told as u64);
    let mut tally = words::tally(&summary.tally, " · ");
    if modelled::is_unplanned(summary) {
        let yet = if summary.ending.is_none() { " yet" } else { "" };
        tally = format!("no plan{yet}");
    } else if open > 0 {
        write!(tally, " · {open} not started").expect("into a string");
    }
    if let Some(spent) = spend::briefly(summary) {
        write!(tally, " · {spent}").expect("into a string");
    }
    let verdict = painter.paint(tone, verdict);
    format!("  {verdict} {when} {wall}   {tally}")
}

fn failures(text: &mut String, summary: &RunSummary, view: &View, painter: Painter) {
    let failed = summary.tasks.iter().filter(|task| task.fails_itself());
    let mut failed: Vec<&TaskSummary> = failed.collect();
    // As in the report: what had to succeed first, and the earliest of it first.
    failed.sort_by_key(|task| (task.standing.rank(), task.ended));
    // A line about one more takes as much room as a short failure.
    let shown = match failed.len() {
        all if all == MAX_FAILURES + 1 => all,
        all => all.min(MAX_FAILURES),
    };
    for task in failed.iter().take(shown) {
        failure(text, task, view, painter);
    }
    let more = failed.len() - shown;
    if more > 0 {
        writeln!(text, "    … and {more} more failed; all are in the report").expect("string");
    }
    for (root, skipped) in skipped_by_root(summary).iter().take(MAX_FAILURES) {
        let mut names: Vec<&str> = skipped
            .iter()
            .take(MAX_SKIPPED)
            .map(|id| id.as_str())
            .collect();
        let rest = format!("and {} more", skipped.len().saturating_sub(MAX_SKIPPED));
        if skipped.len() > MAX_SKIPPED {
            names.push(&rest);
        }
        let word = painter.paint(Tone::Dim, "SKIP");
        writeln!(
            text,
            "    {word} {}   because {root} failed",
            names.join(", ")
        )
        .expect("string");
    }
}

fn failure(text: &mut String, task: &TaskSummary, view: &View, painter: Painter) {
    let Standing::Failed { failure, .. } = &task.standing else {
        return;
    };
    let word = painter.paint(tone_of(&task.standing), "FAIL");
    write!(text, "    {word} {}", task.name()).expect("string");
    let last = task.last_attempt();
    if let Some(attempt) = last {
        let number = attempt_of(attempt.number, task, view);
        write!(text, "   {number}   {}", attempt.how()).expect("string");
        if let Some(log) = attempt.telling_log(&task.id) {
            write!(text, "   {log}").expect("string");
        }
    }
    text.push('\n');
    if let Some(cut) = words::cut(task) {
        writeln!(text, "         {cut}").expect("string");
    }
    if last.is_none_or(|attempt| attempt.how() != failure.message) {
        writeln!(text, "         {}", sanitize(&failure.message)).expect("string");
    }
    let tail = match last.map(|attempt| &attempt.ending) {
        Some(AttemptEnding::Failed {
            tail: Some(tail), ..
        }) => tail.as_ref(),
        _ => "",
    };
    for line in tail.lines() {
        writeln!(text, "         | {}", sanitize(line)).expect("string");
    }
    let Some(sandbox) = last.and_then(|last| enforced::effective(last, view.redact)) else {
        return;
    };
    write!(text, "         sandbox: {sandbox}").expect("into a string");
    if let Some(denied) = last.and_then(enforced::denied) {
        write!(text, " · denied: {denied}").expect("into a string");
    }
    text.push('\n');
}

fn skipped_by_root(summary: &RunSummary) -> BTreeMap<&TaskId, Vec<&TaskId>> {
    let mut by_root: BTreeMap<&TaskId, Vec<&TaskId>> = BTreeMap::new();
    for task in &summary.tasks {
        if let Standing::Skipped {
            cause: protocol::event::SkipCause::Failure,
            ..
        } = task.standing
            && let Some(root) = summary.root_cause(task)
        {
            by_root.entry(&root.id).or_default().push(&task.id);
        }
    }
    by_root
}

/// What models were asked, and why their last answer is no plan.
fn models(text: &mut String, summary: &RunSummary) {
    if let Some(spent) = spend::spent(summary) {
        writeln!(text, "    models: {spent}").expect("into a string");
    }
    if !modelled::is_unplanned(summary) || summary.ending.is_none() {
        return;
    }
    let why = modelled::why_unplanned(summary);
    writeln!(text, "    no plan: {}", sanitize(&why)).expect("into a string");
    let problems = summary.calls.rejected.last();
    let more = problems.into_iter().flat_map(|last| &last.problems).skip(1);
    for problem in more.take(MAX_PROBLEMS) {
        writeln!(text, "         {}", sanitize(problem)).expect("into a string");
    }
}

fn notes(text: &mut String, summary: &RunSummary) {
    let missing = left_out(summary);
    if missing > 0 {
        let tasks = words::count(missing, "task");
        let were = if missing == 1 { "was" } else { "were" };
        let those = if missing == 1 { "it has" } else { "they have" };
        writeln!(
            text,
            "    {tasks} {were} left out of this retry; {those} not run yet"
        )
        .expect("into a string");
    }
    if let Some(cause) = &summary.paused {
        writeln!(text, "    paused: {}", sanitize(cause)).expect("string");
    }
    if let Some(by) = &summary.cancelling {
        writeln!(text, "    stopped by {}", words::origin(by)).expect("string");
    }
}

/// That nothing was confined, or not all of it; and what was denied without a failure saying so.
fn sandbox(text: &mut String, summary: &RunSummary, view: &View, painter: Painter) {
    if let Some(banner) = enforced::banner(summary, view.redact) {
        let tone = match enforced::level(summary) {
            SandboxLevel::None => Tone::Bad,
            _ => Tone::Warn,
        };
        writeln!(text, "    {}", painter.paint(tone, &banner)).expect("into a string");
    }
    if summary.finding_count > 0 {
        let count = findings::count(&summary.findings);
        writeln!(text, "    policy: {count}; the report lists them").expect("into a string");
    }
    let denied = summary.enforcement.denied;
    if denied > 0 {
        let attempts = usize::try_from(denied).unwrap_or(usize::MAX);
        let attempts = words::count(attempts, "attempt");
        let tasks = words::count(enforced::tasks(summary).count(), "task");
        writeln!(
            text,
            "    the sandbox denied something to {attempts} of {tasks}; the report says what"
        )
        .expect("into a string");
    }
}

fn outputs(text: &mut String, summary: &RunSummary, view: &View) {
    for output in artifacts::outputs(summary, MAX_VALUE).take(MAX_OUTPUTS) {
        let name = sanitize(output.name);
        let shown = match &output.value {
            Handed::Value(value) => format!("{name} = {value}"),
            Handed::Files(files, size) => {
                format!("{name}   {}", stored(view, files, files.len() > 1, *size))
            }
        };
        writeln!(text, "    {shown}").expect("into a string");
    }
    let more = summary.outputs.len().saturating_sub(MAX_OUTPUTS);
    if more > 0 {
        let more = words::count(more, "more output");
        let listed = protocol::run_dir::REPORT_JSON;
        writeln!(text, "    … and {more} in {}/{listed}", view.dir).expect("into a string");
    }
}

/// Where files are, how many, and how large.
fn stored(view: &View, files: &[&str], is_folder: bool, size: u64) -> String {
    let place = artifacts::place(files.iter().copied(), is_folder);
    let place = sanitize(&place);
    let size = redact::bytes(size);
    match files {
        [] => size,
        [_] if !is_folder => format!("{}/{place}   {size}", view.dir),
        _ => {
            let files = words::count(files.len(), "file");
            format!("{}/{place}   {files}   {size}", view.dir)
        }
    }
}

fn artifacts(text: &mut String, summary: &RunSummary, view: &View) {
    let handed: Vec<Handed<'_>> = artifacts::outputs(summary, 0)
        .map(|output| output.value)
        .collect();
    let is_told = |left: &Left<'_>| {
        let files = left.artifact.files.iter().map(|file| file.path.as_str());
        let told = |one: &Handed<'_>| matches!(one, Handed::Files(paths, _) if files.clone().eq(paths.iter().copied()));
        handed.iter().any(told)
    };
    let is_file = |one: &Handed<'_>| matches!(one, Handed::Files(..));
    let all = artifacts::left(summary, view.plan.as_deref());
    let others: Vec<&Left<'_>> = all.iter().filter(|left| !is_told(left)).collect();
    let mut shown = 0;
    for left in others
        .iter()
        .filter(|left| left.is_last)
        .take(MAX_ARTIFACTS)
    {
        let artifact = left.artifact;
        let files: Vec<&str> = artifact
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        let stored = stored(view, &files, artifact.directory, artifact.bytes());
        write!(text, "    {}   {stored}", sanitize(&artifact.name)).expect("string");
        if let Some(left_out) = words::left_out(artifact) {
            write!(text, "   {left_out}").expect("into a string");
        }
        text.push('\n');
        shown += 1;
    }
    let more = others.len() - shown;
    if more > 0 {
        // The manifest is written when the run is over.
        let listed = match summary.ending {
            Some(_) => protocol::run_dir::MANIFEST,
            None => protocol::run_dir::ARTIFACTS,
        };
        let more = if shown > 0 || handed.iter().any(is_file) {
            format!("… and {}", words::count(more, "more artifact"))
        } else {
            words::count(more, "artifact")
        };
        writeln!(text, "    {more} in {}/{listed}", view.dir).expect("string");
    }
}
