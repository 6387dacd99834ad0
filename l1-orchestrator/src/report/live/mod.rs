//! What a run looks like while it happens: lines about what ended, and a panel about what has not.
//! Both are functions of events; when they are shown is the printer's business.

mod board;
mod line;
mod panel;
#[cfg(test)]
mod tests;

pub(super) use board::Board;
pub(super) use line::{Unstarted, of_event, running};
pub(super) use panel::panel;
