//! Makes repositories with git itself and audits them.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Outcome, Place};

/// A shell script in `dir`, with an identity for commits and none of the caller's configuration.
pub(super) fn sh(place: &Place, dir: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("set -eu\n{script}")])
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place.dir("home"))
        .env("OWNED", owned(place))
        .env("LC_ALL", "C")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Someone")))
        .envs(
            ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "someone@example.org")),
        )
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{script}\n{}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Where traps leave a file when something runs them; `$OWNED` in scripts.
pub(super) fn owned(place: &Place) -> PathBuf {
    place.dir("home").join("owned")
}

/// The repository `work/repo`, made by a script in it.
pub(super) fn repository(place: &Place, script: &str) -> PathBuf {
    let dir = place.work().join("repo");
    fs_err::create_dir(&dir).unwrap();
    sh(place, &dir, &format!("git init -q -b main .\n{script}"));
    dir
}

/// The page about a repository that can be audited. Nothing in it may change, and the run verifies.
#[track_caller]
pub(super) fn audit(place: &Place, root: &Path) -> String {
    let before = fingerprint(root);
    run(place, root, &[]).expect(0);
    assert_eq!(fingerprint(root), before, "the audit writes nothing");
    let page = place.run_file("artifacts/report/audit.md");
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    page
}

/// What is said about one that cannot.
#[track_caller]
pub(super) fn refused(place: &Place, root: &Path) -> String {
    run(place, root, &[]).expect(1).stderr
}

/// The scenario on this root.
pub(super) fn run(place: &Place, root: &Path, more: &[&str]) -> Outcome {
    let mut input = OsString::from("root=");
    input.push(root);
    let mut args: Vec<OsString> = vec!["run".into(), scenario().into(), "-i".into(), input];
    args.extend(more.iter().map(Into::into));
    let outcome = place.orchestra(args).run();
    if outcome.code < 2 {
        place.orchestra(["verify", "@last"]).run().expect(0);
    }
    outcome
}

pub(super) fn scenario() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/repo-audit.yaml")
}

/// Every line must be in the page.
#[track_caller]
pub(super) fn holds(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.contains(line), "no `{line}` in\n{page}");
    }
}

/// Names, sizes and times of everything beneath, links not followed.
fn fingerprint(root: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    fn walk(path: PathBuf, into: &mut Vec<(PathBuf, u64, i64, i64)>) {
        let of: Metadata = fs_err::symlink_metadata(&path).unwrap();
        if of.is_dir() {
            for entry in fs_err::read_dir(&path).unwrap() {
                walk(entry.unwrap().path(), into);
            }
        }
        into.push((path, of.size(), of.mtime(), of.mtime_nsec()));
    }
    let mut all = Vec::new();
    walk(root.to_owned(), &mut all);
    all.sort();
    all
}
