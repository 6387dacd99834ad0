//! Scenarios: what a person writes, read with every problem at once.
//!
//! [`parse`] turns bytes into a [`Scenario`] or diagnostics; [`Scenario::resolve`] turns `-i` values
//! into inputs; [`Scenario::plan`] makes the [`crate::plan::Plan`]. On the way: bounded bytes, a
//! compact located tree, one table of keys, the plan check. Rendering is not here.

mod build;
mod bytes;
mod document;
mod duration;
mod fields;
mod input;
mod json_schema;
mod keys;
mod locate;
mod lower;
mod lower_task;
mod map_keys;
mod root;
mod syntax_help;
mod syntax_place;
mod tree;
mod words;
mod words_task;

#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod stress_tests;

pub use document::{Parsed, Scenario, parse};
pub use input::Input;
pub use json_schema::schema;
pub use root::{find_root, root_of};
