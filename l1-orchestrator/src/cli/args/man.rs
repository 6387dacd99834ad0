//! `orchestra man` as typed.

use clap::Args;

use super::shared::Output;

/// `orchestra man`
///
/// Prints the page's source, for `man -l` or a folder of man pages: `orchestra.1`,
/// `orchestra-run.1` and so on.
#[derive(Args, Debug)]
#[command(about = "Print the manual page of orchestra or of one verb")]
#[command(after_help = "\
Examples:
  orchestra man
  orchestra man run")]
pub struct Man {
    /// One verb; without it the page of orchestra itself
    #[arg(value_name = "VERB")]
    pub verb: Option<String>,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
