//! A place to run the real binary in, and what came of it.

mod command;
mod hints;
mod history;
mod place;

pub use command::{Command, Outcome};
pub use place::Place;
