//! From what was typed to what holds: every value resolved, validated, and with its origin.

mod files;
mod layers;
mod model_names;
mod model_words;
mod models;
mod origin;
mod paths;
mod reader;
mod resolve;
mod table;
mod trust;

pub use files::{Files, Layer, PROJECT, bound, project_as_written, project_dir};
pub use layers::{Layered, Said, layers};
pub use model_names::{KeySource, Named, Provider};
pub use models::{Models, REPLY_TOKENS, models, parse as parse_model_setting};
pub use origin::{Origin, Setting};
pub use paths::{
    home, inherited_trace_id, state_dir, task_path, trust as trust_file, user_key, user_settings,
};
pub use resolve::{Drive, color, driving, policy, progress, runs_dir, sandbox};
pub use table::{KEYS, Key, Shape, as_file};
pub use trust::{Trust, folder_name};
