//! Repositories of uncommon shape: without commits, cut, partial, bare, linked, in other formats.

use super::repository::{audit, holds, refused, repository, sh};
use crate::support::Place;

/// Three commits of one file.
const THREE: &str = "for n in 1 2 3; do echo \"$n\" > f; git add f; git commit -qm \"c$n\"; done\n";

#[test]
fn without_any_commit() {
    let place = Place::new();
    let root = repository(&place, "echo x > uncommitted");
    holds(&audit(&place, &root), &["No commits yet.\n"]);
}

#[test]
fn with_commits_on_other_branches_only() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!("{THREE}git branch -m main other\ngit symbolic-ref HEAD refs/heads/main"),
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &["No commits on branch `main`, which is its head; other branches: 1.\n"],
    );
}

#[test]
fn shallow() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!("{THREE}git clone -q --depth 1 \"file://$PWD\" ../shallow"),
    );
    let page = audit(&place, &root.with_file_name("shallow"));
    holds(
        &page,
        &["- Shallow clone", "- Commits reachable from it: 1\n"],
    );
}

#[test]
fn bare() {
    let place = Place::new();
    let root = repository(&place, &format!("{THREE}git clone -q --bare . ../bare.git"));
    let page = audit(&place, &root.with_file_name("bare.git"));
    holds(
        &page,
        &[
            "# Audit of `bare.git`\n",
            "- Commits reachable from it: 3\n",
        ],
    );
}

#[test]
fn a_second_work_tree() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!("{THREE}git worktree add -q ../second -b second HEAD~1"),
    );
    let page = audit(&place, &root.with_file_name("second"));
    holds(
        &page,
        &["` on branch `second`\n", "- Commits reachable from it: 2\n"],
    );
}

#[test]
fn with_names_of_64_digits() {
    let place = Place::new();
    let root = place.work().join("repo");
    fs_err::create_dir(&root).unwrap();
    sh(
        &place,
        &root,
        &format!("git init -q -b main --object-format=sha256 .\n{THREE}"),
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &["- Commits reachable from it: 3\n", "3 blobs in history"],
    );
}

/// What is not here is counted as not here, and nobody is asked for it.
#[test]
fn partial() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!(
            "{THREE}git config uploadpack.allowFilter true\n\
             git clone -q --filter=blob:none --no-checkout \"file://$PWD\" ../blobless\n\
             git clone -q --filter=tree:0 --no-checkout \"file://$PWD\" ../treeless"
        ),
    );
    let page = audit(&place, &root.with_file_name("blobless"));
    holds(
        &page,
        &[
            "- Files: 1\n",
            "- Partial clone: 1 objects of the head are not here, and nothing was fetched.\n",
            "## Languages and lines\n\nNot counted: the contents are not here.\n",
            "Not counted: 3 objects of the history that are not here.\n",
        ],
    );
    let page = audit(&place, &root.with_file_name("treeless"));
    holds(
        &page,
        &["- Commits reachable from it: 3\n", "- Partial clone: "],
    );
    assert!(!page.contains("- Files"), "{page}");
}

const HOLDER: &str = "git init -q -b main ../part; (cd ../part; echo x > f; git add f; git commit -qm c)\n\
     git -c protocol.file.allow=always submodule --quiet add \"file://$PWD/../part\" sub\n\
     echo y > own; git add -A; git commit -qm holder\n";

#[test]
fn with_submodules() {
    let place = Place::new();
    let root = repository(&place, HOLDER);
    let line = "- Submodules: 1, not audited here\n";
    holds(&audit(&place, &root), &["- Files: 2\n", line]);
    holds(
        &audit(&place, &root.join("sub")),
        &["# Audit of `sub`\n", "- Files: 1\n"],
    );

    let script = "git clone -q repo clone; git -C clone config submodule.recurse true";
    sh(&place, &place.work(), script);
    let clone = place.work().join("clone");
    holds(&audit(&place, &clone), &["- Files: 2\n", line]);
    let said = refused(&place, &clone.join("sub"));
    assert!(
        said.contains("/clone/sub is a submodule that is not checked out"),
        "{said}"
    );
    assert!(said.contains("git submodule update --init"), "{said}");
}

#[test]
fn with_submodules_that_nothing_describes() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!("{HOLDER}git rm -q --cached .gitmodules; git commit -qm lost; rm .gitmodules"),
    );
    let line = "- Submodules: 1, and no `.gitmodules` says where from; not audited here\n";
    holds(&audit(&place, &root), &["- Files: 1\n", line]);

    let broken = place.work().join("repo/sub");
    fs_err::remove_dir_all(root.join(".git/modules")).unwrap();
    let said = refused(&place, &broken);
    assert!(
        said.contains("not a git repository that can be read"),
        "{said}"
    );
    assert!(said.contains(".git/modules/sub"), "{said}");
}

#[test]
fn of_a_format_to_come() {
    let place = Place::new();
    let root = repository(
        &place,
        &format!("{THREE}git config core.repositoryFormatVersion 99"),
    );
    let said = refused(&place, &root);
    assert!(said.contains("git repo version"), "{said}");
}
