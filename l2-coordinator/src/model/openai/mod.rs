//! Models by the chat completions interface: OpenAI's, and what imitates it (Ollama, vLLM, gateways).
//! One streamed request a call, no tools, no sampling parameters.

mod assembly;
mod client;
mod error;
mod lookup;
mod options;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod usage;

pub use client::OpenAi;
pub use options::{DEFAULT_BASE_URL, LengthField, Options};
