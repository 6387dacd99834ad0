//! What the journal says should be there, read in one pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use fs_err::File;
use l2_coordinator::journal::{End, ReadError, Reader, Torn};
use protocol::artifact::Artifact;
use protocol::digest::Digest;
use protocol::event::{EventKind, LogRef, RunStarted};
use protocol::ids::TaskId;
use protocol::run_dir;

use super::findings::{Code, Verification};
use crate::report::Approval;

/// What a log should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// Anything: its attempt never ended, because its coordinator or worker died.
    Open,
    /// This many bytes with this digest.
    Kept(u64, Digest),
}

/// The journal's claims about files.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) started: Box<RunStarted>,
    pub(super) end: End,
    pub(super) finished: bool,
    /// Of its plan, once there is one.
    pub(super) approval: Option<Approval>,
    /// SHA-256 of `plan.json`, once a plan is approved.
    pub(super) plan_file: Option<Digest>,
    pub(super) scenario_file: Digest,
    pub(super) policy: Digest,
    /// SHA-256 of `policy.json`, where the journal has it.
    pub(super) policy_file: Option<Digest>,
    /// Of the tasks that are done now.
    pub(super) artifacts: BTreeMap<TaskId, Vec<Artifact>>,
    /// By path beneath the run directory.
    pub(super) logs: HashMap<String, Log>,
    /// What models were asked and answered, by digest.
    pub(super) calls: BTreeSet<Digest>,
    /// Damaged ends set aside by recoveries: file and size.
    pub(super) torn_files: Vec<(String, u64)>,
}

/// Reads the journal of the run in `dir`; problems of the journal itself go to `found`, and there is
/// no ledger when it is not worth going on.
pub(super) fn read(dir: &Path, found: &mut Verification) -> Option<Ledger> {
    let outcome = read_events(dir, found);
    match outcome {
        Ok(ledger) => ledger,
        Err(ReadError::Damaged {
            offset,
            last_seq,
            promised,
            promised_seq,
        }) => {
            found.problem(
                Code::JournalChanged,
                run_dir::EVENTS,
                format!(
                    "event {} at byte {offset} to follow event {last_seq}",
                    last_seq + 1
                ),
                format!("a line that does not, and `{promised}` (event {promised_seq}) behind it"),
            );
            None
        }
        Err(error) => {
            let expected = "a journal that begins with `run.started`";
            found.problem(
                Code::JournalUnreadable,
                run_dir::EVENTS,
                expected,
                chain_of(&error),
            );
            None
        }
    }
}

fn read_events(dir: &Path, found: &mut Verification) -> Result<Option<Ledger>, ReadError> {
    let mut reader = Reader::new(File::open(dir.join(run_dir::EVENTS))?);
    let mut ledger: Option<Ledger> = None;
    while let Some(event) = reader.next_event()? {
        found.events = event.seq;
        if let (Some(ledger), EventKind::PlanApproved { .. }) = (&mut ledger, &event.kind) {
            ledger.approval = Approval::of(Some(&ledger.started), &event);
        }
        match (&mut ledger, event.kind) {
            (None, EventKind::RunStarted(started)) => {
                found.run_id = Some(started.run_id);
                ledger = Some(Ledger::new(started));
            }
            (Some(ledger), kind) => {
                if ledger.finished {
                    let path = format!("{}:{}", run_dir::EVENTS, event.seq);
                    let expected = "`run.finished` to be the last event";
                    found.problem(
                        Code::JournalAfterEnd,
                        path,
                        expected,
                        format!("`{}`", kind.name()),
                    );
                }
                ledger.note(kind);
            }
            // The reader has refused a journal that begins with anything else.
            (None, _) => return Err(ReadError::NoStart),
        }
    }
    let end = reader.finish()?;
    let Some(mut ledger) = ledger else {
        return Err(ReadError::Empty);
    };
    ledger.end = end;
    found.finished = ledger.finished;
    ledger.check_end(found);
    Ok(Some(ledger))
}

impl Ledger {
    fn new(started: Box<RunStarted>) -> Self {
        Self {
            end: End {
                chain: protocol::event::Chain::start(),
                good_bytes: 0,
                unterminated: false,
                torn: None,
            },
            finished: false,
            approval: None,
            plan_file: None,
            scenario_file: started.scenario_file,
            policy: started.policy_digest,
            policy_file: None,
            artifacts: BTreeMap::new(),
            logs: HashMap::new(),
            calls: BTreeSet::new(),
            torn_files: Vec::new(),
            started,
        }
    }

    fn note(&mut self, kind: EventKind) {
        match kind {
            EventKind::PlanApproved {
                plan_file,
                policy,
                policy_file,
                scenario_file,
                ..
            } => {
                self.plan_file = Some(plan_file);
                self.policy_file = policy_file;
                (self.policy, self.scenario_file) = (policy, scenario_file);
            }
            EventKind::AttemptStarted { task, attempt, .. } => {
                self.logs
                    .insert(run_dir::stdout_log(&task, attempt), Log::Open);
                self.logs
                    .insert(run_dir::stderr_log(&task, attempt), Log::Open);
            }
            EventKind::AttemptFinished {
                task, attempt, end, ..
            } => {
                self.note_log(run_dir::stdout_log(&task, attempt), end.out.as_ref());
                self.note_log(run_dir::stderr_log(&task, attempt), end.err.as_ref());
            }
            EventKind::TaskDone {
                task, artifacts, ..
            }
            | EventKind::TaskReused {
                task, artifacts, ..
            } => {
                self.artifacts.insert(task, artifacts);
            }
            EventKind::TaskReopened { task, .. } => {
                self.artifacts.remove(&task);
            }
            EventKind::BudgetSettled(settled) => self.calls.extend(settled.reply),
            EventKind::JournalRecovered { torn_bytes, file } => {
                self.torn_files.push((file, torn_bytes));
            }
            EventKind::RunFinished { .. } => self.finished = true,
            _ => {}
        }
    }

    fn note_log(&mut self, path: String, log: Option<&LogRef>) {
        match log {
            Some(log) => self.logs.insert(path, Log::Kept(log.bytes, log.sha256)),
            // A stream that nothing was written to leaves no file.
            None => self.logs.remove(&path),
        };
    }

    fn check_end(&self, found: &mut Verification) {
        let last = self.end.chain.seq;
        match self.end.torn {
            Some(Torn { offset, bytes, cause }) if self.finished => {
                let expected = format!("nothing behind event {last}");
                let there = format!("{bytes} bytes from byte {offset} on ({cause})");
                found.problem(Code::JournalAfterEnd, run_dir::EVENTS, expected, there);
            }
            Some(Torn { bytes, cause, .. }) => found.note(format!(
                "The journal has a torn end: {bytes} bytes after event {last} ({cause}), as a crash \
                 leaves it. A resume sets it aside and goes on."
            )),
            None if self.end.unterminated && self.finished => {
                let found_end = "no newline";
                let expected = format!("event {last} to end with a newline");
                found.problem(Code::JournalChanged, run_dir::EVENTS, expected, found_end);
            }
            None => {}
        }
        if !self.finished {
            found.note(format!(
                "The run is not finished: its journal is intact up to event {last}, and nothing can \
                 say whether there was more."
            ));
        }
    }
}

/// An error with its causes on one line.
pub(super) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
