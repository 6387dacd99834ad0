//! The checks, in the order a reader would make them: journal, seal, inputs, artifacts, logs,
//! reports.

use std::io;
use std::path::Path;

use l2_coordinator::journal::{SealFileError, read_seal};
use l2_coordinator::read_holder;
use protocol::digest::Digest;
use protocol::run_dir;
use protocol::seal::PublicKey;

use super::calls::check_calls;
use super::files::{check_artifacts, check_digest, check_inputs, check_logs, check_torn_files};
use super::findings::{Code, Verification};
use super::ledger::{self, Ledger, chain_of};
use super::{manifest, tree};
use crate::report::Opener;
use crate::runs::{is_untouched, never_began};

/// What a file of the run directory should hold by the journal: given its name, the SHA-256 of what
/// this orchestra renders today, or `None` when it does not render that file.
pub type Rendered<'a> = &'a dyn Fn(&str) -> io::Result<Option<Digest>>;

/// How to verify.
pub struct Options<'a> {
    /// Keys whose seals count.
    pub trusted: &'a [PublicKey],
    /// Renders reports anew; without it only their presence is checked.
    pub rendered: Option<Rendered<'a>>,
}

/// Verifies the run directory `dir`. Whatever is wrong inside it is in the result.
///
/// # Errors
/// A file or directory that is there cannot be read at all.
pub fn verify(dir: &Path, options: &Options<'_>) -> io::Result<Verification> {
    fs_err::read_dir(dir)?;
    let mut found = Verification::default();
    if let Some(holder) = read_holder(dir)? {
        let pid = holder.pid;
        found.note(format!(
            "Process {pid} is driving this run: what it writes now is not judged."
        ));
    }
    if never_began(dir) && is_untouched(dir) {
        found.never_began = true;
        found.note(
            "The run never began: nothing of it was started, and there is nothing to verify.",
        );
        return Ok(found);
    }
    if !are_files(dir, &mut found)? {
        return Ok(found);
    }
    let ledger = ledger::read(dir, &mut found);
    check_seal(dir, ledger.as_ref(), options.trusted, &mut found)?;
    if let Some(ledger) = ledger {
        check_opener(&ledger, options.trusted, &mut found);
        check_inputs(dir, &ledger, &mut found)?;
        check_artifacts(dir, &ledger, &mut found)?;
        check_logs(dir, &ledger, &mut found)?;
        check_calls(dir, &ledger, &mut found)?;
        check_torn_files(dir, &ledger, &mut found);
        if ledger.finished {
            manifest::check(dir, &ledger, &mut found);
            check_reports(dir, options.rendered, &mut found)?;
        }
    }
    // Directories are read in no order; people and tests want one.
    found
        .problems
        .sort_by(|a, b| (a.code, &a.path).cmp(&(b.code, &b.path)));
    Ok(found)
}

