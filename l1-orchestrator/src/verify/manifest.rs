//! `artifacts.json` against the journal.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

use fs_err::File;
use protocol::artifact::{Artifact, SealedFile};
use protocol::ids::TaskId;
use protocol::run_dir;
use serde::Deserialize;

use super::findings::{Code, Verification};
use super::ledger::Ledger;

/// Longest manifest that is read; at 300 bytes an artifact, room for more than a million.
const MAX_MANIFEST_BYTES: u64 = 512 * 1024 * 1024;

/// The only kind of manifest known.
const SCHEMA: &str = "orchestra.artifacts/v1";

#[derive(Deserialize)]
struct Manifest {
    schema: String,
    artifacts: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    task: TaskId,
    name: String,
    media_type: String,
    #[serde(default)]
    directory: bool,
    #[serde(default)]
    left_out: u64,
    files: Vec<SealedFile>,
}

/// Checks the manifest of a finished run: it lists what the journal sealed, no more and no less.
pub(super) fn check(dir: &Path, ledger: &Ledger, found: &mut Verification) {
    let mut listed: BTreeMap<(TaskId, String), Artifact> = BTreeMap::new();
    match load(dir) {
        Ok(Some(manifest)) => {
            for Entry {
                task,
                name,
                media_type,
                directory,
                left_out,
                files,
            } in manifest.artifacts
            {
                let key = (task, name.clone());
                listed.insert(
                    key,
                    Artifact {
                        name,
                        media_type,
                        directory,
                        left_out,
                        files,
                    },
                );
            }
        }
        Ok(None) => {
            let expected = "the manifest of a finished run";
            found.problem(Code::FileMissing, run_dir::MANIFEST, expected, "nothing");
            return;
        }
        Err(error) => {
            let expected = "a manifest";
            found.problem(
                Code::ManifestChanged,
                run_dir::MANIFEST,
                expected,
                error.to_string(),
            );
            return;
        }
    }
    for (task, artifacts) in &ledger.artifacts {
        for artifact in artifacts {
            let key = (task.clone(), artifact.name.clone());
            let entry = listed.remove(&key);
            if entry.as_ref() != Some(artifact) {
                let expected = format!("artifact `{}` of task {task} as sealed", artifact.name);
                let there = if entry.is_some() {
                    "something else"
                } else {
                    "no such entry"
                };
                found.problem(Code::ManifestChanged, run_dir::MANIFEST, expected, there);
            }
        }
    }
    for (task, name) in listed.into_keys() {
        let there = format!("artifact `{name}` of task {task}, which was never sealed");
        found.problem(
            Code::ManifestChanged,
            run_dir::MANIFEST,
            "only sealed artifacts",
            there,
        );
    }
}

fn load(dir: &Path) -> io::Result<Option<Manifest>> {
    let file = match File::open(dir.join(run_dir::MANIFEST)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bounded = BufReader::new(file).take(MAX_MANIFEST_BYTES);
    let manifest: Manifest = serde_json::from_reader(bounded)?;
    if manifest.schema != SCHEMA {
        return Err(io::Error::other(format!("schema is not `{SCHEMA}`")));
    }
    Ok(Some(manifest))
}
