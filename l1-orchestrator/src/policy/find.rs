//! Where packs are: files, the user's own by name, those that come with orchestra.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use protocol::nearest::nearest;
use protocol::policy::BUILTIN_PACKS;
use protocol::source::SourceFile;

use crate::cli::error::CliError;
use crate::runs::open_regular;
use crate::settings;

/// Longest pack that is read, bytes: a hundred times the longest of this build.
const MAX_BYTES: u64 = 1024 * 1024;
/// The user's packs that are looked at.
const MAX_PACKS: usize = 1_000;

/// Where a pack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackPlace {
    /// In this build, by its name.
    BuiltIn(&'static str),
    /// In a file.
    File(PathBuf),
}

/// Whether a word names a file and no pack by its name.
#[must_use]
pub fn is_pack_file(word: &str) -> bool {
    word.contains('/') || [".yaml", ".yml"].iter().any(|end| word.ends_with(end))
}

/// Finds a pack by its name, the user's own before those of this build, or by its file.
///
/// # Errors
/// There is no pack of this name.
pub fn find(word: &str) -> Result<PackPlace, CliError> {
    if is_pack_file(word) {
        return Ok(PackPlace::File(PathBuf::from(word)));
    }
    let own = own_pack(word).filter(|path| path.is_file());
    let built_in = || BUILTIN_PACKS.into_iter().find(|name| *name == word);
    if let Some(place) = own
        .map(PackPlace::File)
        .or_else(|| built_in().map(PackPlace::BuiltIn))
    {
        return Ok(place);
    }
    let names = names();
    let hint = match nearest(word, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`orchestra policy list` names the packs there are".to_owned(),
    };
    let shown = crate::ui::sanitize(word);
    Err(CliError::usage("unknown-pack", format!("there is no pack `{shown}`")).hint(hint))
}

/// Names of all packs, the user's first.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names = own_names();
    let others = BUILTIN_PACKS.iter().map(|name| (*name).to_owned());
    names.extend(others);
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The folder of the user's own packs.
#[must_use]
pub fn own_folder() -> Option<PathBuf> {
    Some(settings::user_settings()?.parent()?.join("policies"))
}

fn own_pack(name: &str) -> Option<PathBuf> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let fits = !name.is_empty() && name.chars().all(is_name);
    fits.then(own_folder)?
        .map(|dir| dir.join(format!("{name}.yaml")))
}

fn own_names() -> Vec<String> {
    let listing = own_folder().and_then(|dir| fs_err::read_dir(dir).ok());
    let files = listing.into_iter().flatten().take(MAX_PACKS).flatten();
    let mut names: Vec<String> = files
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
        .filter(|name| own_pack(name).is_some_and(|path| path.is_file()))
        .collect();
    names.sort_unstable();
    names
}

/// The text of a pack's file.
///
/// # Errors
/// It cannot be read, or is too long to be a pack.
pub fn read(path: &Path) -> Result<SourceFile, CliError> {
    let unreadable = |error: io::Error| {
        let message = format!("the pack {} cannot be read", path.display());
        CliError::invalid("pack-unreadable", message)
            .because(error)
            .hint("`orchestra policy list` names the packs there are")
    };
    let mut bytes = Vec::new();
    open_regular(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!(
            "it is longer than the {} KiB that are read",
            MAX_BYTES / 1024
        );
        return Err(unreadable(io::Error::other(message)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(io::Error::other("it holds bytes that are not UTF-8")))?;
    Ok(SourceFile::new(path.display().to_string(), text))
}
