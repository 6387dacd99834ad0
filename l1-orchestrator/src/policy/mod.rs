//! What a user allows and has allowed: packs and where they are found, the policy that a run comes
//! under, plans that somebody approved.
//!
//! What a pack means is decided in [`protocol::policy`]; nothing here asks anybody.

mod allowed;
mod answers;
mod approvals;
mod find;
mod load;
mod site;
mod stricter;

pub use allowed::{Allowed, Outlook, allowed, argv};
pub use answers::answers;
pub use approvals::{Approvals, Approved};
pub use find::{PackPlace, find, is_pack_file, names, own_folder};
pub use load::{load, load_pack, narrowing};
pub use site::site;
pub use stricter::is_within;
