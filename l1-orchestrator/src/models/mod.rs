//! From settings to a model that can be asked: keys found, addresses resolved, recordings in between.

mod access;
mod build;
mod keys;
mod later;
mod prices;
mod tiers;

pub use access::{address, key_place, look_up};
pub use build::{Chosen, model, model_for_resume};
pub use prices::prices;
pub use tiers::Tiers;
