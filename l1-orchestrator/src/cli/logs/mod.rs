//! `orchestra logs`: what tasks wrote, as it was kept or as it comes.

mod chosen;
mod follow;
mod kept;
mod tail;
mod verb;

pub(super) use verb::logs;
