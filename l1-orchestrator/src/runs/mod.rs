//! Runs on disk: which there are, which one a person means, what one holds.

mod begun;
mod earlier;
mod entry;
mod filter;
mod find;
mod follow;
mod newest;
mod record;
mod regular;
mod removal;
mod retention;
mod since;
mod status;
mod stored;

pub use begun::{is_untouched, never_began, not_begun};
pub use earlier::usual_duration;
pub use entry::{RunEntry, quoted};
pub use filter::{Filter, Seen, Wanted};
pub use find::Runs;
pub use follow::Follower;
pub use record::{RunRecord, SettingRecord};
pub use regular::open_regular;
pub use removal::{RemovalError, disk_bytes, finish, leftovers, remove};
pub use retention::{Rule, Verdict};
pub use since::{Since, span};
pub use status::{Status, status};
pub use stored::{Stored, add_budget, each_event, load_plan};
