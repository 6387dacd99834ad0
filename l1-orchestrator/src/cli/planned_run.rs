//! A run that begins with a goal: its directory is there before a model is asked, and keeps what was asked,
//! answered and paid whatever becomes of it. After the approval it is a run like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use l2_coordinator::journal::write_durably;
use l2_coordinator::{Finished, Planning, RunLock};
use protocol::digest::Digest;
use protocol::event::{EventKind, Origin, RunStarted};
use protocol::ids::RunId;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::run_dir;
use protocol::seal::UserKey;

use super::approval::{Approving, Ready, Settled, settle};
use super::args::Format;
use super::begin::{Prepared, drive_on, log, say_opening, told};
use super::context::Context;
use super::driving;
use super::error::CliError;
use super::goal::{Answered, Asking, reason, stopped, with_plan};
use super::judged::Judge;
use crate::exit_code;
use crate::report::RunSummary;
use crate::runs::{RunEntry, Runs, SettingRecord, Stored};
use crate::session::{self, Came, Journal, NewRun, Opened, Start, open, record_of};
use crate::settings::{self, Drive};

/// Where a file of a run without a plan is kept while the approved one takes its place.
pub(super) fn kept_before(name: &str) -> String {
    format!(".{name}.before")
}

/// A run directory without a plan, and everything that makes one.
pub(super) struct Unplanned<'a> {
    pub(super) context: &'a Context,
    pub(super) how: &'a Drive,
    pub(super) runs: &'a Runs,
    pub(super) judge: &'a Judge,
    pub(super) asking: Asking<'a>,
    pub(super) approving: Approving<'a>,
    pub(super) key: &'a UserKey,
    pub(super) slots: u32,
}

/// A directory that this process holds, and how its run began.
pub(super) struct Held {
    pub(super) id: RunId,
    pub(super) entry: RunEntry,
    pub(super) coordinator: protocol::ids::CoordinatorId,
    pub(super) lock: RunLock,
    pub(super) started: Box<RunStarted>,
}

impl Held {
    /// Of a directory that was just made.
    pub(super) fn of(opened: Opened) -> Result<Self, CliError> {
        let Opened {
            id,
            entry,
            coordinator,
            lock,
            opening,
            ..
        } = opened;
        let mut opening = opening.into_iter();
        let (
            Some(EventKind::RunStarted(mut started)),
            Some(EventKind::PlanApproved {
                plan,
                plan_file,
                policy_file: Some(policy_file),
                signed: Some(signed),
                ..
            }),
        ) = (opening.next(), opening.last())
        else {
            return Err(CliError::internal("a run does not begin with its start"));
        };
        // Nobody approved anything yet; but a later life wants to know whose directory this is.
        started.unplanned = Some(Box::new(protocol::event::Unplanned {
            plan,
            plan_file,
            policy_file,
            signed: *signed,
        }));
        Ok(Self {
            id,
            entry,
            coordinator,
            lock,
            started,
        })
    }
}

