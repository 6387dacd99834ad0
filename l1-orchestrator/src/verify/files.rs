//! Files against what the journal says of them: inputs, artifacts, logs.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::Path;

use protocol::artifact::SealedFile;
use protocol::digest::Digest;
use protocol::run_dir;

use super::findings::{Code, Verification};
use super::ledger::{Ledger, Log, chain_of};
use super::tree;
use crate::runs::open_regular;

/// Name under which a policy is digested.
const POLICY_DOMAIN: &str = "policy/v1";

/// Longest policy that is read.
const MAX_POLICY_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn check_inputs(
    dir: &Path,
    ledger: &Ledger,
    found: &mut Verification,
) -> io::Result<()> {
    let scenario = (run_dir::SCENARIO, Some(ledger.scenario_file));
    let record = (run_dir::RUN_JSON, ledger.started.run_file);
    for (path, expected) in [record, scenario, (run_dir::PLAN, ledger.plan_file)] {
        let Some(expected) = expected else { continue };
        let there = tree::hash(dir, path)?.map(|(_, digest)| digest);
        check_digest(path, expected, there, Code::FileChanged, found);
    }
    if let Some(expected) = ledger.policy_file {
        let there = tree::hash(dir, run_dir::POLICY)?.map(|(_, digest)| digest);
        check_digest(run_dir::POLICY, expected, there, Code::FileChanged, found);
        return Ok(());
    }
    match policy_digest(dir)? {
        Some(Ok(digest)) if digest == ledger.policy => {}
        Some(there) => {
            let expected = format!("the policy with digest {}", ledger.policy);
            let there = there.map_or_else(|cause| cause, |digest| format!("digest {digest}"));
            found.problem(Code::FileChanged, run_dir::POLICY, expected, there);
        }
        None => {
            let expected = format!("the policy with digest {}", ledger.policy);
            found.problem(Code::FileMissing, run_dir::POLICY, expected, "nothing");
        }
    }
    Ok(())
}

/// Digest of the policy in `dir` as a value, `None` when there is none; the text of what is wrong
/// when it is no policy.
///
/// # Errors
/// It cannot be read.
pub fn policy_digest(dir: &Path) -> io::Result<Option<Result<Digest, String>>> {
    let file = match open_regular(&dir.join(run_dir::POLICY)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_POLICY_BYTES).read_to_end(&mut bytes)?;
    let digest = match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(value) => Digest::of_canonical(POLICY_DOMAIN, &value).map_err(|error| chain_of(&error)),
        Err(error) => Err(format!("no JSON: {error}")),
    };
    Ok(Some(digest))
}

pub(super) fn check_artifacts(
    dir: &Path,
    ledger: &Ledger,
    found: &mut Verification,
) -> io::Result<()> {
    let files = ledger
        .artifacts
        .values()
        .flatten()
        .flat_map(|artifact| &artifact.files);
    let mut expected: HashMap<&str, &SealedFile> =
        files.map(|file| (file.path.as_str(), file)).collect();
    let mut unfinished = 0_u64;
    tree::walk(dir, run_dir::ARTIFACTS, &mut |entry| {
        let Some(file) = expected.remove(entry.path.as_str()) else {
            // Sealing comes before `task.done`, so a crash between them leaves files that the next
            // attempt replaces.
            if ledger.finished {
                let there = if entry.regular {
                    "a file"
                } else {
                    "something that is no file"
                };
                found.problem(Code::ArtifactExtra, entry.path, "only sealed files", there);
            } else {
                unfinished += 1;
            }
            return Ok(());
        };
        let sealed = format!("{} bytes, SHA-256 {}", file.bytes, file.sha256);
        let there = if entry.regular {
            tree::hash(dir, &entry.path)?
        } else {
            None
        };
        match there {
            Some((bytes, digest)) if (bytes, digest) == (file.bytes, file.sha256) => {
                found.artifacts += 1;
            }
            Some((bytes, digest)) => {
                let there = format!("{bytes} bytes, SHA-256 {digest}");
                found.problem(Code::ArtifactChanged, entry.path, sealed, there);
            }
            None => {
                let there = "something that is no file";
                found.problem(Code::ArtifactChanged, entry.path, sealed, there);
            }
        }
        Ok(())
    })?;
    for (path, file) in expected {
        let sealed = format!("{} bytes, SHA-256 {}", file.bytes, file.sha256);
        found.problem(Code::ArtifactMissing, path, sealed, "nothing");
    }
    if unfinished > 0 {
        found.note(format!(
            "Among the artifacts, {} to no done task: the run is not finished.",
            belong(unfinished, "file")
        ));
    }
    Ok(())
}

