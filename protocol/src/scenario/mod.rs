//! Scenarios: what a person writes, read with every problem at once.
//!
//! [`load`] turns bytes, with the files they use, into a [`Scenario`] or diagnostics; [`Scenario::resolve`] turns `-i` values
//! into inputs; [`Scenario::plan`] makes the [`crate::plan::Plan`]. On the way: bounded bytes, a
//! compact located tree, one table of keys, the plan check. Rendering is not here.

mod build;
mod bytes;
mod circles;
mod document;
mod fields;
mod input;
mod json_schema;
mod keys;
mod load;
mod locate;
mod lower;
mod lower_defaults;
mod lower_policy;
mod lower_prompt;
mod lower_task;
mod map_keys;
mod misfit;
mod misfit_policy;
mod nested_path;
mod pack;
mod rewrite;
mod root;
mod schema_file;
mod syntax_help;
mod syntax_place;
mod tree;
mod values;
mod words;
mod words_defaults;
mod words_limits;
mod words_policy;
mod words_prompt;
mod words_task;

#[cfg(test)]
mod expansion_tests;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod stress_tests;

pub use document::{NestedFile, Parsed, Scenario};
pub use input::Input;
pub use json_schema::{pack_schema, schema};
pub use load::{NestedBytes, Surroundings, load, parse};
pub use pack::{ParsedPack, ParsedTightening, parse_pack, parse_tightening};
pub use rewrite::{Rewritten, RewrittenWord, rewrite};
pub use root::{find_root, root_of, without_upward};
