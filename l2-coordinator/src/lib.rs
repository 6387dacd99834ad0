//! Decides what happens next in a run, and remembers it: the machine, the journal, the driver.

pub mod ai_task;
mod coordinator;
mod desk;
mod driver;
mod effects;
pub mod journal;
mod machine;
pub mod model;
mod observer;
pub mod planner;
mod planning;
mod recover;
mod run_lock;
mod sources;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod user_key;
mod wire;

pub use coordinator::{Coordinator, CoordinatorError, Finished, Handle, Options};
pub use machine::{
    CRASH_LIMIT, Config, Decision, Effect, Embedded, FENCE, Gate, Input, LEASE_LOST, Machine, Note,
    Now, Pool, REDISPATCH_DELAY, RequestId, Unready, Unreserved, Width, has_prompts, known_inputs,
    render as render_task, width,
};
pub use observer::Observer;
pub use planning::{NoPlan, Planning, PlanningOptions, Tell};

pub use run_lock::{
    Asked, Holder, LockError, Pausing, RunLock, pause_holder, read_holder, terminate_holder,
};
pub use user_key::{KeyError, load_key, load_or_create_key};
