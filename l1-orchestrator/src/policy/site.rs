//! Where what a policy names is on this host: the tree, the home, what a `*` stands for here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::plan::Plan;
use protocol::policy::{Policy, Site};

/// What one pattern stands for, at most: versions of a toolchain.
const MAX_FOUND: usize = 64;
/// Entries of one directory that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// The site of a run of a plan beneath `root`, whose runs are kept in `runs`. What its inputs name may be
/// links to what nobody would name.
#[must_use]
pub fn site(policy: &Policy, plan: &Plan, root: Option<&Path>, runs: Option<&Path>) -> Site {
    let inputs = plan.inputs().values();
    let named = inputs.filter_map(|value| value.as_str().filter(|text| text.starts_with('/')));
    let named = named.filter_map(|path| Some((path.to_owned(), real(path)?)));
    Site {
        real: named.collect(),
        ..bare(policy, root, runs)
    }
}

fn bare(policy: &Policy, root: Option<&Path>, runs: Option<&Path>) -> Site {
    let text = |path: &Path| path.to_str().map(str::to_owned);
    let home = std::env::var("HOME").ok();
    let home = home.filter(|home| home.starts_with('/'));
    let mut site = Site {
        real_root: root.and_then(text).as_deref().and_then(real),
        real_home: home.as_deref().and_then(real),
        real: BTreeMap::new(),
        root: root.and_then(text),
        home,
        runs: runs.and_then(text),
        found: BTreeMap::new(),
    };
    for path in policy.looks_for(&site) {
        let found = expand(&path);
        site.found.insert(path, found);
    }
    site
}

/// A path once links are followed, where it is there and is spelled otherwise then.
fn real(path: &str) -> Option<String> {
    let real = fs_err::canonicalize(path).ok()?;
    let real = real.into_os_string().into_string().ok()?;
    (real != path).then_some(real)
}

/// Existing paths that a path stands for, sorted; `*` is any one name.
fn expand(pattern: &str) -> Vec<String> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match part {
            "*" => found.iter().flat_map(|dir| children(dir)).collect(),
            name => found.into_iter().map(|dir| dir.join(name)).collect(),
        };
        found.truncate(MAX_FOUND);
    }
    let there = found.into_iter().filter(|path| path.exists());
    let mut found: Vec<String> = there
        .filter_map(|path| path.into_os_string().into_string().ok())
        .collect();
    found.sort_unstable();
    found
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let listing = fs_err::read_dir(dir).into_iter().flatten();
    let mut children: Vec<PathBuf> = listing
        .take(MAX_ENTRIES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    children.sort_unstable();
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_another_spelling() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs_err::canonicalize(dir.path()).unwrap();
        fs_err::create_dir(top.join("there")).unwrap();
        std::os::unix::fs::symlink("there", top.join("link")).unwrap();
        let of = |name: &str| real(top.join(name).to_str().unwrap());
        assert_eq!(of("link"), top.join("there").to_str().map(str::to_owned));
        assert_eq!((of("there"), of("none")), (None, None));
        let link = top.join("link");
        let site = bare(&crate::policy::load("default").unwrap(), Some(&link), None);
        assert_eq!(site.real_root, of("link"));
    }

    #[test]
    fn a_star_stands_for_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["v1/bin", "v2/bin", "v3/lib"] {
            fs_err::create_dir_all(dir.path().join(name)).unwrap();
        }
        let top = dir.path().to_str().unwrap();
        let found = expand(&format!("{top}/*/bin"));
        assert_eq!(found, [format!("{top}/v1/bin"), format!("{top}/v2/bin")]);
        assert_eq!(expand(&format!("{top}/none/*")), Vec::<String>::new());
    }
}
