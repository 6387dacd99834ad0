//! Which projects the user trusts, and with what: `trust.json` in the user's state.
//!
//! Trust binds a folder, by its canonical path, to exactly the values that its `orchestra.yaml` had
//! when it was accepted. A pull that changes one of them is not covered; one that changes looks is
//! none of our business. Inodes and owners would add nothing: whoever replaces the folder with other
//! values is asked again, and with the same values nothing differs.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::paths;
use super::table::Key;
use crate::cli::error::CliError;

/// Longest file that is read, bytes: hundreds of projects.
const MAX_BYTES: u64 = 1024 * 1024;
/// What the file says it is.
const SCHEMA: &str = "orchestra.trust/v1";

/// All trusted projects.
#[derive(Debug, Default)]
pub struct Trust {
    projects: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    /// Accepted values by setting, by canonical folder.
    projects: BTreeMap<String, BTreeMap<String, String>>,
}

impl Trust {
    /// What is stored; nothing when nothing ever was.
    ///
    /// # Errors
    /// The file cannot be read, or is none of ours.
    pub fn load() -> Result<Self, CliError> {
        let Some(path) = paths::trust() else {
            return Ok(Self::default());
        };
        let unusable = || {
            let message = format!("{} cannot be used", path.display());
            CliError::not_ready("trust-unusable", message)
                .hint("remove it and trust your projects again")
        };
        let text = match fs_err::metadata(&path) {
            Ok(meta) if meta.len() > MAX_BYTES => {
                return Err(unusable().because(io::Error::other("it is too long")));
            }
            Ok(_) => fs_err::read_to_string(&path).map_err(|error| unusable().because(error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unusable().because(error)),
        };
        let stored: Stored =
            serde_json::from_str(&text).map_err(|error| unusable().because(error))?;
        if stored.schema != SCHEMA {
            let message = format!("it is `{}`, not `{SCHEMA}`", stored.schema);
            return Err(unusable().because(io::Error::other(message)));
        }
        Ok(Self {
            projects: stored.projects,
        })
    }

    /// Whether the user accepted this value for the project in `dir`.
    #[must_use]
    pub fn accepts(&self, dir: &Path, key: &Key, value: &str) -> bool {
        let accepted = folder_name(dir).and_then(|name| self.projects.get(&name));
        accepted
            .and_then(|values| values.get(key.name))
            .map(String::as_str)
            == Some(value)
    }

    /// All folders with what was accepted for them.
    #[must_use]
    pub const fn projects(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.projects
    }

    /// Accepts exactly these values for a folder, and no earlier ones.
    pub fn accept(&mut self, dir: String, values: BTreeMap<String, String>) {
        self.projects.insert(dir, values);
    }

    /// Forgets a folder, which need not be there any more; whether it was known.
    pub fn forget(&mut self, dir: &Path) -> Option<String> {
        let absolute = std::path::absolute(dir).ok();
        let written = absolute.and_then(|dir| dir.to_str().map(str::to_owned));
        let names = [folder_name(dir), written];
        let known: Vec<_> = names.into_iter().flatten().collect();
        known
            .into_iter()
            .find(|name| self.projects.remove(name).is_some())
    }

    /// Replaces the file in one step.
    ///
    /// # Errors
    /// There is no place for state, or it cannot be written.
    pub fn store(&self) -> Result<PathBuf, CliError> {
        let path = paths::trust().ok_or_else(paths::no_home)?;
        let stored = Stored {
            schema: SCHEMA.to_owned(),
            projects: self.projects.clone(),
        };
        write(&path, &stored).map_err(|error| {
            let message = format!("{} cannot be written", path.display());
            CliError::not_ready("trust-unwritable", message).because(error)
        })?;
        Ok(path)
    }
}

fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = path.parent().unwrap_or(path);
    fs_err::create_dir_all(folder)?;
    let text = serde_json::to_string_pretty(stored)?;
    // Of this process alone, so that two at once do not write into each other's.
    let fresh = folder.join(format!(".trust.{}", std::process::id()));
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.options_mut().mode(0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs_err::rename(&fresh, path)
}

/// How a folder is named in the file.
pub fn folder_name(dir: &Path) -> Option<String> {
    fs_err::canonicalize(dir).ok()?.to_str().map(str::to_owned)
}
