//! Seals what never lay in a workspace: bytes that an executor has in its hands, at the declared paths.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use protocol::artifact::{Artifact, SealedFile};
use protocol::digest::HashingWriter;
use protocol::ids::TaskId;
use protocol::policy::Constraints;

use super::{SealError, media, place};
use crate::capture::{Patterns, escape};
use crate::workspace::{relative, remove_tree};

/// What is to be sealed.
pub(crate) struct Given<'a> {
    /// By name, paths as of a workspace.
    pub(crate) declared: &'a BTreeMap<String, String>,
    /// By name, what each holds.
    pub(crate) files: &'a BTreeMap<String, Vec<u8>>,
    pub(crate) run_dir: &'a Path,
    pub(crate) task: &'a TaskId,
    pub(crate) attempt: u32,
    pub(crate) limits: &'a Constraints,
    /// Not to be in any file.
    pub(crate) secrets: &'a Patterns,
}

/// Writes what is given into the run directory, and returns once it is synced. Replaces what an unfinished
/// earlier attempt may have left.
///
/// # Errors
/// Nothing is left in `artifacts/` then.
pub(crate) fn seal_given(given: &Given<'_>) -> Result<Vec<Artifact>, SealError> {
    if given.declared.is_empty() {
        return Ok(Vec::new());
    }
    let parent = given.run_dir.join(protocol::run_dir::ARTIFACTS);
    let gathered = parent.join(format!(".{}.{}.part", given.task.wire(), given.attempt));
    let home = protocol::run_dir::artifact_dir(given.task);
    fs_err::create_dir_all(&parent).map_err(SealError::Store)?;
    remove_tree(&gathered).map_err(SealError::Store)?;
    let sealed = given.write_all(&gathered, &home).and_then(|artifacts| {
        let place = given.run_dir.join(&home);
        place::put(&gathered, &place, &parent).map_err(SealError::Store)?;
        Ok(artifacts)
    });
    if sealed.is_err()
        && let Err(error) = remove_tree(&gathered)
    {
        tracing::warn!(%error, "gathered artifacts not removed");
    }
    sealed
}

impl Given<'_> {
    fn write_all(&self, gathered: &Path, home: &str) -> Result<Vec<Artifact>, SealError> {
        let files = u64::try_from(self.declared.len()).unwrap_or(u64::MAX);
        if files > self.limits.artifact_files {
            return Err(SealError::Files(self.limits.artifact_files));
        }
        let bytes: u64 = self.files.values().map(|bytes| bytes.len() as u64).sum();
        if bytes > self.limits.artifact_bytes {
            return Err(SealError::Bytes(self.limits.artifact_bytes));
        }
        let all = self.declared.iter();
        all.map(|(name, path)| self.one(gathered, home, name, path))
            .collect()
    }

    fn one(
        &self,
        gathered: &Path,
        home: &str,
        name: &str,
        path: &str,
    ) -> Result<Artifact, SealError> {
        let missing = |why: &str| SealError::Missing {
            name: name.to_owned(),
            path: escape(path.as_bytes()),
            why: why.to_owned(),
        };
        let at = relative(path).filter(|at| !path.ends_with('/') && !at.as_os_str().is_empty());
        let at = at.ok_or_else(|| missing("is not a file's path"))?;
        let bytes = self.files.get(name);
        let bytes = bytes.ok_or_else(|| missing("was not produced"))?;
        if self.secrets.found_in(bytes) {
            return Err(SealError::Secret(name.to_owned()));
        }
        let to = gathered.join(&at);
        if fs_err::symlink_metadata(&to).is_ok() {
            return Err(missing("is the path of another artifact"));
        }
        let sha256 = write(&to, bytes).map_err(SealError::Store)?;
        Ok(Artifact {
            name: name.to_owned(),
            media_type: media::by_name(&at).to_owned(),
            directory: false,
            left_out: 0,
            files: vec![SealedFile {
                path: format!("{home}/{}", at.display()),
                bytes: bytes.len() as u64,
                sha256,
            }],
        })
    }
}

fn write(to: &Path, bytes: &[u8]) -> io::Result<protocol::digest::Digest> {
    if let Some(parent) = to.parent() {
        fs_err::create_dir_all(parent)?;
    }
    let mut writer = HashingWriter::new(fs_err::File::create(to)?);
    writer.write_all(bytes)?;
    let (file, sha256, _) = writer.finish();
    file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.sync_all()?;
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use protocol::digest::Digest;

    use super::*;

    fn map<V>(entries: impl IntoIterator<Item = (&'static str, V)>) -> BTreeMap<String, V> {
        let entries = entries.into_iter();
        entries
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn seal(
        run_dir: &Path,
        declared: &[(&'static str, &str)],
        files: &[(&'static str, &str)],
        secrets: &Patterns,
    ) -> Result<Vec<Artifact>, SealError> {
        let declared = declared
            .iter()
            .map(|(name, path)| (*name, (*path).to_owned()));
        let files = files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes().to_vec()));
        seal_given(&Given {
            declared: &map(declared),
            files: &map(files),
            run_dir,
            task: &"a[2]".parse().unwrap(),
            attempt: 1,
            limits: &Constraints::unconfined(),
            secrets,
        })
    }

    #[test]
    fn given_bytes_lie_where_sealed_files_lie() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(dir.path().join("artifacts/a-2/old")).unwrap();
        let none = Patterns::default();
        let declared = [("notes", "out/notes.md"), ("data", "data.json")];
        let files = [("notes", "new\n"), ("data", "{}\n")];
        let sealed = seal(dir.path(), &declared, &files, &none).unwrap();
        assert_eq!(sealed.len(), 2);
        let notes = &sealed[1];
        assert_eq!(
            (&*notes.name, &*notes.media_type),
            ("notes", "text/markdown")
        );
        assert_eq!(
            notes.files[0],
            SealedFile {
                path: "artifacts/a-2/out/notes.md".into(),
                bytes: 4,
                sha256: Digest::of(b"new\n"),
            }
        );
        let read = fs_err::read_to_string(dir.path().join("artifacts/a-2/out/notes.md")).unwrap();
        assert_eq!(read, "new\n");
        assert!(!dir.path().join("artifacts/a-2/old").exists());
    }

    #[test]
    fn what_cannot_be_sealed_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let none = Patterns::default();
        let secret = Patterns::new(["p4ss-w0rd-123"]);
        for (declared, files, secrets, said) in [
            (
                &[("a", "../a")][..],
                &[("a", "x")][..],
                &none,
                "not a file's path",
            ),
            (&[("a", "out/")], &[("a", "x")], &none, "not a file's path"),
            (&[("a", "a")], &[], &none, "was not produced"),
            (
                &[("a", "x"), ("b", "./x")],
                &[("a", "1"), ("b", "2")],
                &none,
                "another artifact",
            ),
            (
                &[("a", "a")],
                &[("a", "p4ss-w0rd-123")],
                &secret,
                "holds a secret",
            ),
        ] {
            let error = seal(dir.path(), declared, files, secrets).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            let left = fs_err::read_dir(dir.path().join("artifacts")).unwrap();
            assert_eq!(left.count(), 0, "{said}");
        }
    }
}
