//! Every call of a model goes through here: one request, one reply, whoever answers. Not budgets, not
//! prompts, not what a reply means.

pub mod anthropic;
mod calls;
mod claude_code;
mod error;
mod estimate;
pub mod openai;
mod prices;
mod record;
mod reply;
mod request;
mod scripted;
mod seam;
mod wire;

pub use calls::{
    Asked, CallBook, CallError, CallFor, CallJournal, JournalError, Recall, Until, settle_left,
    sweep_calls,
};
pub use claude_code::{ClaudeCode, ClaudeCodeOptions};
pub use error::{ErrorKind, ModelError};
pub use estimate::{BYTES_PER_TOKEN, estimate_prompt, estimate_text};
pub use prices::known_prices;
pub use protocol::budget::Used;
pub use protocol::plan::Effort;
pub use record::{Cassette, CassetteError, Existing, Recorder, RecorderOptions, Redact, Replay};
pub use reply::{ModelReply, Stop};
pub use request::{MAX_REQUEST_BYTES, ModelRequest, Role, Turn};
pub use scripted::{MAX_SCRIPT_BYTES, MAX_SCRIPT_ENTRIES, ScriptError, Scripted};
pub use seam::{Model, Progress};
pub use wire::{Address, AddressError, Limits, Secret, SecretError};
