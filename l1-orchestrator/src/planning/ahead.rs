//! The whole schedule without a run: every task's fate as far as inputs decide it, its message made and
//! checked by the code of live runs, its program looked up, its turn on a virtual clock on which every
//! task takes as long as it may. Starts nothing and writes nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use l2_coordinator::{Config, Width, width};
use l3_worker::Program;
use protocol::expr::{Gate, Reference, Scope, Target};
use protocol::ids::LeaseId;
use protocol::message::TaskMessage;
use protocol::outcome::Failure;
use protocol::plan::{Action, Bounds, MAX_RUN_TASKS, Plan, PlanTask, TaskIndex};

use super::known::Known;
use super::worst::{Span, worst_of};

/// What becomes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It runs, if what it needs succeeds.
    Runs,
    /// It is skipped.
    Skipped {
        /// Why.
        because: String,
    },
    /// Only the run can tell.
    Undecided {
        /// By what.
        by: String,
    },
}

/// When a task's turn comes if every task before it takes as long as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Milliseconds after the run's start.
    At(u64),
    /// After something without a time limit.
    Unbounded,
    /// Never.
    Never,
}

/// One task, seen ahead.
#[derive(Clone, Debug)]
pub struct TaskAhead<'p> {
    /// Its name as runs show it; `a[*]` stands for every item of a fan-out.
    pub name: String,
    /// The task.
    pub task: &'p PlanTask,
    /// What becomes of it.
    pub fate: Fate,
    /// Its turn.
    pub start: Start,
    /// Items, where it has some.
    pub width: Option<Width>,
    /// Tasks at most that come of it.
    pub tasks: u64,
    /// Its message, or why there cannot be one; none where it only expands into others.
    pub message: Option<Result<TaskMessage, String>>,
    /// What it would start.
    pub program: Option<Result<Program, Failure>>,
}

impl TaskAhead<'_> {
    /// Why it would fail before it starts.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match (&self.fate, &self.message, &self.program) {
            (Fate::Skipped { .. }, ..) => None,
            (_, Some(Err(problem)), _) => Some(problem),
            (_, _, Some(Err(failure))) => Some(&failure.message),
            _ => None,
        }
    }
}

/// A plan, seen ahead.
pub struct Ahead<'p> {
    /// Tasks in starting order, each before what it expands into.
    pub tasks: Vec<TaskAhead<'p>>,
    /// There are more than are looked at.
    pub is_cut: bool,
}

/// Walks the schedule with that many slots; programs are searched on `path`.
#[must_use]
pub fn look_ahead<'p>(config: &Config, plan: &'p Plan, slots: u32, path: &str) -> Ahead<'p> {
    let mut walk = Walk {
        config,
        path,
        programs: HashMap::new(),
        found: Vec::new(),
        is_cut: false,
    };
    let known = Known::new(plan);
    let fates = walk.plan(plan, &known, "", None);
    let starts = starts(plan, &fates, slots, &known);
    // Only tasks of the outermost plan have a turn; what they expand into shares it.
    let mut start = Start::Never;
    for ahead in &mut walk.found {
        if let Some(index) = plan.index_of(&ahead.name)
            && std::ptr::eq(plan.task(index), ahead.task)
        {
            start = starts[index.get()];
        }
        ahead.start = match ahead.fate {
            Fate::Skipped { .. } => Start::Never,
            Fate::Runs | Fate::Undecided { .. } => start,
        };
    }
    Ahead {
        tasks: walk.found,
        is_cut: walk.is_cut,
    }
}

struct Walk<'a, 'p> {
    config: &'a Config,
    path: &'a str,
    /// By name: most tasks start the same few.
    programs: HashMap<String, Result<Program, Failure>>,
    found: Vec<TaskAhead<'p>>,
    is_cut: bool,
}

impl<'p> Walk<'_, 'p> {
    /// All tasks of a plan; `above` is the fate of the task that expands into it. Its depth is bounded by
    /// the plan's limits.
    fn plan(
        &mut self,
        plan: &'p Plan,
        known: &Known<'_>,
        prefix: &str,
        above: Option<&Fate>,
    ) -> Vec<Fate> {
        let mut fates = vec![Fate::Runs; plan.len()];
        for (index, task) in plan.tasks() {
            if self.found.len() >= MAX_RUN_TASKS {
                self.is_cut = true;
                break;
            }
            let fate = match above {
                Some(above @ Fate::Skipped { .. }) => above.clone(),
                Some(above @ Fate::Undecided { .. }) => match fate(plan, index, known, &fates) {
                    skipped @ Fate::Skipped { .. } => skipped,
                    Fate::Runs | Fate::Undecided { .. } => above.clone(),
                },
                Some(Fate::Runs) | None => fate(plan, index, known, &fates),
            };
            fates[index.get()] = fate.clone();
            self.task(plan, index, task, known, prefix, fate);
        }
        fates
    }

    fn task(
        &mut self,
        plan: &'p Plan,
        index: TaskIndex,
        task: &'p PlanTask,
        known: &Known<'_>,
        prefix: &str,
        fate: Fate,
    ) {
        let name = format!("{prefix}{}", task.id());
        let found = task.fan_out().map(|fan_out| width(fan_out, known));
        let (width, unexpandable) = match found.transpose() {
            Ok(width) => (width, None),
            Err(failure) => (None, Some(Err(failure.message))),
        };
        let ahead = |name, message, program| TaskAhead {
            name,
            task,
            fate: fate.clone(),
            start: Start::Never,
            width,
            tasks: worst_of(task, &Bounds::default(), known).tasks,
            message,
            program,
        };
        let item = match task.fan_out() {
            Some(_) => format!("{name}[*]"),
            None => name.clone(),
        };
        // What has no items starts nothing.
        let is_empty = width.is_some_and(|width| width.most == 0) || unexpandable.is_some();
        match task.action() {
            Action::Uses(uses) => {
                self.found.push(ahead(name, unexpandable, None));
                if !is_empty {
                    let inner = known.nested(uses, self.config.project.as_deref());
                    self.plan(&uses.scenario, &inner, &format!("{item}/"), Some(&fate));
                }
            }
            Action::Run(_) | Action::Command(_) | Action::Prompt(_) if is_empty => {
                self.found.push(ahead(name, unexpandable, None));
            }
            Action::Run(_) | Action::Command(_) | Action::Prompt(_) => {
                let lease = LeaseId { epoch: 1, lease: 1 };
                let message = l2_coordinator::render_task(self.config, plan, index, lease, known)
                    .map_err(|unready| unready.to_string());
                let starts = message.as_ref().ok();
                let starts = starts.filter(|message| message.prompt.is_none());
                let program = starts.map(|message| self.program(message));
                self.found.push(ahead(name, Some(message), program));
            }
        }
    }

    fn program(&mut self, message: &TaskMessage) -> Result<Program, Failure> {
        let is_plain = message.env.is_empty() && message.working_dir.is_none();
        let name = message.argv.first().cloned().unwrap_or_default();
        if let (true, Some(known)) = (is_plain, self.programs.get(&name)) {
            return known.clone();
        }
        let program = l3_worker::foresee(message, self.path);
        if is_plain {
            self.programs.insert(name, program.clone());
        }
        program
    }
}

