//! `report.md`: what ran, what failed first and why, what to type next, how to verify. For a reader
//! who has nothing else.
//!
//! Order: verdict, first failure, other failures, tasks, graph, timeline, numbers, outputs and artifacts, plan and
//! approval, model calls, environment and verification. Each part has a bound, so that the whole stays below 900
//! KiB.

mod asked;
mod failures;
mod graph;
mod left;
mod models;
mod page;
mod policy;
mod record;
mod tables;

pub use page::{escape, render};
