//! Why a task went the way it went: sentences, each resting on events that it names by number.
//!
//! [`Gather`] picks from a journal what is about one task; [`explain`] turns that, the fold and the
//! plan into [`Line`]s. Nothing here guesses: what no event and no plan says is not told.

mod beginning;
mod ending;
mod facts;
mod line;
mod story;
#[cfg(test)]
mod tests;

pub use facts::Gather;
pub use line::{Line, explain};
