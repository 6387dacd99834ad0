//! `policy.json`: under what a run was approved, and under what it goes on.

use std::io::{self, Read as _};
use std::path::Path;

use protocol::policy::{Policy, SandboxLevel};
use protocol::run_dir;

use crate::cli::error::{CliError, Kind};
use crate::runs::open_regular;

/// The policy that a run recorded. Whether it is the approved one is for the caller to know. A run
/// directory can come with a clone, so a level below `strict` has to be chosen again.
///
/// # Errors
/// It cannot be read, this orchestra does not read its version, or nobody chose its level.
pub fn recorded(dir: &Path, chosen: Option<SandboxLevel>) -> Result<Policy, CliError> {
    let policy = read(dir)?;
    let level = policy.sandbox.level;
    if level > chosen.unwrap_or(SandboxLevel::Strict) {
        let message = format!("the run was made at sandbox level `{level}`");
        return Err(
            CliError::new(Kind::Refused, "level-too-low", message).hint(format!(
                "if that is what you want, say so again with `--sandbox {level}`"
            )),
        );
    }
    Ok(policy)
}

fn read(dir: &Path) -> Result<Policy, CliError> {
    let most = Policy::MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = open_regular(&dir.join(run_dir::POLICY))
        .and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| unusable().because(error))?;
    Policy::from_json(&bytes).map_err(|error| {
        unusable()
            .because(io::Error::other(error))
            .hint("run its scenario again")
    })
}

fn unusable() -> CliError {
    let message = "the policy that the run came under cannot be used";
    CliError::new(Kind::Refused, "policy-unusable", message)
}
