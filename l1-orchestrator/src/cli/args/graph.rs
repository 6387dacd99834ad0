//! `orchestra graph` as typed.

use clap::{Args, ValueEnum};

use super::shared::{Output, RunsDir};

/// `orchestra graph`
///
/// Draws the tasks and what they need. Of a run, shape, word and color say what became of each. Big
/// graphs are drawn as groups of tasks; nothing is run and nothing is written.
#[derive(Args, Debug)]
#[command(about = "Draw a scenario, a plan or a run")]
#[command(after_help = "\
Examples:
  orchestra graph scenarios/diamond.yaml
  orchestra graph @last --format svg > graph.svg")]
pub struct Graph {
    /// A scenario or plan file, or a run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "SCENARIO|PLAN|RUN")]
    pub what: String,
    /// What it is drawn in [default: mermaid]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["output_format", "json"])]
    #[arg(env = "ORCHESTRA_FORMAT", hide_env = true)]
    pub format: Option<GraphFormat>,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// What a graph is drawn in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For Markdown readers that draw it
    #[default]
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture of its own
    Svg,
}
