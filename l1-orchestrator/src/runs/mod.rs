//! Runs on disk: which there are, which one a person means, what one holds.

mod begun;
mod find;
mod record;
mod regular;
mod status;
mod stored;

pub use begun::{is_untouched, never_began, not_begun};
pub use find::{RunEntry, Runs};
pub use record::{RunRecord, SettingRecord};
pub use regular::open_regular;
pub use status::{Status, finished_at, status};
pub use stored::{Stored, each_event};
