//! The fold: run and task states from events. [`RunState::apply`] is the only thing that changes
//! them; live execution, recovery, reports and progress all come through here.

mod run;
mod task;

pub use run::{Counts, IllegalEvent, Phase, RunState};
pub use task::{Ended, IllegalTransition, Results, TaskRecord, TaskState};
