//! The fold every renderer shares: events in, one [`RunSummary`] out. A stored journal and a live run
//! take the same path. No clock, no files, no plan: what the events do
//! not say is not in it, but for the budget of calls, which whoever reads the journal adds.

use std::collections::HashMap;
use std::time::Duration;

use protocol::budget::Budget;
use protocol::event::{Event, EventKind, Origin, RunStarted};
use protocol::ids::TaskId;
use protocol::outcome::RunOutcome;
use protocol::policy::Finding;
use protocol::time::Timestamp;
use serde_json::{Map, Value};

use super::approved::Approval;
use super::calls::Calls;
use super::change::change;
use super::enforced::Enforcement;
use super::expansion::parent_of;
use super::tally::Tally;
use super::task::{Standing, TaskSummary};

/// The run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub outcome: RunOutcome,
    /// The process's exit code.
    pub exit_code: u8,
    /// When.
    pub at: Timestamp,
}

/// A coordinator that took the run up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumption {
    /// When.
    pub at: Timestamp,
    /// Its epoch.
    pub epoch: u32,
    /// Its slots.
    pub slots: u32,
}

/// A time in which nobody drove the run, as far as its events can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last event of the earlier life.
    pub from: Timestamp,
    /// The first event of the later one.
    pub to: Timestamp,
}

/// Most tasks that room is made for in advance: what a plan may hold. The number comes from a file.
const MAX_ROOM: usize = 200_000;

/// Findings that are kept; the rest is counted.
pub const MAX_FINDINGS: usize = 1_000;

/// What a run's events say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummary {
    /// The first event.
    pub started: Option<(Timestamp, Box<RunStarted>)>,
    /// Tasks of the plan: what expanded counts as its children, as far as they are known.
    pub planned: u64,
    /// The approval.
    pub approval: Option<Approval>,
    /// The end.
    pub ending: Option<Ending>,
    /// Later lives.
    pub resumed: Vec<Resumption>,
    /// Times between two lives, in order.
    pub gaps: Vec<Gap>,
    /// The length of all gaps.
    pub undriven: Duration,
    /// Who asked for a cancellation.
    pub cancelling: Option<Origin>,
    /// Why nothing is dispatched, until the next resume.
    pub paused: Option<String>,
    /// Damaged journal ends that were kept aside: bytes and file.
    pub recovered: Vec<(u64, String)>,
    /// Results that came too late and were ignored.
    pub late_results: u64,
    /// What the policy had to say, the first [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many of these are about the plan, before it was approved.
    pub planned_findings: usize,
    /// How often it had something to say.
    pub finding_count: u64,
    /// What was asked of models.
    pub calls: Calls,
    /// What that is allowed to come to: no event says so, the policy beside the journal does.
    pub budget: Option<Budget>,
    /// What the sandbox enforced and denied.
    pub enforcement: Enforcement,
    /// Counts, without tasks that expanded: their children count.
    pub tally: Tally,
    /// What the scenario hands to the reader of the run.
    pub outputs: Map<String, Value>,
    /// Tasks in the order in which they were first mentioned.
    pub tasks: Vec<TaskSummary>,
    /// Position of the first task that failed, one that is required before one that is tolerated.
    first_failure: Option<u32>,
    /// Last instant seen.
    pub last: Timestamp,
    /// Last sequence number seen.
    pub last_seq: u64,
    index: HashMap<TaskId, u32>,
}

