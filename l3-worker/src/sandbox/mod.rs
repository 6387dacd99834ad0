//! What confines attempts: from a policy's constraints to what a slot process sets up.

mod rules;

pub use rules::{Confinement, Places};
