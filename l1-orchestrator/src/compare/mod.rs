//! Two runs side by side: what was planned, asked, used, made and came out, and what differs.
//!
//! [`Side`] is what is read of a run; [`Comparison`] is pure. Durations and ids are shown and never
//! count: no two runs share them.

mod comparison;
mod markdown;
mod outcomes;
mod plans;
mod side;
mod text;
mod told;

pub use comparison::Comparison;
pub use markdown::render;
pub use side::Side;
pub use told::PlanDiff;
