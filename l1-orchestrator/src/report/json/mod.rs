//! The report for machines.

mod report;
mod task;

pub use report::{schema, write};
