//! The journal's vocabulary: one line per event, small payloads, past tense, dotted names.
//!
//! The same events feed recovery, reports, progress and machines that read `-o jsonl`. Adding a
//! field: give it a default, so that older journals still read. Renaming needs a new version.

mod chain;
mod expanded;
mod kind;
mod payload;
mod planning;

pub use chain::{Chain, Event, LineError, MAX_LINE_BYTES};
pub use expanded::{MAX_CHUNK_BYTES, item_bytes};
pub use kind::{EventKind, JOURNAL_VERSION};
pub use payload::{
    AttemptEnd, LeaseEnd, LogRef, ModelEnd, Origin, RunStarted, Signed, SkipCause, Unplanned,
};
pub use planning::{Example, PlanRejected, PlanRequested};
