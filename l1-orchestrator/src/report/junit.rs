//! `junit.xml`: one suite a scenario, one case a task, for servers that read test results.
//!
//! Attempts before the last one follow surefire's convention: `rerunFailure` beside the `failure` of a
//! task that failed again, `flakyFailure` in one that passed in the end.

use std::io::{self, Write};
use std::time::Duration;

use protocol::outcome::{Failure, FailureClass, RunOutcome};

use super::attempt::{Attempt, AttemptEnding};
use super::modelled;
use super::redact::Redactor;
use super::spend;
use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};
use super::words;
use super::xml::escape;

/// Failed tasks whose output is repeated here; the rest have their message.
const MAX_TAILS: usize = 1_000;

/// Writes the suite.
///
/// # Errors
/// `out` does not take it.
pub fn write(summary: &RunSummary, redact: Redactor, out: &mut impl Write) -> io::Result<()> {
    let (scenario, run, began) = match &summary.started {
        Some((at, started)) => (
            started.scenario.to_string(),
            redact.run_full(&started.run_id),
            redact.instant(*at),
        ),
        None => ("run".into(), String::new(), String::new()),
    };
    let cases = || {
        summary
            .tasks
            .iter()
            .filter(|task| task.slot().is_some() || is_open(task))
    };
    let mut counts = Counts::default();
    cases().for_each(|task| counts.add(task));
    let planning = planning(summary);
    if let Some((is_error, _)) = planning {
        counts.tests += 1;
        counts.errors += usize::from(is_error);
        counts.skipped += usize::from(!is_error);
    }
    let Counts {
        tests,
        failures,
        errors,
        skipped,
    } = counts;
    let wall = seconds(summary.wall(), redact);
    let counted = format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{wall}\""
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"orchestra\" {counted}>")?;
    let scenario = escape(&scenario);
    writeln!(
        out,
        "  <testsuite name=\"{scenario}\" {counted} timestamp=\"{}\">",
        escape(&began)
    )?;
    writeln!(out, "    <properties>")?;
    let verdict = words::verdict(summary);
    let spent = spend::spent(summary);
    let properties = [("run", Some(run.as_str())), ("verdict", Some(verdict))];
    let models = [("models", spent.as_deref())];
    for (name, value) in properties.into_iter().chain(models) {
        let Some(value) = value.map(escape) else {
            continue;
        };
        writeln!(out, "      <property name=\"{name}\" value=\"{value}\"/>")?;
    }
    writeln!(out, "    </properties>")?;
    if let Some((_, inner)) = planning {
        writeln!(
            out,
            "    <testcase name=\"plan\" classname=\"{scenario}\" time=\"{wall}\">\n{inner}    </testcase>"
        )?;
    }
    let mut tails = MAX_TAILS;
    for task in cases() {
        case(summary, task, &scenario, redact, &mut tails, out)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// The one case of a run whose goal came to no plan: whether it is an error, and what is in it.
fn planning(summary: &RunSummary) -> Option<(bool, String)> {
    if !modelled::is_unplanned(summary) {
        return None;
    }
    let outcome = summary.ending.map(|ending| ending.outcome);
    Some(match outcome {
        Some(RunOutcome::Failed) => {
            let message = escape(&modelled::why_unplanned(summary));
            let inner = format!("      <error message=\"{message}\" type=\"no_plan\"/>\n");
            (true, inner)
        }
        Some(_) => (false, skipped("planning was stopped")),
        None => (false, skipped("not over yet")),
    })
}

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, task: &TaskSummary) {
        self.tests += 1;
        match &task.standing {
            Standing::Done => {}
            Standing::Failed {
                tolerated: false, ..
            } => match first_failure(task).map(|failure| element(failure.class)) {
                Some("error") => self.errors += 1,
                _ => self.failures += 1,
            },
            _ => self.skipped += 1,
        }
    }
}

/// Heard of and not over.
fn is_open(task: &TaskSummary) -> bool {
    task.standing == Standing::Waiting && task.child_count().is_none()
}

fn case(
    summary: &RunSummary,
    task: &TaskSummary,
    scenario: &str,
    redact: Redactor,
    tails: &mut usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = escape(&task.name());
    let time = seconds(task.duration().unwrap_or_default(), redact);
    write!(
        out,
        "    <testcase name=\"{name}\" classname=\"{scenario}\" time=\"{time}\""
    )?;
    let inner = inner(summary, task, redact, tails);
    if inner.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">\n{inner}    </testcase>")
}

