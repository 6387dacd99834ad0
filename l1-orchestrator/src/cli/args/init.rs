//! `orchestra init` as typed.

use clap::Args;

use super::shared::Output;
use super::switch::switch;

/// `orchestra init`
///
/// Writes NAME.yaml, a scenario that validates and runs as it is, with comments that say what each
/// part is for, and beside it `.orchestra/scenario-v1.json`, by which an editor completes and checks
/// it. A file that is there is never overwritten.
#[derive(Args, Debug)]
#[command(about = "Write a scenario to start from")]
#[command(after_help = "\
Examples:
  orchestra init
  orchestra init nightly --template data-pipeline
  orchestra init --list")]
pub struct Init {
    /// Its name, or path, without `.yaml` [default: the template's]
    #[arg(value_name = "NAME", conflicts_with = "list")]
    pub name: Option<String>,
    /// What to start from [default: minimal]
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "list")]
    #[arg(env = "ORCHESTRA_TEMPLATE", hide_env = true)]
    pub template: Option<String>,
    /// List the templates
    #[arg(long, env = "ORCHESTRA_LIST", hide_env = true)]
    #[arg(value_parser = switch)]
    pub list: bool,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
