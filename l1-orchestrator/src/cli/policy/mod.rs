//! `orchestra policy`: what tasks may do, and where that comes from.

mod explain;
mod list;
mod origins;
mod show;
mod test;
mod verb;

pub(super) use verb::policy;
