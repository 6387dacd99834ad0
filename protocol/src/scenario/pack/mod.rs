//! Policy packs, and the `policy` of a project's settings: what a person writes, read with every problem
//! at once. The words share the helpers of scenarios; what they mean is [`crate::policy`]'s.

mod document;
mod paths;
mod programs;
mod terms;
mod words;
mod words_more;

#[cfg(test)]
mod tests;

pub use document::{ParsedPack, ParsedTightening, parse_pack, parse_tightening};
pub(super) use terms::amount;
pub(super) use words::PACK;
