//! One run driven from here: the composition root of bus, coordinator, embedded worker and observers,
//! and the run directory around them. The only place where the three layers meet.

mod ai;
mod blame;
mod carry;
mod closing;
mod drive;
mod ids;
mod live;
mod log;
mod open;
mod phases;
mod plan;
mod policy;
mod secrets;
mod signals;

pub use blame::blame;
pub use closing::{clear_leftovers, close, mend, rendered_digest, result_object};
pub use drive::{Driven, Ended, Session, Start, drive};
pub use ids::{
    SystemClock, coordinator as new_coordinator, now, run as new_run, seed, trace as new_trace,
};
pub use live::LiveOutput;
pub use log::start_log;
pub use open::{Carry, NewRun, Opened, absolute, open, record_of, signed};
pub use phases::{Moment, reached};
pub use plan::{Came, Journal, ToPlan, Watched, plan as ask_for_plan, reopen};
pub use policy::recorded as recorded_policy;
pub use signals::pressed_twice;
