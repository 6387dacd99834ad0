//! Tests of decisions: tables, what the packs of this build say, and what holds for any policy.

mod command_lines;
mod decisions;
mod docs;
mod properties;
mod support;
mod tasks;
