//! When what waited and ran: one row an attempt, waiting and running apart, and what never started.

mod rows;
mod svg;
mod text;

pub use rows::timeline;
pub use svg::svg;
pub use text::text;
