//! `orchestra trust` as typed.

use std::path::PathBuf;

use clap::Args;

use super::shared::Output;
use super::switch::switch;

/// `orchestra trust`
///
/// A project's `orchestra.yaml` comes with a clone, so on its own it may change looks and tighten.
/// Trust accepts what the file asks for beyond that, exactly as it stands now: when one of those
/// values changes, you are asked again.
#[derive(Args, Debug)]
#[command(about = "Accept what a project's orchestra.yaml asks for")]
#[command(after_help = "\
Examples:
  orchestra trust
  orchestra trust --list")]
pub struct Trust {
    /// A project's folder, or one in it [default: the working directory]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// List the projects you trust
    #[arg(long, conflicts_with_all = ["dir", "remove"])]
    #[arg(env = "ORCHESTRA_LIST", hide_env = true, value_parser = switch)]
    pub list: bool,
    /// Trust it no longer
    #[arg(long, env = "ORCHESTRA_REMOVE", hide_env = true)]
    #[arg(value_parser = switch)]
    pub remove: bool,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
