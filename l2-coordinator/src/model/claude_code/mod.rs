//! `claude -p` as a model: one question, one answer, no tools, nothing of the machine it runs on. As an
//! agent with tools it is a task like any other program; that is not this.
//!
//! Not `--bare`: that takes an API key only, and whoever has a key asks the API itself. A login is what
//! this provider is for; `--safe-mode` and no setting sources keep everything else out.

mod call;
mod command;
mod options;
mod place;
mod reader;
mod result;
mod tree;
mod usage;

pub use call::ClaudeCode;
pub use options::ClaudeCodeOptions;