/// Whether what is to be read are files, or not there: a pipe in the place of one would be waited for.
fn are_files(dir: &Path, found: &mut Verification) -> io::Result<bool> {
    let read = [
        run_dir::EVENTS,
        run_dir::SEAL,
        run_dir::RUN_JSON,
        run_dir::SCENARIO,
        run_dir::PLAN,
        run_dir::POLICY,
    ];
    for path in read.into_iter().chain(run_dir::REPORTS) {
        match fs_err::symlink_metadata(dir.join(path)) {
            Ok(there) if there.is_file() => {}
            Ok(_) => {
                let there = "something that is no file";
                found.problem(Code::FileChanged, path, "a file", there);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found.problems.is_empty())
}

fn check_seal(
    dir: &Path,
    ledger: Option<&Ledger>,
    trusted: &[PublicKey],
    found: &mut Verification,
) -> io::Result<()> {
    let problem = |found: &mut Verification, code, expected: &str, there: String| {
        found.problem(code, run_dir::SEAL, expected, there);
    };
    let seal = match read_seal(dir) {
        Ok(Some(seal)) => seal,
        Ok(None) => {
            if ledger.is_some_and(|ledger| ledger.finished) {
                let expected = "the seal of a finished run (a resume writes it)";
                problem(found, Code::SealMissing, expected, "nothing".to_owned());
            }
            return Ok(());
        }
        Err(SealFileError::Io(error)) => return Err(error),
        Err(error) => {
            problem(found, Code::SealInvalid, "a seal", chain_of(&error));
            return Ok(());
        }
    };
    if let Err(error) = seal.check() {
        let expected = "a signature that matches its content";
        problem(found, Code::SealInvalid, expected, error.to_string());
        return Ok(());
    }
    let known = trusted.contains(&seal.public_key);
    if !known {
        let there = format!("the key {}", seal.public_key);
        problem(
            found,
            Code::SealUnknownKey,
            "a seal by a trusted key",
            there,
        );
    }
    let Some(ledger) = ledger else { return Ok(()) };
    let (run, end) = (ledger.started.run_id, ledger.end.chain);
    if seal.run_id != run {
        let expected = format!("the seal of run {run}");
        let there = format!("that of run {}", seal.run_id);
        problem(found, Code::SealMismatch, &expected, there);
    } else if !seal.closes(end) {
        let expected = format!(
            "a journal that ends with event {}, hash {}",
            seal.seq, seal.hash
        );
        let there = format!("event {}, hash {}", end.seq, end.hash);
        found.problem(Code::SealMismatch, run_dir::EVENTS, expected, there);
    } else {
        found.sealed = known;
    }
    Ok(())
}

/// A chain can be computed anew, a trusted key's signature over what the run executes by cannot.
fn check_opener(ledger: &Ledger, trusted: &[PublicKey], found: &mut Verification) {
    let approval = ledger.approval.as_ref();
    found.opener = approval.map(|approval| approval.opener(trusted));
    match found.opener {
        None | Some(Opener::Trusted) => {}
        Some(Opener::Nobody) => found.note(
            "Nobody signed the run when it was opened, as older versions did not: nothing says whose \
             plan and policy these are.",
        ),
        Some(Opener::Stranger(key)) => {
            let (expected, there) = ("a run opened with a trusted key", format!("the key {key}"));
            found.problem(Code::OpeningUnknownKey, run_dir::EVENTS, expected, there);
        }
        Some(Opener::Forged) => {
            let expected = "a signature of what the run executes by";
            let there = "one of something else";
            found.problem(Code::OpeningMismatch, run_dir::EVENTS, expected, there);
        }
    }
}

fn check_reports(
    dir: &Path,
    rendered: Option<Rendered<'_>>,
    found: &mut Verification,
) -> io::Result<()> {
    let mut uncompared = false;
    let source = changed_source(found);
    let mut unjudged = Vec::new();
    for path in run_dir::REPORTS {
        let there = tree::hash(dir, path)?.map(|(_, digest)| digest);
        if found.problems.iter().any(|problem| problem.path == path) {
            // The manifest has a check of its own, which says more.
            continue;
        }
        let expected = match rendered {
            Some(rendered) => rendered(path)?,
            None => None,
        };
        match expected {
            // They may be as they were: it is what they would be compared with that is not.
            Some(expected) if there.is_some() && is_made_from(path, source) => {
                if there != Some(expected) {
                    unjudged.push(path);
                }
            }
            Some(expected) => check_digest(path, expected, there, Code::ReportChanged, found),
            None if there.is_none() => {
                let expected = "the report of a finished run";
                found.problem(Code::FileMissing, path, expected, "nothing");
            }
            // The manifest has a check of its own.
            None => uncompared |= path != run_dir::MANIFEST,
        }
    }
    if let (Some(source), false) = (source, unjudged.is_empty()) {
        unjudged.sort_unstable();
        let reports = unjudged.join(", ");
        found.note(format!(
            "Not judged: {reports}. They are made from {source}, which is not what it was."
        ));
    }
    if uncompared && rendered.is_some() {
        found.note(
            "The reports are there and not compared: another version of orchestra began this run, and \
             may have written them otherwise.",
        );
    }
    Ok(())
}

/// What reports are made from, if it is not what the run left.
fn changed_source(found: &Verification) -> Option<&'static str> {
    let is_changed = |source: &str| {
        let mut problems = found.problems.iter();
        problems.any(|problem| problem.path.split(':').next() == Some(source))
    };
    [run_dir::EVENTS, run_dir::PLAN]
        .into_iter()
        .find(|source| is_changed(source))
}

/// All are made from the journal, and some from the plan too.
fn is_made_from(report: &str, source: Option<&str>) -> bool {
    match source {
        Some(run_dir::PLAN) => report != run_dir::JUNIT && report != run_dir::MANIFEST,
        other => other.is_some(),
    }
}
