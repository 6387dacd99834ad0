//! Where files are: nothing forgotten, nothing grown out of reading.

use std::path::Path;

use super::tree::{root, sources};

/// Lines of one file, inline tests not counted, beyond which it wants to be two.
const MAX_LINES: usize = 400;

/// The same for files of tests, which are read one story at a time.
const MAX_TEST_LINES: usize = 600;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

/// A file that no module list names is compiled by nobody: a test in it passes by not running.
#[test]
fn every_source_file_is_in_its_module_list() {
    let mut forgotten = Vec::new();
    for source in sources(&[".rs"]) {
        let path = Path::new(&source.path);
        let (Some(folder), Some(stem)) = (path.parent(), path.file_stem()) else {
            continue;
        };
        let stem = stem.to_string_lossy();
        // Cargo knows these by place or by its manifest.
        let is_root = ["lib", "main", "build"].contains(&&*stem);
        if is_root
            || ["examples", "benches", "fixture"]
                .iter()
                .any(|own| folder.ends_with(own))
        {
            continue;
        }
        // `a/b/mod.rs` is listed where `a/b.rs` is.
        let (name, listed_in) = match (&*stem, folder.parent(), folder.file_name()) {
            ("mod", Some(outer), Some(name)) => (name.to_string_lossy(), outer),
            _ => (stem, folder),
        };
        if !module_lists(listed_in).any(|text| lists(&text, &name)) {
            forgotten.push(source.path);
        }
    }
    assert!(forgotten.is_empty(), "in no module list: {forgotten:#?}");
}

/// The files that may list the modules of `folder`.
fn module_lists(folder: &Path) -> impl Iterator<Item = String> {
    let inside = ["lib.rs", "main.rs", "mod.rs"].map(|name| folder.join(name));
    let candidates = inside.into_iter().chain([folder.with_extension("rs")]);
    candidates.filter_map(|path| fs_err::read_to_string(root().join(path)).ok())
}

/// Whether a module list declares `name`, with whatever visibility.
fn lists(text: &str, name: &str) -> bool {
    let wanted = format!("mod {name};");
    text.lines().any(|line| {
        line.strip_suffix(wanted.as_str())
            .is_some_and(|visibility| {
                ["", "pub ", "pub(crate) ", "pub(super) "].contains(&visibility.trim_start())
            })
    })
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut long = Vec::new();
    for source in sources(&[".rs"]) {
        let lines = source.shipped().lines().count();
        let max = if source.is_test() {
            MAX_TEST_LINES
        } else {
            MAX_LINES
        };
        let excuse = LONGER.iter().find(|(path, _)| *path == source.path);
        match excuse {
            None if lines > max => long.push(format!("{}: {lines} lines", source.path)),
            Some(_) if lines <= max => panic!("{} needs no excuse any more", source.path),
            _ => {}
        }
    }
    assert!(long.is_empty(), "split these by concept: {long:#?}");
}

#[test]
fn every_excuse_has_its_file_and_reason() {
    for (path, reason) in LONGER {
        assert!(
            root().join(path).is_file() && !reason.is_empty(),
            "{path}: {reason:?}"
        );
    }
}

#[test]
fn every_module_says_what_it_is() {
    let is_silent = |text: &str| {
        !text
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("//! "))
    };
    let all = sources(&[".rs"]);
    let silent = all
        .iter()
        .filter(|source| is_silent(&source.text))
        .map(|source| &source.path);
    let silent: Vec<_> = silent.collect();
    assert!(silent.is_empty(), "these open without `//!`: {silent:#?}");
}
