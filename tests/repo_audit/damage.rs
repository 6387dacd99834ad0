//! Damaged repositories: the audit fails, and says what is broken and what tells more.

use std::path::Path;

use super::repository::{audit, holds, refused, repository, sh};
use crate::support::Place;

const TWO: &str = "echo old > f; git add f; git commit -qm one\n\
     echo new > f; git add f; git commit -qm two\n";

fn remove_object(place: &Place, root: &Path, name: &str) {
    let script = "o=$(git rev-parse \"$1\"); rm -f \".git/objects/$(echo $o | cut -c 1-2)/$(echo $o | cut -c 3-)\"";
    sh(place, root, &format!("set -- '{name}'\n{script}"));
}

#[test]
fn a_file_of_the_head_is_gone() {
    let place = Place::new();
    let root = repository(&place, TWO);
    remove_object(&place, &root, "HEAD:f");
    let said = refused(&place, &root);
    for line in [
        "the repository is damaged: 1 objects of its head are missing",
        "3e757656cf36eca53338e520d134963a44f793f8",
        "`git fsck` says more",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
}

#[test]
fn an_older_file_is_gone() {
    let place = Place::new();
    let root = repository(&place, TWO);
    remove_object(&place, &root, "HEAD^:f");
    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "1 blobs in history",
            "Not counted: 1 objects of the history that are not here.\n",
        ],
    );
}

#[test]
fn the_head_is_gone_or_nonsense() {
    let place = Place::new();
    let root = repository(&place, TWO);
    fs_err::write(root.join(".git/refs/heads/main"), "nonsense\n").unwrap();
    let said = refused(&place, &root);
    assert!(
        said.contains("the repository is damaged: its head cannot be read"),
        "{said}"
    );
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    fs_err::write(root.join(".git/refs/heads/main"), format!("{:040x}\n", 7)).unwrap();
    let said = refused(&place, &root);
    assert!(
        said.contains("the repository is damaged: its head cannot be read"),
        "{said}"
    );
}

#[test]
fn bytes_of_an_object_are_changed() {
    let place = Place::new();
    let root = repository(&place, TWO);
    let script = "o=$(git rev-parse HEAD:f); p=.git/objects/$(echo $o | cut -c 1-2)/$(echo $o | cut -c 3-)\n\
                  chmod u+w $p; echo garbage > $p";
    sh(&place, &root, script);
    let said = refused(&place, &root);
    assert!(
        said.contains("3e757656cf36eca53338e520d134963a44f793f8"),
        "{said}"
    );
}
