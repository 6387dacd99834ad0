//! `orchestra fmt`

use std::path::PathBuf;

use clap::Args;

use super::shared::Output;
use super::switch::switch;

/// `orchestra fmt`
///
/// Other accepted words, such as `depends_on` for `needs`, become the canonical ones. Comments, blank
/// lines, quotes and order stay as they are, byte for byte. A file with problems is not touched, nor is
/// any other one then. With --check nothing is written, and the exit code is 1 if a file would change.
#[derive(Args, Debug)]
#[command(about = "Rewrite a scenario's words to the canonical ones")]
#[command(after_help = "\
Examples:
  orchestra fmt ci.yaml
  orchestra fmt --check scenarios/*.yaml
  orchestra fmt - < ci.yaml")]
pub struct Fmt {
    /// Scenario files; `-` reads stdin and prints the result
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Only say which files would change; exit with 1 if there are any
    #[arg(long, env = "ORCHESTRA_CHECK", hide_env = true)]
    #[arg(value_parser = switch)]
    pub check: bool,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
