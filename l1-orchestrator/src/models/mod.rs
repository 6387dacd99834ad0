//! From settings to a model that can be asked: keys found, addresses resolved, recordings in between.

mod build;
mod keys;

pub use build::{Chosen, model};
