//! Reports: pure functions of a run's events and, for edges and bounds, of the plan they name.
//!
//! [`RunSummary`] is the one fold; each renderer is a file beside it. Nothing here prints.

mod anchor;
mod approved;
mod artifacts;
mod attempt;
mod calls;
mod change;
mod closing;
pub mod console;
pub mod diagnostics;
mod effects;
pub mod enforced;
mod expansion;
#[cfg(test)]
mod expansion_tests;
mod failing;
pub mod findings;
pub mod graph;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
mod live;
pub mod manifest;
pub mod markdown;
mod modelled;
mod observer;
mod outline;
mod planned;
mod redact;
mod rows;
pub mod spend;
mod stats;
mod summary;
mod tally;
mod task;
#[cfg(test)]
mod tests;
mod timeline;
mod view;
mod waiting;
pub mod words;
mod xml;

pub use approved::{Approval, Opener};
pub use calls::Call;
pub use closing::closing;
pub use expansion::parent_of;
pub use modelled::is_unplanned;
pub use observer::{Observers, Reporter};
pub use outline::{outline, told};
#[cfg(feature = "otlp")]
pub use planned::ready;
pub use planned::{Planned, max_attempts};
pub use redact::{Redactor, bytes};
pub use stats::Spread;

pub use attempt::{Attempt, AttemptEnding};
pub use summary::{Ending, RunSummary};
pub use task::{Standing, TaskSummary};
pub use view::{RunRef, View, task_word};
pub use waiting::{CallsOf, Waiting};
