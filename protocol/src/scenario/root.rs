//! A scenario's root: what relative defaults start from, and what `uses` stays beneath.

use std::path::{Component, Path, PathBuf};

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
    root_of(&without_upward(file), Path::exists)
}

/// The same absolute path where it is written with `..`: its folder's true place, so that the folders
/// above it are those that it lies in.
#[must_use]
pub fn without_upward(file: &Path) -> PathBuf {
    let is_upward = |part: Component<'_>| part == Component::ParentDir;
    if !file.components().any(is_upward) {
        return file.to_owned();
    }
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
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

    #[test]
    fn upward_parts_do_not_count_as_folders() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"))
            .canonicalize()
            .unwrap();
        let file = here.join("src/expr/../plan/x.yaml");
        assert_eq!(without_upward(&file), here.join("src/plan/x.yaml"));
        let missing = here.join("gone/../x.yaml");
        assert_eq!(without_upward(&missing), missing);
        let plain = here.join("x.yaml");
        assert_eq!(without_upward(&plain), plain);
    }
}
