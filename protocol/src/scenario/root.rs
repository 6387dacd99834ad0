//! A scenario's root: what relative defaults and later `uses` start from.

use std::path::{Path, PathBuf};

/// The nearest ancestor of a scenario file that holds `orchestra.yaml` or `.git`, else the file's
/// own folder. `file` must be absolute; `exists` looks a path up.
#[must_use]
pub fn root_of(file: &Path, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let folder = file.parent().unwrap_or(file);
    let marked = |dir: &&Path| {
        let marker = dir.join("orchestra.yaml");
        // A scenario called orchestra.yaml does not mark itself.
        (marker != file && exists(&marker)) || exists(&dir.join(".git"))
    };
    folder.ancestors().find(marked).unwrap_or(folder).to_owned()
}

/// [`root_of`] on this machine's file system.
#[must_use]
pub fn find_root(file: &Path) -> PathBuf {
    root_of(file, Path::exists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_marker_wins() {
        let root = |file: &str, present: &[&str]| {
            root_of(Path::new(file), |path| {
                present.iter().any(|p| Path::new(p) == path)
            })
        };
        assert_eq!(root("/a/b/c.yaml", &[]), Path::new("/a/b"));
        assert_eq!(root("/a/b/c.yaml", &["/a/.git"]), Path::new("/a"));
        assert_eq!(
            root("/a/b/c.yaml", &["/a/.git", "/a/b/orchestra.yaml"]),
            Path::new("/a/b")
        );
        assert_eq!(
            root("/a/b/orchestra.yaml", &["/a/b/orchestra.yaml", "/.git"]),
            Path::new("/")
        );
        assert_eq!(root("/c.yaml", &["/.git"]), Path::new("/"));
    }
}
