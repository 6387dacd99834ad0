//! The source tree as text, and cargo's view of it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file, by its path from the root.
pub(super) struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The part that ships: everything before an inline test module.
    pub fn shipped(&self) -> &str {
        let cut = self
            .text
            .find("\n#[cfg(test)]\nmod ")
            .unwrap_or(self.text.len());
        &self.text[..cut]
    }

    /// Whether no shipped program contains it.
    pub fn is_test(&self) -> bool {
        let beneath = ["/tests/", "/testing/", "/examples/", "/benches/"];
        let named = ["/tests.rs", "_tests.rs", "/testing.rs", "_testing.rs"];
        let path = format!("/{}", self.path);
        beneath.iter().any(|part| path.contains(part))
            || named.iter().any(|end| path.ends_with(end))
    }
}

/// The workspace's root.
pub(super) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("packages lie in the workspace")
        .to_owned()
}

/// Every file of ours whose name ends in one of `endings`, sorted.
pub(super) fn sources(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(folder).expect("our tree is readable") {
            let entry = entry.expect("our tree is readable");
            let (path, name) = (
                entry.path(),
                entry.file_name().to_string_lossy().into_owned(),
            );
            let kind = entry.file_type().expect("our tree is readable");
            if kind.is_dir() {
                // Built, recorded or git's own.
                if !["target", ".git", "runs"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs_err::read_to_string(&path).expect("our sources are UTF-8");
                let path = path.strip_prefix(root()).expect("found below the root");
                found.push(Source {
                    path: path.to_string_lossy().into_owned(),
                    text,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "the tree moved");
    found
}

/// `cargo metadata` with these arguments.
pub(super) fn metadata(arguments: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--quiet"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs, it started this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// A string field of a JSON object, empty when there is none.
pub(super) fn text<'a>(object: &'a serde_json::Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}
