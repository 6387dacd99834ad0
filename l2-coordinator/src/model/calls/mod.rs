//! The discipline of one call: set aside what it may cost, ask, keep the reply, settle. Each step is
//! journaled and synced before the next, so that whenever the process dies, nothing that was journaled
//! is paid twice and nothing that was paid is forgotten. Not what is asked, nor what a reply is for.

mod book;
mod journal;
mod recall;
mod store;
#[cfg(test)]
mod tests;

pub use book::{Asked, CallBook, CallError, CallFor, Until, settle_left};
pub use journal::{CallJournal, JournalError};
pub use recall::Recall;
pub use store::sweep as sweep_calls;
