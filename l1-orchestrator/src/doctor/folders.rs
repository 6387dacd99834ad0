//! Folders that runs write into, judged by their permissions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

use super::finding::Finding;
use super::places::{Places, nearest_existing};
use crate::runs::quoted;

const GROUP: &str = "folders";

pub(super) fn examine(places: &Places) -> Vec<Finding> {
    let mut found = vec![writable(
        "runs",
        &places.runs,
        "choose another with `--runs-dir DIR`",
    )];
    match &places.state {
        Some(state) => found.push(writable(
            "state",
            state,
            "set XDG_STATE_HOME to a folder that is yours",
        )),
        None => found.push(
            Finding::ok(GROUP, "state", "there is no place for your signing key")
                .fail("set HOME or XDG_STATE_HOME to an absolute path"),
        ),
    }
    found.extend(places.key.as_deref().map(key));
    found
}

/// Whether files can be made in a folder, or the folder itself where it will be.
fn writable(name: &'static str, folder: &Path, otherwise: &str) -> Finding {
    let there = nearest_existing(folder);
    let shown = folder.display();
    if !there.is_dir() {
        let said = format!("{} is no folder", there.display());
        return Finding::ok(GROUP, name, said).fail(otherwise);
    }
    if let Err(error) = access(&there, Access::WRITE_OK | Access::EXEC_OK) {
        let said = format!("{} cannot be written: {error}", there.display());
        let word = quoted(&there);
        return Finding::ok(GROUP, name, said).fail(format!(
            "make it yours, as with `chmod u+rwx {word}`, or {otherwise}"
        ));
    }
    let is_there = folder.is_dir();
    let made = if is_there {
        ""
    } else {
        " (made at first need)"
    };
    Finding::ok(GROUP, name, format!("{shown} is writable{made}"))
}

/// A key that others can read or replace is refused by every run.
fn key(path: &Path) -> Finding {
    let finding = |said: String| Finding::ok(GROUP, "signing key", said);
    let shown = path.display();
    let mode = |path: &Path| {
        let meta = fs_err::metadata(path).ok()?;
        Some(meta.permissions().mode() & 0o7777)
    };
    let Some(bits) = mode(path) else {
        return finding("none yet; the first run makes it".to_owned());
    };
    let folder = path.parent().unwrap_or(path);
    let word = quoted(path);
    if bits & 0o077 != 0 {
        return finding(format!("{shown} has mode {bits:04o}: others can read it"))
            .fail(format!("`chmod 600 {word}`"));
    }
    match mode(folder) {
        Some(bits) if bits & 0o022 != 0 => {
            let said = format!(
                "{} has mode {bits:04o}: others could replace the key",
                folder.display()
            );
            finding(said).fail(format!("`chmod 700 {}`", quoted(folder)))
        }
        _ => finding(format!("{shown} is yours alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_folder_is_judged_where_it_will_be() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("a/b/runs");
        let found = writable("runs", &runs, "x");
        assert_eq!(found.level, Level::Ok);
        assert!(
            found.said.ends_with("(made at first need)"),
            "{}",
            found.said
        );
        assert!(!runs.exists());
        fs_err::write(dir.path().join("a"), "a file").unwrap();
        assert_eq!(writable("runs", &runs, "x").level, Level::Fail);
    }

    #[test]
    fn an_exposed_key_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("user.key");
        assert_eq!(key(&path).level, Level::Ok);
        fs_err::write(&path, "k").unwrap();
        let set = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            fs_err::set_permissions(&path, permissions).unwrap();
        };
        set(0o644);
        let found = key(&path);
        assert_eq!(found.level, Level::Fail);
        assert!(found.fix.unwrap().starts_with("`chmod 600 "));
        set(0o600);
        assert_eq!(key(&path).level, Level::Ok);
    }
}
