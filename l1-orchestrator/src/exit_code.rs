//! Exit codes: one documented meaning each. Task exit codes never leak into them.

use protocol::outcome::RunOutcome;

/// Every required task succeeded, or what was asked for was done.
pub const OK: u8 = 0;
/// The run finished and a required task failed.
pub const TASK_FAILED: u8 = 1;
/// `fmt --check` would change a file, or the runs of `diff` differ: as everywhere where things are compared.
pub const DIFFERENT: u8 = 1;
/// Bad command line.
pub const USAGE: u8 = 2;
/// Scenario, plan or settings are invalid; nothing was run.
pub const INVALID: u8 = 3;
/// Refused by the policy, or the plan is not the approved one; nothing was run.
pub const REFUSED: u8 = 4;
/// A budget is used up; what was there by then is kept.
pub const EXHAUSTED: u8 = 6;
/// The environment is not ready, the journal cannot be written, or somebody else holds the run.
pub const NOT_READY: u8 = 7;
/// A digest, the journal's chain or a signature does not match.
pub const VERIFY_FAILED: u8 = 8;
/// A rule of a policy is not as its examples say.
pub const BELOW: u8 = 9;
/// Paused: `orchestra resume` goes on; or Ctrl-C left a plan unapproved.
pub const PARKED: u8 = 10;
/// A bug in orchestra.
pub const INTERNAL: u8 = 70;
/// Cancelled by Ctrl-C; the record is complete.
pub const INTERRUPTED: u8 = 130;
/// Cancelled by SIGTERM or `orchestra cancel`; the record is complete.
pub const TERMINATED: u8 = 143;

/// The codes of this build with their meaning, as help prints them.
pub const TABLE: &[(u8, &str)] = &[
    (
        OK,
        "every required task succeeded, or what was asked for was done",
    ),
    (
        TASK_FAILED,
        "a required task failed; `fmt --check` or `diff` found a difference",
    ),
    (USAGE, "bad command line"),
    (
        INVALID,
        "scenario, plan or settings invalid; nothing was run",
    ),
    (
        REFUSED,
        "refused by policy, or the plan is not the approved one; nothing was run",
    ),
    (EXHAUSTED, "budget reached; what was done by then is kept"),
    (
        NOT_READY,
        "environment not ready, journal not writable, or the run is held elsewhere",
    ),
    (
        VERIFY_FAILED,
        "verification failed: a digest, the journal chain or the signature",
    ),
    (BELOW, "a rule of a policy is not as its examples say"),
    (
        PARKED,
        "parked: the run is paused and resume goes on, or its plan waits for approval",
    ),
    (INTERNAL, "internal error (a bug)"),
    (INTERRUPTED, "cancelled by Ctrl-C; the record is complete"),
    (
        TERMINATED,
        "cancelled by SIGTERM or `orchestra cancel`; the record is complete",
    ),
];

/// What to do about a code, for the reference.
#[must_use]
pub const fn remedy(code: u8) -> &'static str {
    match code {
        OK => "nothing",
        TASK_FAILED => {
            "read the failure block or `orchestra report`; `orchestra logs @failed --failed` has the output; \
             after `fmt --check`, `orchestra fmt FILE` makes the change"
        }
        USAGE => "follow the `help:` line; `orchestra VERB --help` lists what there is",
        INVALID => "mend the file at the lines named; every problem has its `help:`",
        REFUSED => {
            "look at what changed, then approve the digest that is shown, or restore what was approved"
        }
        EXHAUSTED => {
            "raise the `budget` of the scenario or the `budgets` of the policy, or make the work smaller"
        }
        NOT_READY => "`orchestra doctor` names what is missing; the error names its cause",
        VERIFY_FAILED => "do not trust the named files; restore them from a copy, or run again",
        BELOW => "`orchestra policy test` names each; mend the rule or the example",
        PARKED => {
            "`orchestra resume RUN` goes on where it stopped; what waits for approval, the same command asks about again"
        }
        INTERNAL => "report it with the command line and the run's log.jsonl",
        INTERRUPTED | TERMINATED => {
            "`orchestra show RUN` says how far it came; run it again when you want to"
        }
        _ => "",
    }
}

/// The code of a run that ended with `outcome` as recorded in its journal.
#[must_use]
pub const fn of_outcome(outcome: RunOutcome, recorded: u8) -> u8 {
    match outcome {
        RunOutcome::Completed => OK,
        // It failed before, or apart from, any task; the journal knows how.
        RunOutcome::Failed if matches!(recorded, INVALID | REFUSED | EXHAUSTED | NOT_READY) => {
            recorded
        }
        RunOutcome::Failed => TASK_FAILED,
        // The journal knows which of the two it was.
        RunOutcome::Cancelled if recorded == INTERRUPTED => INTERRUPTED,
        RunOutcome::Cancelled => TERMINATED,
    }
}

/// The table as text, for `--help`.
#[must_use]
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in TABLE {
        text.push_str(&format!("  {code:>3}  {meaning}\n"));
    }
    text.pop();
    text
}