/// What is in a case, empty for one that simply passed.
fn inner(summary: &RunSummary, task: &TaskSummary, redact: Redactor, tails: &mut usize) -> String {
    let mut text = String::new();
    let mut last_tail = None;
    let mut failed = task.attempts.iter().filter_map(failure_of);
    match &task.standing {
        Standing::Done => {
            for (attempt, failure, tail) in failed {
                text.push_str(&again("flaky", attempt, failure, take(tail, tails), redact));
            }
        }
        Standing::Failed {
            tolerated: true,
            failure,
        } => {
            let message = format!("failed and tolerated: {}", failure.message);
            text.push_str(&skipped(&message));
            last_tail = take(failed.next_back().and_then(|(_, _, tail)| tail), tails);
        }
        Standing::Failed { failure, .. } => {
            let first = failed.next();
            let (told, tail) = match first {
                Some((_, failure, tail)) => (failure, tail),
                None => (&**failure, None),
            };
            text.push_str(&once(told, take(tail, tails)));
            for (attempt, failure, tail) in failed {
                text.push_str(&again("rerun", attempt, failure, take(tail, tails), redact));
            }
        }
        Standing::Skipped { .. } => text.push_str(&skipped(&words::reason(summary, task))),
        Standing::Cancelled => text.push_str(&skipped("cancelled")),
        Standing::Waiting | Standing::Running => text.push_str(&skipped("not over yet")),
    }
    if let Some(tail) = last_tail {
        let tail = escape(tail);
        text.push_str(&format!("      <system-err>{tail}</system-err>\n"));
    }
    text
}

fn failure_of(attempt: &Attempt) -> Option<(&Attempt, &Failure, Option<&str>)> {
    match &attempt.ending {
        AttemptEnding::Failed { failure, tail } => Some((attempt, failure, tail.as_deref())),
        _ => None,
    }
}

fn first_failure(task: &TaskSummary) -> Option<&Failure> {
    let first = task.attempts.iter().find_map(failure_of);
    match (&task.standing, first) {
        (_, Some((_, failure, _))) => Some(failure),
        (Standing::Failed { failure, .. }, None) => Some(failure),
        _ => None,
    }
}

fn take<'a>(tail: Option<&'a str>, left: &mut usize) -> Option<&'a str> {
    let tail = tail.filter(|_| *left > 0)?;
    *left -= 1;
    Some(tail)
}

/// A failure is the program's word; an error is that nobody could ask it.
const fn element(class: FailureClass) -> &'static str {
    match class {
        FailureClass::ToolFailed
        | FailureClass::TimedOut
        | FailureClass::LimitExceeded
        | FailureClass::ArtifactMissing
        | FailureClass::InvalidOutput
        | FailureClass::Rejected => "failure",
        _ => "error",
    }
}

/// What most readers show first: the end of its output, then what to do.
fn once(failure: &Failure, tail: Option<&str>) -> String {
    let (element, class) = (element(failure.class), failure.class);
    let message = escape(&failure.message);
    let advice = escape(class.advice());
    let tail = tail.map_or_else(String::new, |tail| {
        format!("{}\n\n", escape(tail.trim_end()))
    });
    format!("      <{element} message=\"{message}\" type=\"{class}\">{tail}{advice}</{element}>\n")
}

/// `rerunFailure`, `rerunError`, `flakyFailure` or `flakyError`.
fn again(
    kind: &str,
    attempt: &Attempt,
    failure: &Failure,
    tail: Option<&str>,
    redact: Redactor,
) -> String {
    let (element, class) = match element(failure.class) {
        "error" => ("Error", failure.class),
        _ => ("Failure", failure.class),
    };
    let message = escape(&failure.message);
    let time = seconds(attempt.wall, redact);
    let how = escape(&format!("attempt {}: {}", attempt.number, attempt.how()));
    let tail = tail.map_or_else(String::new, |tail| {
        format!("<system-err>{}</system-err>", escape(tail))
    });
    format!(
        "      <{kind}{element} message=\"{message}\" type=\"{class}\" time=\"{time}\">\
         <stackTrace>{how}</stackTrace>{tail}</{kind}{element}>\n"
    )
}

fn skipped(message: &str) -> String {
    format!("      <skipped message=\"{}\"/>\n", escape(message))
}

fn seconds(span: Duration, redact: Redactor) -> String {
    let span = redact.span(span);
    format!("{}.{:03}", span.as_secs(), span.subsec_millis())
}
