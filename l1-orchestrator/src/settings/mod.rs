//! From what was typed to what holds: every value resolved, validated, and with its origin.

mod files;
mod origin;
mod paths;
mod resolve;

pub use files::Files;
pub use origin::{Origin, Setting};
pub use paths::{inherited_trace_id, task_path, user_key};
pub use resolve::{Drive, color, driving, runs_dir};
