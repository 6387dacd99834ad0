//! Where a call runs: an empty directory of its own, and beside it what it is given by file.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// A call's directory; gone when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    name: String,
}

impl Place {
    /// Makes it, readable by nobody else, and lays the system text beside the empty directory.
    pub(super) fn make(scratch: &Path, system: &str) -> io::Result<Self> {
        // Never one that is there already: its owner could look into it.
        let mut random = [0; 16];
        OsRng
            .try_fill_bytes(&mut random)
            .map_err(io::Error::other)?;
        let name = format!("orchestra-call-{:032x}", u128::from_ne_bytes(random));
        let root = scratch.join(&name);
        DirBuilder::new().mode(0o700).create(&root)?;
        let place = Self { root, name };
        fs_err::create_dir(place.cwd())?;
        fs_err::write(place.system(), system)?;
        Ok(place)
    }

    /// Its name, which no other call has.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The empty directory.
    pub(super) fn cwd(&self) -> PathBuf {
        self.root.join("empty")
    }

    /// The file with the system text. By file, since arguments are short and anybody's to read.
    pub(super) fn system(&self) -> PathBuf {
        self.root.join("system.txt")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_dir_all(&self.root) {
            tracing::warn!(%error, "a call's directory stays");
        }
    }
}
