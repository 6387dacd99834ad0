//! The files of nested scenarios: read beneath the scenario's root, and nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use protocol::diagnostic::Diagnostic;
use protocol::nearest::nearest;
use protocol::scenario::{NestedBytes, find_root, without_upward};

use super::patient;
use crate::session::absolute;

/// A little more than the parser takes, so that it is the parser that refuses what is too big.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// More entries than this are no folder of scenarios.
const MAX_ENTRIES: usize = 1000;

/// Where nested scenarios of one scenario lie.
pub(super) struct NestedFiles {
    root: PathBuf,
    /// The scenario's own path from the root.
    path: String,
    working_dir: Option<PathBuf>,
}

impl NestedFiles {
    /// Beside the scenario at `path`, which may be a pipe.
    pub(super) fn beside(path: &Path) -> Self {
        let file = without_upward(&absolute(path));
        let root = find_root(&file);
        let own = file.strip_prefix(&root).ok();
        let own = own.and_then(Path::to_str).unwrap_or_default();
        Self {
            path: own.to_owned(),
            root,
            working_dir: std::env::current_dir().ok(),
        }
    }

    /// The scenario's root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The scenario's own path from the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Reads the file at a path from the root.
    pub(super) fn read(&self, path: &str) -> Result<NestedBytes, Box<Diagnostic>> {
        let file = self.root.join(path);
        let shown = self.shown(&file);
        let real = self
            .beneath(&file)
            .map_err(|error| unreadable(&shown, &file, &error))?;
        let Some(real) = real else {
            let message = format!("{shown} is a link out of the scenario's root");
            return Err(Diagnostic::error("invalid-path", message)
                .help("put the file itself beneath the root")
                .into());
        };
        let bytes = patient::read(&real, MAX_BYTES, || {});
        let bytes = bytes.map_err(|error| unreadable(&shown, &file, &error))?;
        Ok(NestedBytes { name: shown, bytes })
    }

    /// The file without links, if it is beneath the root then.
    fn beneath(&self, file: &Path) -> io::Result<Option<PathBuf>> {
        let root = fs_err::canonicalize(&self.root)?;
        let real = fs_err::canonicalize(file)?;
        let kind = fs_err::metadata(&real)?;
        if !kind.is_file() {
            let what = if kind.is_dir() {
                "it is a folder"
            } else {
                "it is no regular file"
            };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Ok(real.starts_with(root).then_some(real))
    }

    /// As a person would type it.
    fn shown(&self, file: &Path) -> String {
        let near = self.working_dir.as_deref();
        let near = near.and_then(|dir| file.strip_prefix(dir).ok());
        near.unwrap_or(file).display().to_string()
    }
}

fn unreadable(shown: &str, file: &Path, error: &io::Error) -> Box<Diagnostic> {
    if error.kind() != io::ErrorKind::NotFound {
        let message = format!("{shown} cannot be read: {}", reason(error));
        return Diagnostic::error("scenario-unreadable", message).into();
    }
    let near = neighbor(file).map(|near| format!("did you mean `{near}`?"));
    let message = format!("there is no file {shown}");
    Diagnostic::error("scenario-unreadable", message)
        .maybe_help(near)
        .into()
}

/// Without the path, which is said already.
fn reason(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.source());
    inner.map_or_else(|| error.to_string(), ToString::to_string)
}

/// The name of a file beside a missing one that is nearly the same.
fn neighbor(file: &Path) -> Option<String> {
    let listing = fs_err::read_dir(file.parent()?).ok()?;
    let names = listing.take(MAX_ENTRIES);
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    let wanted = file.file_name()?.to_str()?;
    nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}
