//! Tests of decisions: tables, and what holds for any policy.

mod command_lines;
mod properties;
