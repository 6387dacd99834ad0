//! From a run without tasks to a planned one: the session around planner, calls and journal.

mod session;
mod unplanned;

pub use session::{Planning, PlanningOptions, Tell};
pub use unplanned::NoPlan;
