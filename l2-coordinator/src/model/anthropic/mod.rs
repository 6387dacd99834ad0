//! Claude by its Messages API, version 2026-10-21: one streamed request a call. No tools, no sampling
//! parameters, no prefill: that version and its models refuse them. Not the planner.

mod assembly;
mod client;
mod error;
mod lookup;
mod options;
mod request;
#[cfg(test)]
mod tests;
mod usage;

pub use client::Anthropic;
pub use lookup::ModelInfo;
pub use options::{Credential, DEFAULT_BASE_URL, Options};