impl RunSummary {
    /// Folds events in journal order.
    #[cfg(test)]
    pub fn from_events<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut summary = Self::default();
        for event in events {
            summary.apply(event);
        }
        summary
    }

    /// The summary of a task, if an event named it.
    #[must_use]
    pub fn task(&self, id: &TaskId) -> Option<&TaskSummary> {
        self.index.get(id).map(|at| &self.tasks[*at as usize])
    }

    /// The task that failed first.
    #[must_use]
    pub fn first_failure(&self) -> Option<&TaskSummary> {
        self.first_failure.map(|at| &self.tasks[at as usize])
    }

    /// From the first event to the last.
    #[must_use]
    pub fn wall(&self) -> Duration {
        let begun = self.started.as_ref().map_or(self.last, |(at, _)| *at);
        self.ending
            .map_or(self.last, |ending| ending.at)
            .since(begun)
    }

    /// Slots of the last life.
    #[must_use]
    pub fn slots(&self) -> u32 {
        let first = self
            .started
            .as_ref()
            .map_or(0, |(_, started)| started.slots);
        // A life without slots only closed the run.
        let mut lives = self.resumed.iter().rev().map(|resumed| resumed.slots);
        lives.find(|slots| *slots > 0).unwrap_or(first)
    }

    /// The failed task behind a skipped one, through any number of skipped ones.
    #[must_use]
    pub fn root_cause(&self, task: &TaskSummary) -> Option<&TaskSummary> {
        let root = task.root.and_then(|at| self.tasks.get(at as usize));
        root.filter(|root| root.id != task.id)
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &Event) {
        let before = self.last;
        self.last = before.max(event.ts);
        self.last_seq = event.seq;
        if matches!(
            event.kind,
            EventKind::JournalRecovered { .. } | EventKind::RunResumed { .. }
        ) {
            self.note_gap(before, self.last);
        }
        match &event.kind {
            EventKind::RunStarted(started) => self.started = Some((event.ts, started.clone())),
            EventKind::PlanProposed { tasks, .. } => self.expect_tasks(*tasks),
            EventKind::PlanApproved { .. } => {
                self.planned_findings = self.findings.len();
                let started = self.started.as_ref().map(|(_, started)| started.as_ref());
                self.approval = Approval::of(started, event);
            }
            EventKind::PlanRequested(_)
            | EventKind::PlanRejected(_)
            | EventKind::BudgetReserved(_)
            | EventKind::BudgetSettled(_) => self.calls.apply(event),
            EventKind::RunCancelling { by } => self.cancelling = Some(by.clone()),
            EventKind::RunPaused { cause } => self.paused = Some(cause.clone()),
            EventKind::RunResumed { epoch, slots, .. } => {
                self.paused = None;
                self.resumed.push(Resumption {
                    at: event.ts,
                    epoch: *epoch,
                    slots: *slots,
                });
            }
            EventKind::JournalRecovered { torn_bytes, file } => {
                self.recovered.push((*torn_bytes, file.clone()));
            }
            EventKind::RunFinished {
                outcome,
                exit_code,
                outputs,
            } => {
                let (outcome, exit_code) = (*outcome, *exit_code);
                self.outputs.clone_from(outputs);
                // Whatever paused it, nothing waits any more.
                self.paused = None;
                self.ending = Some(Ending {
                    outcome,
                    exit_code,
                    at: event.ts,
                });
            }
            EventKind::ResultLate { .. } => self.late_results += 1,
            EventKind::FindingRaised(finding) => {
                self.finding_count += 1;
                if self.findings.len() < MAX_FINDINGS {
                    self.findings.push(finding.clone());
                }
            }
            EventKind::TaskLeased { task, .. }
            | EventKind::AttemptStarted { task, .. }
            | EventKind::AttemptFinished { task, .. }
            | EventKind::AttemptRetrying { task, .. }
            | EventKind::LeaseLost { task, .. }
            | EventKind::TaskDone { task, .. }
            | EventKind::TaskFailed { task, .. }
            | EventKind::TaskSkipped { task, .. }
            | EventKind::TaskExpanded { task, .. }
            | EventKind::TaskReused { task, .. }
            | EventKind::TaskCancelled { task }
            | EventKind::TaskReopened { task, .. } => self.apply_to_task(task, event),
        }
    }

    /// A recovery and the resume that follows it are one gap.
    fn note_gap(&mut self, from: Timestamp, to: Timestamp) {
        self.undriven += to.since(from);
        match self.gaps.last_mut() {
            Some(gap) if gap.to == from => gap.to = to,
            _ => self.gaps.push(Gap { from, to }),
        }
    }

    /// Time that has passed since the run began, without the gaps.
    #[must_use]
    pub fn driven_until(&self, at: Timestamp) -> Duration {
        let begun = self.started.as_ref().map_or(at, |(begun, _)| *begun);
        let gaps = self.gaps.iter().take_while(|gap| gap.from < at);
        let undriven: Duration = gaps.map(|gap| gap.to.min(at).since(gap.from)).sum();
        at.since(begun).saturating_sub(undriven)
    }

    /// Room for every task at once: doubling a list of a hundred thousand costs as much again.
    fn expect_tasks(&mut self, tasks: u64) {
        self.planned = tasks;
        let room = usize::try_from(tasks).map_or(MAX_ROOM, |tasks| tasks.min(MAX_ROOM));
        self.tasks
            .reserve_exact(room.saturating_sub(self.tasks.len()));
        self.index.reserve(room.saturating_sub(self.index.len()));
    }

    fn apply_to_task(&mut self, id: &TaskId, event: &Event) {
        let at = self.position(id);
        let root = self.root_of(&event.kind);
        if let EventKind::AttemptFinished { end, .. } = &event.kind {
            self.enforcement.take(end);
        }
        let task = &mut self.tasks[at as usize];
        task.root = root.or(task.root);
        let children = task.child_count();
        change(task, event, &self.gaps);
        if let Some(now) = task.child_count() {
            // It stands for its children from now on.
            let before = children.unwrap_or(1);
            self.planned = self.planned.saturating_add(now).saturating_sub(before);
        }
        self.count(at);
        self.note_failure(at);
    }

    /// Where a task is kept; a task that was not heard of before gets its place, and its parent.
    fn position(&mut self, id: &TaskId) -> u32 {
        if let Some(at) = self.index.get(id) {
            return *at;
        }
        let at = u32::try_from(self.tasks.len()).expect("plan limits bound the tasks");
        let mut task = TaskSummary::new(id.clone());
        let parent = parent_of(id).and_then(|parent| self.index.get(&parent).copied());
        let expansion = parent.and_then(|at| self.tasks[at as usize].expansion.as_mut());
        if let Some(expansion) = expansion {
            task.parent = parent;
            task.label = expansion.take_label(id);
            if expansion.is_nested {
                expansion.items += 1;
                self.planned = self.planned.saturating_add(1);
            }
        }
        self.index.insert(id.clone(), at);
        self.tasks.push(task);
        at
    }

    /// Counts a task where it stands now, and no longer where it stood.
    fn count(&mut self, at: u32) {
        let task = &mut self.tasks[at as usize];
        let (own, was_own) = (task.slot(), task.counted);
        task.counted = own;
        let (as_child, was_child) = (task.slot_as_child(), task.counted_as_child);
        task.counted_as_child = as_child;
        let parent = task.parent;
        self.tally.moves(was_own, own);
        let parent = parent.and_then(|at| self.tasks[at as usize].expansion.as_mut());
        if let Some(expansion) = parent {
            expansion.children.moves(was_child, as_child);
        }
    }

    /// Kept as the events come: a chain of a hundred thousand skipped tasks is walked once.
    fn root_of(&self, kind: &EventKind) -> Option<u32> {
        let EventKind::TaskSkipped {
            because: Some(because),
            ..
        } = kind
        else {
            return None;
        };
        let at = *self.index.get(because)?;
        Some(self.tasks[at as usize].root.unwrap_or(at))
    }

    fn note_failure(&mut self, at: u32) {
        let Standing::Failed { tolerated, .. } = self.tasks[at as usize].standing else {
            return;
        };
        if !self.tasks[at as usize].fails_itself() {
            return;
        }
        if !tolerated {
            self.blame(at);
        }
        let first_is_required = self.first_failure.is_some_and(|first| {
            !matches!(
                self.tasks[first as usize].standing,
                Standing::Failed {
                    tolerated: true,
                    ..
                }
            )
        });
        if self.first_failure.is_none() || (!tolerated && !first_is_required) {
            self.first_failure = Some(at);
        }
    }

    /// Whatever is passed over because of a task that expanded is so because of this child of it.
    fn blame(&mut self, failed: u32) {
        let mut at = self.tasks[failed as usize].parent;
        while let Some(parent) = at {
            let parent = &mut self.tasks[parent as usize];
            parent.root.get_or_insert(failed);
            at = parent.parent;
        }
    }
}
