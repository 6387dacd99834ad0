//! `orchestra schema` as typed.

use clap::{Args, ValueEnum};

use super::shared::Output;

/// `orchestra schema`
///
/// Draft-07 schemas of what people write and of what orchestra writes. Readers skip keys that they do
/// not know: later versions may add some.
#[derive(Args, Debug)]
#[command(about = "Print a JSON Schema")]
pub struct Schema {
    /// Of what [default: scenario]
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Option<SchemaOf>,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What a person writes
    #[default]
    Scenario,
    /// Lines of events.jsonl
    Events,
    /// Between coordinator and workers
    Messages,
    /// run.json: what was asked
    Run,
    /// policy.json: under what it ran
    Policy,
    /// A pack, which a person writes
    Pack,
    /// report.json, and `report` of `show -o json`
    Report,
    /// artifacts.json: every sealed file
    Artifacts,
    /// seal.json: what closes the journal
    Seal,
}