pub(super) fn check_logs(dir: &Path, ledger: &Ledger, found: &mut Verification) -> io::Result<()> {
    let mut expected = ledger.logs.clone();
    let mut open = 0_u64;
    tree::walk(dir, run_dir::LOGS, &mut |entry| {
        match expected.remove(&entry.path) {
            Some(Log::Kept(bytes, digest)) if entry.regular => {
                check_log(dir, entry.path, (bytes, digest), found)?;
            }
            Some(Log::Open) if entry.regular => open += 1,
            Some(_) => {
                let there = "something that is no file";
                found.problem(Code::LogChanged, entry.path, "a log", there);
            }
            None => found.problem(
                Code::LogExtra,
                entry.path,
                "only logs of attempts",
                "a file",
            ),
        }
        Ok(())
    })?;
    for (path, log) in expected {
        if let Log::Kept(bytes, digest) = log {
            let expected = format!("{bytes} bytes, SHA-256 {digest}");
            found.problem(Code::LogLost, path, expected, "nothing");
        }
    }
    if open > 0 {
        found.note(format!(
            "{} to an attempt whose end was never recorded; nothing vouches for its content.",
            belong(open, "log")
        ));
    }
    Ok(())
}

fn check_log(
    dir: &Path,
    path: String,
    (bytes, digest): (u64, Digest),
    found: &mut Verification,
) -> io::Result<()> {
    let (there, digest_there) = tree::hash(dir, &path)?.unwrap_or((0, Digest::of(b"")));
    if (there, digest_there) == (bytes, digest) {
        found.logs += 1;
        return Ok(());
    }
    let code = if there < bytes {
        Code::LogLost
    } else {
        Code::LogChanged
    };
    let expected = format!("{bytes} bytes, SHA-256 {digest}");
    found.problem(
        code,
        path,
        expected,
        format!("{there} bytes, SHA-256 {digest_there}"),
    );
    Ok(())
}

/// Damaged ends are evidence, not part of the run: their loss is only noted.
pub(super) fn check_torn_files(dir: &Path, ledger: &Ledger, found: &mut Verification) {
    for (file, bytes) in &ledger.torn_files {
        let plain = file
            .strip_prefix(run_dir::TORN_PREFIX)
            .is_some_and(|rest| !rest.contains('/'));
        let there = fs_err::symlink_metadata(dir.join(file)).map(|there| there.len());
        if !plain || there.ok() != Some(*bytes) {
            found.note(format!(
                "A recovery set {bytes} damaged bytes of the journal aside; they are no longer there \
                 as it left them."
            ));
        }
    }
}

pub(super) fn check_digest(
    path: &str,
    expected: Digest,
    there: Option<Digest>,
    code: Code,
    found: &mut Verification,
) {
    match there {
        Some(there) if there == expected => {}
        Some(there) => {
            found.problem(
                code,
                path,
                format!("SHA-256 {expected}"),
                format!("SHA-256 {there}"),
            );
        }
        None => {
            found.problem(
                Code::FileMissing,
                path,
                format!("SHA-256 {expected}"),
                "nothing",
            );
        }
    }
}

/// `1 log belongs`, `2 logs belong`.
fn belong(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun} belongs"),
        _ => format!("{count} {noun}s belong"),
    }
}
