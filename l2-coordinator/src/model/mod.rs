//! Every call of a model goes through here: one request, one reply, whoever answers. Not budgets, not
//! prompts, not what a reply means.

mod error;
mod reply;
mod request;
mod seam;

pub use error::{ErrorKind, ModelError};
pub use protocol::budget::Used;
pub use reply::{ModelReply, Stop};
pub use request::{Effort, MAX_REQUEST_BYTES, ModelRequest, Role, Turn};
pub use seam::{Model, Progress};
