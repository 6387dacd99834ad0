//! Whether a recorded run may go on here: it was opened by a key that is trusted on this machine, or the
//! caller names its plan and its policy by their digests. A run directory can come with a clone, and
//! whoever wrote it wrote its digests, too.

use std::path::Path;

use protocol::seal::PublicKey;

use super::approval::{differs, other};
use super::args::Approve;
use super::context::Context;
use super::error::{CliError, Kind};
use crate::report::Opener;
use crate::runs::{RunEntry, RunRecord, Stored, quoted};
use crate::settings;

/// What is to be executed again.
pub(super) struct Recorded<'a> {
    /// Where it is recorded.
    pub(super) entry: &'a RunEntry,
    /// Its fold.
    pub(super) stored: &'a Stored,
    /// The verb.
    pub(super) verb: &'static str,
    /// What else was typed, and matters.
    pub(super) rest: String,
}

/// Keys whose signatures count on this machine: the user's own.
pub(super) fn trusted_keys() -> Result<Vec<PublicKey>, CliError> {
    let path = settings::user_key()?;
    let key = l2_coordinator::load_key(&path).map_err(|error| {
        CliError::not_ready("key-unusable", "your signing key cannot be used").because(error)
    })?;
    Ok(key.iter().map(protocol::seal::UserKey::public).collect())
}

/// Refuses a run that nobody trusted here opened, unless exactly it is approved.
///
/// # Errors
/// It is not to be executed.
pub(super) fn may_go_on(
    context: &Context,
    recorded: &Recorded<'_>,
    approve: Option<&Approve>,
) -> Result<(), CliError> {
    let Some(approval) = &recorded.stored.summary.approval else {
        return Ok(());
    };
    let (plan, policy) = (approval.plan, approval.policy);
    if let Some(approve) = approve
        && let Some(differs) = differs(approve, plan, policy)
    {
        return Err(other(differs, plan, policy, approve));
    }
    let opener = approval.opener(&trusted_keys()?);
    let message = match opener {
        Opener::Trusted => return Ok(()),
        Opener::Forged => return Err(forged(context, recorded)),
        Opener::Stranger(_) => "the run was opened with a key that is not trusted here",
        Opener::Nobody => {
            "nobody signed the run when it was opened: an older orchestra made it, or somebody else"
        }
    };
    let digests = context.redact.approval(&plan, &policy);
    let approved = approve.is_some_and(|approve| approve.policy.is_some());
    if approved {
        context.ui.note(&format!(
            "note: {message}; you approved it as {digests}{}",
            tree(context, recorded).map_or_else(String::new, |tree| format!("; {tree}"))
        ));
        return Ok(());
    }
    let code = match opener {
        Opener::Stranger(_) => "run-foreign",
        _ => "run-unsigned",
    };
    let dir = context.redact.run_dir(&recorded.entry.dir);
    let reference = context.reference(recorded.entry);
    let rest = format!("{}--approve {digests}", recorded.rest);
    let again = reference.command(recorded.verb, &rest);
    let error = CliError::new(Kind::Refused, code, message)
        .hint(format!(
            "read plan.json and policy.json in {dir}: they say what would be executed"
        ))
        .hint(format!(
            "`{again}` goes on with exactly this plan under exactly this policy"
        ));
    Err(match tree(context, recorded) {
        Some(tree) => error.hint(tree),
        None => error,
    })
}

/// A signature of something else: the directory was changed after it was opened.
fn forged(context: &Context, recorded: &Recorded<'_>) -> CliError {
    let message = "what the run would go on with is not what was signed when it was opened";
    let verify = context.reference(recorded.entry).command("verify", "");
    let error = CliError::new(Kind::VerifyFailed, "opening-mismatch", message)
        .hint(format!("`{verify}` says what differs"));
    match RunRecord::read(&recorded.entry.dir) {
        Ok(record) => error.hint(format!(
            "run it again: `orchestra run {}`",
            quoted(Path::new(
                &context.redact.place(Path::new(&record.scenario_path))
            ))
        )),
        Err(_) => error,
    }
}

/// The tree that tasks read and work in: the record says which, neither plan nor policy does.
fn tree(context: &Context, recorded: &Recorded<'_>) -> Option<String> {
    let root = RunRecord::read(&recorded.entry.dir).ok()?.root?;
    let root = context.redact.place(Path::new(&root));
    Some(format!("the tree that its tasks see is {root}"))
}