fn fate(plan: &Plan, index: TaskIndex, known: &Known<'_>, before: &[Fate]) -> Fate {
    let task = plan.task(index);
    let condition = task.condition();
    let gate = condition
        .map(protocol::expr::Condition::gate)
        .unwrap_or_default();
    let undecided = |by: String| Fate::Undecided { by };
    match (gate, condition) {
        (Gate::Failure, _) => return undecided("it runs only after a failure".into()),
        (Gate::Default, _) => {
            let needs = || plan.needs(index).iter();
            let name = |need: &TaskIndex| plan.task(*need).id();
            let skipped = |need: &&TaskIndex| matches!(before[need.get()], Fate::Skipped { .. });
            let open = |need: &&TaskIndex| matches!(before[need.get()], Fate::Undecided { .. });
            if let Some(need) = needs().find(skipped) {
                let because = format!("{} would be skipped", name(need));
                return Fate::Skipped { because };
            }
            if let Some(need) = needs().find(open) {
                return match decided(condition, known) {
                    Some(Ok(false)) => Fate::Skipped {
                        because: "its `if` is false".into(),
                    },
                    _ => undecided(format!("{} is undecided", name(need))),
                };
            }
        }
        (Gate::Always, _) => {}
    }
    let Some(condition) = condition.filter(|condition| !condition.is_gate_only()) else {
        return Fate::Runs;
    };
    match decided(Some(condition), known) {
        Some(Ok(true)) => Fate::Runs,
        Some(Ok(false)) => Fate::Skipped {
            because: "its `if` is false".into(),
        },
        Some(Err(error)) => undecided(format!("`if` cannot be evaluated: {error}")),
        None => undecided(format!("if {condition}")),
    }
}

/// The value of a condition that inputs alone decide.
fn decided(
    condition: Option<&protocol::expr::Condition>,
    known: &Known<'_>,
) -> Option<Result<bool, String>> {
    let condition = condition?;
    let is_known = |reference: &Reference| match &reference.target {
        Target::Input { name } => known.input(name).is_some(),
        _ => false,
    };
    let references = condition.references().ok()?;
    // What it says about failures is not known before the run either.
    let asks_failure = condition.as_str().contains("failure(");
    if asks_failure || !references.iter().all(is_known) {
        return None;
    }
    Some(condition.evaluate(known).map_err(|error| error.to_string()))
}

/// When each task of the outermost plan starts. Equal times are settled as the scheduler does: by
/// priority, then in the plan's order.
fn starts(plan: &Plan, fates: &[Fate], slots: u32, known: &Known<'_>) -> Vec<Start> {
    let mut open: Vec<usize> = plan.order().map(|task| plan.needs(task).len()).collect();
    let mut ready = BinaryHeap::new();
    let rank = |task: TaskIndex| (plan.task(task).priority().unwrap_or(0), Reverse(task));
    ready.extend(plan.order().filter(|task| open[task.get()] == 0).map(rank));
    let mut running: BinaryHeap<Reverse<(Span, TaskIndex)>> = BinaryHeap::new();
    let mut starts = vec![Start::Never; plan.len()];
    let mut now = Span::default();
    let slots = (slots as usize).max(1);
    let outer = Bounds::default();
    loop {
        let mut over = Vec::new();
        while running.len() < slots
            && let Some((_, Reverse(task))) = ready.pop()
        {
            if matches!(fates[task.get()], Fate::Skipped { .. }) {
                over.push(task);
                continue;
            }
            starts[task.get()] = match now.open {
                0 => Start::At(now.ms),
                _ => Start::Unbounded,
            };
            let takes = worst_of(plan.task(task), &outer, known).sum;
            running.push(Reverse((now.plus(takes), task)));
        }
        if over.is_empty() {
            let Some(Reverse((at, task))) = running.pop() else {
                return starts;
            };
            now = now.max(at);
            over.push(task);
        }
        for task in over {
            for dependent in plan.dependents(task) {
                open[dependent.get()] -= 1;
                if open[dependent.get()] == 0 {
                    ready.push(rank(*dependent));
                }
            }
        }
    }
}