impl Unplanned<'_> {
    /// Makes the directory of a new run and goes on in it.
    pub(super) fn begin(
        mut self,
        ready: Ready,
        settings: BTreeMap<String, SettingRecord>,
    ) -> Result<u8, CliError> {
        let Ready { asked, judged } = &ready;
        let name = asked.plan.name().parse().map_err(|error| {
            CliError::internal("a checked plan has an unusable name").because(error)
        })?;
        let mut record = record_of(name, &asked.path);
        record.inputs.clone_from(&asked.inputs);
        record.settings = settings;
        let new = NewRun {
            runs: self.runs,
            scenario: &asked.scenario,
            plan: &asked.plan,
            policy: &judged.policy,
            site: judged.site.clone(),
            findings: Vec::new(),
            slots: self.slots,
            trace_id: settings::inherited_trace_id(),
            record,
            by: Origin::Default,
            carry: None,
        };
        let held = Held::of(open(new, self.key)?)?;
        let context = self.context;
        let (run, dir) = (
            context.redact.run(&held.id),
            context.redact.run_dir(&held.entry.dir),
        );
        context
            .ui
            .note(&format!("Run {run} {}   {dir}", asked.plan.name()));
        // From here on what was paid for is in the directory: it is there that the plan is approved.
        let resume = context.reference(&held.entry).command("resume", "");
        self.approving = self.approving.by_resume(resume);
        self.run(held, ready, None)
    }

    /// Plans, has the plan approved, and drives it to its end. `before`: what an earlier life
    /// of the run left, which was planning it.
    pub(super) fn run(
        self,
        held: Held,
        ready: Ready,
        before: Option<RunSummary>,
    ) -> Result<u8, CliError> {
        let context = self.context;
        log(context, self.how, &held.entry)?;
        let journal = match before {
            None => {
                let started = EventKind::RunStarted(held.started.clone());
                Journal::New(&held.entry.dir, Box::new(started))
            }
            Some(_) => Journal::Again(&held.entry.dir, held.coordinator.clone()),
        };
        let answered = self
            .asking
            .ask(&ready, journal, before.unwrap_or_default())?;
        let Answered {
            planning,
            watched,
            came,
        } = answered;
        let planned = match came {
            Came::Plan(planned) => planned,
            Came::Nothing(none) => {
                let error = reason(none, &self.asking);
                let ended = End {
                    outcome: RunOutcome::Failed,
                    exit_code: error.kind.exit_code(),
                    by: None,
                };
                let stored = self.end(&held, planning, watched, &ready.asked.plan, ended)?;
                return self.unplanned(&held, &stored, error);
            }
            Came::Stopped(by) => {
                let exit_code = match by {
                    Origin::Interrupt => exit_code::INTERRUPTED,
                    _ => exit_code::TERMINATED,
                };
                let ended = End {
                    outcome: RunOutcome::Cancelled,
                    exit_code,
                    by: Some(by),
                };
                let stored = self.end(&held, planning, watched, &ready.asked.plan, ended)?;
                context.ui.say(&stopped().message);
                driving::answer(context, &held.entry, &stored)?;
                return Ok(exit_code);
            }
        };
        let remarks = planned.remarks.clone();
        let asked = with_plan(ready.asked, *planned);
        let judged = self.judge.judge(&asked);
        planning
            .record(vec![EventKind::PlanProposed {
                plan: asked.plan.digest(),
                tasks: asked.plan.len() as u64,
            }])
            .map_err(session::blame)?;
        let kept = asked.scenario.clone();
        let settled = settle(
            context,
            &self.approving,
            Ready { asked, judged },
            self.slots,
            &|_| {
                let message = "a planned plan cannot be edited here";
                Err(CliError::usage("plan-uneditable", message)
                    .hint("change the goal, or write the tasks, and run it again"))
            },
        );
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => {
                // What was paid for is kept: the same plan can be approved later.
                planning.close().map_err(session::blame)?;
                return Err(error);
            }
        };
        let Settled { ready, by } = settled;
        let Ready { asked, judged } = ready;
        debug_assert_eq!(kept, asked.scenario, "an edit was refused");
        let plan = Arc::new(asked.plan);
        let approval = self.approval(&held, &plan, &judged.policy, by)?;
        let mut events: Vec<EventKind> = remarks
            .into_iter()
            .chain(told(judged.verdict.findings))
            .map(EventKind::FindingRaised)
            .collect();
        events.push(approval);
        planning.approve(events).map_err(session::blame)?;
        // Nobody goes back any more; if it stays, nobody reads it.
        for name in [run_dir::PLAN, run_dir::POLICY] {
            let _gone = fs_err::remove_file(held.entry.dir.join(kept_before(name)));
        }
        let so_far = watched.take();
        let prepared = Prepared {
            id: held.id,
            entry: held.entry,
            coordinator: held.coordinator,
            lock: held.lock,
            trace_id: held.started.trace_id.clone(),
            plan,
            policy: judged.policy,
            site: judged.site,
            slots: self.slots,
            // What a model plans are programs.
            models: None,
            before: so_far.split().0,
        };
        say_opening(context, &prepared);
        let start = Start::Planned;
        drive_on(context, self.how, self.runs, prepared, start, self.key)
    }

    /// Writes what was approved, and the event that says so.
    fn approval(
        &self,
        held: &Held,
        plan: &Plan,
        policy: &protocol::policy::Policy,
        by: Origin,
    ) -> Result<EventKind, CliError> {
        let (plan_json, policy_json) = (plan.to_json(), policy.to_json());
        let write = |name: &str, bytes: &[u8]| {
            write_durably(&held.entry.dir.join(name), bytes).map_err(|error| {
                let message = format!("{name} cannot be written");
                CliError::not_ready("run-unwritable", message).because(error)
            })
        };
        // A crash before the approval is journaled leaves a run without a plan, which goes on from these.
        for name in [run_dir::PLAN, run_dir::POLICY] {
            let there = fs_err::read(held.entry.dir.join(name)).map_err(|error| {
                let message = format!("{name} cannot be read");
                CliError::not_ready("run-unreadable", message).because(error)
            })?;
            write(&kept_before(name), &there)?;
        }
        write(run_dir::PLAN, &plan_json)?;
        write(run_dir::POLICY, &policy_json)?;
        let approved = EventKind::PlanApproved {
            plan: plan.digest(),
            plan_file: Digest::of(&plan_json),
            policy: policy.digest(),
            policy_file: Some(Digest::of(&policy_json)),
            scenario_file: held.started.scenario_file,
            by,
            signed: None,
        };
        Ok(session::signed(&held.started, approved, self.key))
    }

    /// Says why there is no plan, and where it stands. Who reads events has read the last one.
    fn unplanned(&self, held: &Held, stored: &Stored, error: CliError) -> Result<u8, CliError> {
        let (context, dir) = (self.context, &held.entry.dir);
        let report = context.redact.run_dir(dir);
        let report = format!("  report: {report}/{}", run_dir::REPORT_MD);
        context.ui.note(&report);
        match context.format {
            Format::Json => return Err(error),
            Format::Text => driving::answer(context, &held.entry, stored)?,
            Format::Jsonl => {}
        }
        error.show(&context.ui);
        Ok(error.kind.exit_code())
    }

    /// Closes a run that never had a plan.
    fn end(
        &self,
        held: &Held,
        planning: Planning,
        watched: session::Watched,
        plan: &Plan,
        end: End,
    ) -> Result<Stored, CliError> {
        end.write(&held.entry, held.id, (planning, watched), plan, self.key)
    }
}

