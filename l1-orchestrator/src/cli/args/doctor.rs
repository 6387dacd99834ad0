//! `orchestra doctor` as typed.

use clap::Args;

use super::modelling::Modelling;
use super::shared::{Output, RunsDir};
use super::switch::switch;

/// `orchestra doctor`
///
/// Looks at tools, settings, folders, disk, clock, limits and terminal, and tries the sandbox: small
/// payloads inside each level try what is to be impossible, on this machine only, with a private temporary
/// directory that is gone afterwards. Nothing else is written or started, and no provider of models is
/// asked unless `--online` says so. Exits with 7 when something keeps
/// runs from working, such as a sandbox that cannot be set up.
#[derive(Args, Debug)]
#[command(about = "Say whether this machine is ready, and what to fix")]
pub struct Doctor {
    /// Only what can be told by looking, for health checks
    #[arg(long, env = "ORCHESTRA_QUICK", hide_env = true)]
    #[arg(value_parser = switch)]
    pub quick: bool,
    /// Ask the provider of models, too: whether it takes the key and has the model; no token is spent
    #[arg(long, env = "ORCHESTRA_ONLINE", hide_env = true)]
    #[arg(value_parser = switch)]
    pub online: bool,
    /// Which model plans, and how it is reached.
    #[command(flatten)]
    pub modelling: Modelling,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
