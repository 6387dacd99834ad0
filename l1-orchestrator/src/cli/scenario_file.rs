//! Reads a scenario's file for the verbs that take one.

use std::io;
use std::path::{Path, PathBuf};

use protocol::nearest::nearest;
use protocol::scenario::{Parsed, Scenario, Surroundings, load};

use super::context::Context;
use super::error::CliError;
use super::nested_files::NestedFiles;
use super::patient;
use crate::report::diagnostics;

/// A little more than the parser takes, so that it is the parser that refuses what is too big.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// A regular file may be a saved plan, which has its scenario in it.
const MAX_PLAN_BYTES: u64 = 256 * 1024 * 1024;
/// Reading a file of this size may take longer than a person waits for a first word.
const WORTH_A_WORD: usize = 1024 * 1024;

/// A scenario that parsed.
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    pub(super) scenario: Scenario,
    pub(super) source: std::sync::Arc<protocol::source::SourceFile>,
    pub(super) diagnostics: Vec<protocol::diagnostic::Diagnostic>,
}

/// Parses what was read; warnings are shown, errors are the error.
pub(super) fn parsed(context: &Context, path: &Path, bytes: Vec<u8>) -> Result<Read, CliError> {
    let name = path.display().to_string();
    if bytes.len() >= WORTH_A_WORD {
        let size = crate::report::bytes(bytes.len() as u64);
        context.ui.note(&format!("Reading {name} ({size})"));
    }
    let files = NestedFiles::beside(path);
    let mut surroundings = Surroundings {
        root: files.root(),
        path: files.path(),
        read: &mut |path| files.read(path),
    };
    let Parsed {
        scenario,
        diagnostics,
        source,
    } = load(&name, &bytes, &mut surroundings);
    match scenario {
        Some(scenario) => {
            if !diagnostics.is_empty() {
                let painter = context.ui.err_painter();
                let text = diagnostics::render(&source, &diagnostics, painter);
                context.ui.note(text.trim_end());
            }
            Ok(Read {
                bytes,
                scenario,
                source,
                diagnostics,
            })
        }
        None => Err(CliError::problems(source, diagnostics)),
    }
}

/// Reads a file that may be a scenario.
pub(super) fn read_bytes(context: &Context, path: &Path) -> Result<Vec<u8>, CliError> {
    let name = path.display();
    let waits = || {
        context.ui.note(&format!(
            "Waiting for {name}: nothing was written into it yet"
        ));
    };
    let is_regular = fs_err::metadata(path).is_ok_and(|found| found.is_file());
    let most = if is_regular {
        MAX_PLAN_BYTES
    } else {
        MAX_BYTES
    };
    patient::read(path, most, waits).map_err(|error| {
        let hint = hint(path, &error);
        let message = format!("{name} cannot be read");
        CliError::invalid("scenario-unreadable", message)
            .because(error)
            .maybe_hint(hint)
    })
}

fn hint(path: &Path, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        io::ErrorKind::PermissionDenied => {
            Some("make it readable for you, as with `chmod u+r`".into())
        }
        io::ErrorKind::TimedOut => Some("name a file, or start what writes into this one".into()),
        io::ErrorKind::IsADirectory => Some("name a scenario in this folder".into()),
        _ => None,
    }
}

/// What is there instead: a file beside it whose name is nearly the same, or all that may be scenarios.
fn missing(path: &Path) -> Option<String> {
    // More entries than this are no folder of scenarios.
    const MAX_ENTRIES: usize = 1000;
    const MAX_NAMED: usize = 5;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let listing = fs_err::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut names: Vec<String> = listing
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    let beside = |name: &str| {
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        crate::ui::sanitize(&path.display().to_string()).into_owned()
    };
    if let Some(near) = neighbor(path, &names) {
        return Some(format!("did you mean `{}`?", beside(near)));
    }
    names.retain(|name| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
    });
    let more = names.len().saturating_sub(MAX_NAMED);
    let named = names.iter().take(MAX_NAMED);
    let mut named: Vec<String> = named.map(|name| format!("`{}`", beside(name))).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    Some(match named.as_slice() {
        [] => "`orchestra init` makes a scenario".to_owned(),
        [only] => format!("there is {only}"),
        several => format!("there are {}", several.join(", ")),
    })
}

/// The name that is nearly the same; the same ending is no likeness.
fn neighbor<'a>(path: &Path, names: &'a [String]) -> Option<&'a str> {
    let extension = path.extension();
    let stem = path.file_stem()?.to_str()?;
    let stems: Vec<(&str, &str)> = names
        .iter()
        .filter(|name| Path::new(name).extension() == extension)
        .filter_map(|name| Some((Path::new(name).file_stem()?.to_str()?, name.as_str())))
        .collect();
    let same_ending = nearest(stem, stems.iter().map(|(stem, _)| *stem));
    let found = same_ending.and_then(|near| stems.iter().find(|(stem, _)| *stem == near));
    found.map(|(_, name)| *name).or_else(|| {
        // `hello` or `hello.yml` for `hello.yaml`.
        let is_same =
            |name: &&String| Path::new(name).file_stem().and_then(|it| it.to_str()) == Some(stem);
        names.iter().find(is_same).map(String::as_str)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_looked_for_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello.yaml");
        fs_err::write(&path, "").unwrap();
        let about = |path: &Path, kind: io::ErrorKind| hint(path, &kind.into()).unwrap_or_default();
        let denied = about(&path, io::ErrorKind::PermissionDenied);
        assert!(denied.contains("chmod u+r"), "{denied}");
        let missing = about(&dir.path().join("helo.yaml"), io::ErrorKind::NotFound);
        assert!(missing.contains("hello.yaml"), "{missing}");
        fs_err::write(dir.path().join("one.yaml"), "").unwrap();
        let far = about(&dir.path().join("nope.yaml"), io::ErrorKind::NotFound);
        assert!(far.starts_with("there are `"), "{far}");
        let other = about(&dir.path().join("one.yml"), io::ErrorKind::NotFound);
        assert!(other.starts_with("did you mean `"), "{other}");
    }
}
