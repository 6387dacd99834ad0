//! Looking ahead of a run: what a plan would do at worst, how it hangs together, what it rests on.
//!
//! Nothing here starts anything, and nothing is written but a saved plan. Pages about it are the
//! command line's.

mod ahead;
mod calls;
mod foundation;
mod known;
mod outline;
mod plan_file;
mod retry;
mod worst;

pub use ahead::{Ahead, Fate, Start, TaskAhead, look_ahead};
pub use calls::{Askers, WorstCalls, worst_calls};
pub use foundation::{Content, Foundation, Missing, lay, missing, shaken};
pub use known::Known;
pub use outline::{Branch, outline};
pub use plan_file::{About, PlanFile, Saved, schema_of};
pub use retry::{Blocked, Selection, Wanted, select};
pub use worst::{Span, Worst, worst, worst_of};
