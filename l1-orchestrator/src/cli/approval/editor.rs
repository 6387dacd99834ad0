//! Lets a person edit a file with the editor of their choice.

use std::env;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// What edits where nothing is said.
const USUAL: &str = "vi";

/// Opens `$VISUAL`, else `$EDITOR`, else `vi` on a file, and waits for its end.
///
/// # Errors
/// No shell can be started for it.
pub(super) fn edit(file: &Path) -> io::Result<ExitStatus> {
    // A command line, as everywhere: `code --wait`.
    let line = format!("{} \"$@\"", named());
    Command::new("sh")
        .args(["-c", &line, "editor"])
        .arg(file)
        .status()
}

/// The editor's command line.
pub(super) fn named() -> String {
    let of = |name: &str| env::var(name).ok().filter(|text| !text.trim().is_empty());
    of("VISUAL")
        .or_else(|| of("EDITOR"))
        .unwrap_or_else(|| USUAL.to_owned())
}
