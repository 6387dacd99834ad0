//! Which workers a task is for: those that start programs, or the one that asks models. Each kind has
//! slots, a window and a queue of its own, so that neither waits for the other.

use protocol::plan::{Action, Plan, TaskIndex};
use protocol::state::RunState;
use protocol::subject::{AI_POOL, DEFAULT_POOL};

/// A kind of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pool {
    /// Starts programs.
    Cpu,
    /// Asks models; in the coordinator's own process.
    Ai,
}

impl Pool {
    /// Both, in the order in which they get their turn.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Ai];

    /// The token in subjects.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Cpu => DEFAULT_POOL,
            Self::Ai => AI_POOL,
        }
    }

    /// Where the task goes, or what it expands into.
    pub(super) fn of(run: &RunState, task: TaskIndex) -> Self {
        match run.planned(task).prompt() {
            Some(_) => Self::Ai,
            None => Self::Cpu,
        }
    }

    /// Its own of a pair.
    pub(super) const fn of_each<T>(self, [cpu, ai]: &[T; 2]) -> &T {
        match self {
            Self::Cpu => cpu,
            Self::Ai => ai,
        }
    }

    /// As [`Self::of_each`].
    pub(super) const fn of_each_mut<T>(self, [cpu, ai]: &mut [T; 2]) -> &mut T {
        match self {
            Self::Cpu => cpu,
            Self::Ai => ai,
        }
    }
}

/// Whether any task of the plan, or of a scenario it uses, asks a model.
#[must_use]
pub fn has_prompts(plan: &Plan) -> bool {
    plan.tasks().any(|(_, task)| match task.action() {
        Action::Prompt(_) => true,
        Action::Uses(uses) => has_prompts(&uses.scenario),
        Action::Run(_) | Action::Command(_) => false,
    })
}
