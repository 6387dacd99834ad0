//! Runs on disk: which there are, which one a person means, what one holds.

mod find;
mod record;
mod status;
mod stored;

pub use find::{RunEntry, Runs};
pub use record::{RunRecord, SettingRecord};
pub use status::{Status, finished_at, status};
pub use stored::{Stored, each_event};
