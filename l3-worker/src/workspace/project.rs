//! The scenario's own tree as a workspace: shared, never removed, never overwritten by us.
//!
//! Files that a task declares are put beside the project's own for the time of its attempt and taken
//! away again. What is there already stays: an equal file counts as staged, a different one is refused.

use std::io;
use std::path::{Path, PathBuf};

use protocol::message::StagedFile;

use super::stage::{StageError, stage};

/// Declared files and the directories made for them, taken away when the attempt is over.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    /// In the order in which they were made.
    made: Vec<PathBuf>,
}

impl Guests {
    /// Stages `files` into the tree at `root`. `apart` is an empty directory for the verified copies.
    ///
    /// # Errors
    /// The first file that cannot be put in place; what was placed before it is taken away again.
    pub(crate) fn invite(
        files: &[StagedFile],
        run_dir: &Path,
        apart: &Path,
        root: &Path,
    ) -> Result<Self, StageError> {
        let mut guests = Self::default();
        if files.is_empty() {
            return Ok(guests);
        }
        stage(files, run_dir, apart)?;
        guests.place(apart, root, Path::new(""))?;
        Ok(guests)
    }

    fn place(&mut self, from: &Path, root: &Path, inner: &Path) -> Result<(), StageError> {
        let refuse = |inner: &Path, source: io::Error| StageError::Write {
            to: inner.display().to_string(),
            source,
        };
        let mut entries = fs_err::read_dir(from.join(inner))
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|error| refuse(inner, error))?;
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let inner = inner.join(entry.file_name());
            let to = root.join(&inner);
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let found = fs_err::symlink_metadata(&to);
            match (is_dir, found) {
                (true, Ok(found)) if found.is_dir() => {}
                (true, Err(_)) => {
                    fs_err::create_dir(&to).map_err(|error| refuse(&inner, error))?;
                    self.made.push(to);
                }
                (false, Err(_)) => {
                    // The name appears with its content, and never in the place of another.
                    let copied = copy_new(&entry.path(), &to);
                    copied.map_err(|error| refuse(&inner, error))?;
                    self.made.push(to);
                }
                (false, Ok(found)) if found.is_file() && same(&entry.path(), &to) => continue,
                _ => {
                    return Err(StageError::Occupied(inner.display().to_string()));
                }
            }
            if is_dir {
                self.place(from, root, &inner)?;
            }
        }
        Ok(())
    }
}

impl Drop for Guests {
    /// A directory into which the task wrote stays, and so does a file that it replaced by a directory.
    fn drop(&mut self) {
        for path in self.made.drain(..).rev() {
            let removed = match fs_err::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => fs_err::remove_dir(&path),
                Ok(_) => fs_err::remove_file(&path),
                Err(_) => Ok(()),
            };
            if let Err(error) = removed {
                tracing::debug!(%error, "something staged stays in the project");
            }
        }
    }
}

fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs_err::File::open(from)?;
    let mut target = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to)?;
    let copied = io::copy(&mut source, &mut target)
        .and_then(|_| target.set_permissions(source.metadata()?.permissions()));
    if copied.is_err() {
        // Best effort: the first error is the one to tell.
        let _removed = fs_err::remove_file(to);
    }
    copied
}

/// Whether two files hold the same bytes; unreadable is not the same.
fn same(a: &Path, b: &Path) -> bool {
    let digest = |path: &Path| {
        let mut hasher = protocol::digest::HashingWriter::new(io::sink());
        io::copy(&mut fs_err::File::open(path)?, &mut hasher)?;
        io::Result::Ok(hasher.finish().1)
    };
    match (digest(a), digest(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use protocol::message::FileSource;

    use super::*;

    struct Setup {
        dir: tempfile::TempDir,
    }

    impl Setup {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for name in ["run", "apart", "project/src", "input/deep"] {
                fs_err::create_dir_all(dir.path().join(name)).unwrap();
            }
            fs_err::write(dir.path().join("input/a"), "a").unwrap();
            fs_err::write(dir.path().join("input/deep/b"), "b").unwrap();
            fs_err::write(dir.path().join("project/src/own"), "own").unwrap();
            Self { dir }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn invite(&self, to: &str) -> Result<Guests, StageError> {
            let source = FileSource::Local {
                path: self.at("input").display().to_string(),
            };
            let files = [StagedFile {
                to: to.into(),
                source,
            }];
            let apart = self.at("apart");
            let invited = Guests::invite(&files, &self.at("run"), &apart, &self.at("project"));
            fs_err::remove_dir_all(&apart).unwrap();
            fs_err::create_dir(&apart).unwrap();
            invited
        }
    }

    #[test]
    fn guests_come_and_go_and_the_project_stays() {
        let setup = Setup::new();
        let guests = setup.invite("src/in").unwrap();
        let read = |path: &str| fs_err::read_to_string(setup.at(path)).unwrap();
        assert_eq!(read("project/src/in/deep/b"), "b");
        fs_err::write(setup.at("project/src/in/deep/new"), "made by the task").unwrap();
        drop(guests);
        assert!(!setup.at("project/src/in/a").exists());
        assert!(!setup.at("project/src/in/deep/b").exists());
        assert_eq!(read("project/src/in/deep/new"), "made by the task");
        assert_eq!(read("project/src/own"), "own");
    }

    #[test]
    fn nothing_of_the_project_is_overwritten() {
        let setup = Setup::new();
        fs_err::write(setup.at("project/a"), "theirs").unwrap();
        let refused = setup.invite(".").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`a` is in the project already, and different"
        );
        assert_eq!(
            fs_err::read_to_string(setup.at("project/a")).unwrap(),
            "theirs"
        );
        assert!(!setup.at("project/deep").exists());
        fs_err::write(setup.at("project/a"), "a").unwrap();
        drop(setup.invite(".").unwrap());
        assert!(setup.at("project/a").exists(), "it was there before");
        assert!(!setup.at("project/deep").exists());
    }

    #[test]
    fn links_are_not_followed_out_of_the_project() {
        let setup = Setup::new();
        fs_err::create_dir(setup.at("elsewhere")).unwrap();
        fs_err::os::unix::fs::symlink(setup.at("elsewhere"), setup.at("project/in")).unwrap();
        assert!(matches!(setup.invite("in"), Err(StageError::Occupied(_))));
        assert_eq!(fs_err::read_dir(setup.at("elsewhere")).unwrap().count(), 0);
    }
}
