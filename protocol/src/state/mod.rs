//! The fold: run and task states from events. [`RunState::apply`] is the only thing that changes
//! them; live execution, recovery, reports and progress all come through here.

mod calls;
mod counts;
mod expand;
mod expansion;
mod illegal;
mod lookup;
mod run;
mod task;

pub use counts::Counts;
pub use expansion::{Children, Expansion};
pub use illegal::IllegalEvent;
pub use lookup::{Instance, Role};
pub use run::{Phase, RunState};
pub use task::{Ended, IllegalTransition, Results, TaskRecord, TaskState};