/// How a run without a plan ends.
pub(super) struct End {
    pub(super) outcome: RunOutcome,
    pub(super) exit_code: u8,
    pub(super) by: Option<Origin>,
}

impl End {
    /// Writes the end of the run, its reports and its seal.
    pub(super) fn write(
        self,
        entry: &RunEntry,
        run: RunId,
        (planning, watched): (Planning, session::Watched),
        plan: &Plan,
        key: &UserKey,
    ) -> Result<Stored, CliError> {
        let end = self;
        let mut events: Vec<EventKind> = end
            .by
            .map(|by| EventKind::RunCancelling { by })
            .into_iter()
            .collect();
        events.push(EventKind::RunFinished {
            outcome: end.outcome,
            exit_code: end.exit_code,
            outputs: serde_json::Map::new(),
        });
        planning.record(events).map_err(session::blame)?;
        let (chain, _) = planning.close().map_err(session::blame)?;
        let finished = Finished {
            outcome: end.outcome,
            exit_code: end.exit_code,
            chain,
        };
        let driven = session::Driven {
            finished,
            observers: watched.take(),
        };
        let plan = Arc::new(plan.clone());
        let closed = driving::seal(entry, run, &plan, driven, key)?;
        for mut reporter in closed.reporters {
            reporter.finish(&closed.stored.summary);
        }
        closed.seal?;
        Ok(closed.stored)
    }
}
