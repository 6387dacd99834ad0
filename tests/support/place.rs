//! A temporary home, state, configuration and working directory, gone when dropped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::command::Command;

/// Where one test lives.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "config", "state", "work"] {
            fs_err::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    /// One with a file in its working directory.
    pub fn with(name: &str, text: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        place.write(name, text);
        place
    }

    /// Writes a file beneath the working directory.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// A directory of the place: `home`, `config`, `state` or `work`.
    pub fn dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The binary with these arguments, in this place and with nothing of the caller's environment
    /// but `PATH`.
    pub fn orchestra<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        Command::new(self, args)
    }

    /// The only run directory in `runs`.
    pub fn run_dir(&self) -> PathBuf {
        let mut found = run_dirs(&self.work().join("runs"));
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// A file of the only run directory.
    pub fn run_file(&self, name: &str) -> String {
        fs_err::read_to_string(self.run_dir().join(name)).unwrap()
    }

    /// Names and times of everything in the place, to see that nothing was touched.
    pub fn listing(&self) -> Vec<PathBuf> {
        fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
            for entry in fs_err::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, into);
                }
                into.push(path);
            }
        }
        let mut all = Vec::new();
        walk(self.dir.path(), &mut all);
        all.sort();
        all
    }
}

fn run_dirs(runs: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(runs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.join("events.jsonl").is_file())
        .collect()
}
