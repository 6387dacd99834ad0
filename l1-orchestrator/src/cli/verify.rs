//! `orchestra verify`

use std::cell::OnceCell;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, Verify};
use super::context::Context;
use super::driving::told_or_gone;
use super::error::CliError;
use super::opened::trusted_keys;
use crate::exit_code;
use crate::report::{Opener, words};
use crate::runs::{RunEntry, Stored};
use crate::session::rendered_digest;
use crate::settings;
use crate::ui::{Tone, sanitize};
use crate::verify::{self, Options, Problem, Verification};

/// Problems printed; `-o json` has more.
const MAX_SHOWN: usize = 50;

pub(super) fn verify(context: &Context, args: &Verify) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let trusted = trusted_keys()?;
    // Read at the first report to be compared; a damaged journal has none.
    let stored = OnceCell::new();
    let rendered = |name: &str| {
        let stored = stored
            .get_or_init(|| Stored::load(&entry.dir).ok())
            .as_ref();
        stored.map_or(Ok(None), |stored| rendered_digest(stored, name))
    };
    let options = Options {
        trusted: &trusted,
        rendered: Some(&rendered),
    };
    let found = verify::verify(&entry.dir, &options).map_err(|error| {
        let message = format!("{} cannot be read", entry.dir.display());
        CliError::not_ready("run-unreadable", message).because(error)
    })?;
    let code = match found.never_began {
        true => exit_code::NOT_READY,
        false if found.is_intact() => exit_code::OK,
        false => exit_code::VERIFY_FAILED,
    };
    let told = match context.format {
        Format::Text => context
            .ui
            .data(&text(context, &entry, &found))
            .map_err(CliError::from),
        Format::Json | Format::Jsonl => context.object(&object(&entry, &found, code)),
    };
    told_or_gone(told, code)
}

fn text(context: &Context, entry: &RunEntry, found: &Verification) -> String {
    let painter = context.ui.out_painter();
    let mut text = String::new();
    for problem in found.problems.iter().take(MAX_SHOWN) {
        let Problem {
            code,
            path,
            expected,
            found,
        } = problem;
        let code = painter.paint(Tone::Bad, code.as_str());
        writeln!(text, "{code} {}", sanitize(path)).expect("string");
        writeln!(text, "  expected {}", sanitize(expected)).expect("string");
        writeln!(text, "  found    {}", sanitize(found)).expect("string");
        if problem.code.may_be_power_cut() {
            text.push_str("  (logs are not synced: a power cut may have taken it)\n");
        }
    }
    let more = found.problems.len().saturating_sub(MAX_SHOWN) as u64 + found.more_problems;
    if more > 0 {
        writeln!(text, "… and {more} more problems").expect("string");
    }
    for note in &found.notes {
        writeln!(text, "note: {}", sanitize(note)).expect("string");
    }
    let Verification {
        events,
        artifacts,
        logs,
        ..
    } = found;
    let count =
        |number: &u64, noun| words::count(usize::try_from(*number).unwrap_or(usize::MAX), noun);
    let (events, logs) = (count(events, "event"), count(logs, "log"));
    let checked = format!("{events}, {}, {logs}", count(artifacts, "artifact file"));
    let run = context.redact;
    let name = found
        .run_id
        .map_or_else(|| entry.short.clone(), |id| run.run(&id));
    let verdict = Verdict::of(found);
    let words = painter.paint(verdict.tone(), verdict.words());
    let opened = match found.opener {
        Some(Opener::Trusted) => "; opened by you",
        _ => "",
    };
    writeln!(text, "{words}: run {name}, {checked} checked{opened}").expect("string");
    if verdict == Verdict::Untrusted {
        let help = painter.paint(Tone::Strong, "help");
        writeln!(
            text,
            "{help}: verify it as the user and on the machine that ran it, or ask them for the key"
        )
        .expect("string");
    }
    text
}

/// What came of it, in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Intact,
    Unfinished,
    NeverBegan,
    Untrusted,
    Changed,
}

impl Verdict {
    fn of(found: &Verification) -> Self {
        match found {
            _ if found.never_began => Self::NeverBegan,
            _ if found.is_intact() && found.sealed => Self::Intact,
            _ if found.is_intact() => Self::Unfinished,
            _ if found.is_only_untrusted() => Self::Untrusted,
            _ => Self::Changed,
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Intact | Self::Unfinished => Tone::Good,
            Self::NeverBegan | Self::Untrusted => Tone::Warn,
            Self::Changed => Tone::Bad,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Intact => "INTACT, sealed",
            Self::Unfinished => "INTACT so far, not finished",
            Self::NeverBegan => "NEVER BEGAN",
            Self::Untrusted => "UNTRUSTED, intact but signed by a key this user does not know",
            Self::Changed => "CHANGED",
        }
    }

    /// For machines.
    const fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Unfinished => "unfinished",
            Self::NeverBegan => "never-began",
            Self::Untrusted => "untrusted",
            Self::Changed => "changed",
        }
    }
}

fn object(entry: &RunEntry, found: &Verification, code: u8) -> Value {
    let problem = |problem: &Problem| {
        json!({
            "code": problem.code.as_str(),
            "path": problem.path,
            "expected": problem.expected,
            "found": problem.found,
            "may_be_power_cut": problem.code.may_be_power_cut(),
        })
    };
    json!({
        "schema": "orchestra.verify/v1",
        "dir": entry.dir.display().to_string(),
        "run_id": found.run_id,
        "verdict": Verdict::of(found).name(),
        "intact": found.is_intact(),
        "finished": found.finished,
        "sealed": found.sealed,
        "opened_by": found.opener.map(Opener::word),
        "events": found.events,
        "artifacts": found.artifacts,
        "logs": found.logs,
        "problems": found.problems.iter().map(problem).collect::<Vec<_>>(),
        "more_problems": found.more_problems,
        "notes": found.notes,
        "exit_code": code,
    })
}
