//! The report for machines.

mod models;
mod report;
mod task;

pub use report::{schema, write};
