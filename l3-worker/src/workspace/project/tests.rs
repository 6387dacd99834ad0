//! Files lent to a project come and go, and pass no link on the way.

use std::sync::Arc;

use protocol::message::FileSource;
use protocol::policy::Confine;

use super::*;

struct Setup {
    dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["run", "slot/apart", "project/src", "input/deep"] {
            fs_err::create_dir_all(dir.path().join(name)).unwrap();
        }
        fs_err::write(dir.path().join("input/a"), "a").unwrap();
        fs_err::write(dir.path().join("input/deep/b"), "b").unwrap();
        fs_err::write(dir.path().join("project/src/own"), "own").unwrap();
        Self { dir }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn invite(&self, to: &str) -> Result<Guests, StageError> {
        self.invite_with(to, &Constraints::unconfined())
    }

    fn invite_with(&self, to: &str, constraints: &Constraints) -> Result<Guests, StageError> {
        let path = fs_err::canonicalize(self.at("input")).unwrap();
        let source = FileSource::Local {
            path: path.display().to_string(),
        };
        let files = [StagedFile {
            to: to.into(),
            source,
        }];
        let apart = self.at("slot/apart");
        let (run, project) = (self.at("run"), self.at("project"));
        let invited = Guests::invite(&files, &run, &apart, &project, constraints);
        fs_err::remove_dir_all(&apart).unwrap();
        fs_err::create_dir(&apart).unwrap();
        invited
    }
}

#[test]
fn guests_come_and_go_and_the_project_stays() {
    let setup = Setup::new();
    let guests = setup.invite("src/in").unwrap();
    let read = |path: &str| fs_err::read_to_string(setup.at(path)).unwrap();
    assert_eq!(read("project/src/in/deep/b"), "b");
    fs_err::write(setup.at("project/src/in/deep/new"), "made by the task").unwrap();
    drop(guests);
    assert!(!setup.at("project/src/in/a").exists());
    assert!(!setup.at("project/src/in/deep/b").exists());
    assert_eq!(read("project/src/in/deep/new"), "made by the task");
    assert_eq!(read("project/src/own"), "own");
}

#[test]
fn nothing_of_the_project_is_overwritten() {
    let setup = Setup::new();
    fs_err::write(setup.at("project/a"), "theirs").unwrap();
    let refused = setup.invite(".").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`a` is in the project already, and different"
    );
    assert_eq!(
        fs_err::read_to_string(setup.at("project/a")).unwrap(),
        "theirs"
    );
    assert!(!setup.at("project/deep").exists());
    fs_err::write(setup.at("project/a"), "a").unwrap();
    drop(setup.invite(".").unwrap());
    assert!(setup.at("project/a").exists(), "it was there before");
    assert!(!setup.at("project/deep").exists());
}

#[test]
fn what_a_killed_worker_left_is_taken_away() {
    let setup = Setup::new();
    let source = FileSource::Local {
        path: setup.at("input").display().to_string(),
    };
    fs_err::create_dir_all(setup.at("slot0.1/workspace")).unwrap();
    fs_err::write(setup.at("project/src/a"), "a").unwrap();
    let files = [StagedFile {
        to: "src".into(),
        source,
    }];
    let workspace = setup.at("slot0.1/workspace");
    let guests = Guests::invite(
        &files,
        &setup.at("run"),
        &workspace,
        &setup.at("project"),
        &Constraints::unconfined(),
    );
    // As SIGKILL does.
    std::mem::forget(guests.unwrap());
    assert!(setup.at("project/src/deep/b").exists());
    take_away_leftovers(&setup.at("slot0.1"));
    assert!(!setup.at("project/src/deep").exists());
    assert!(setup.at("project/src/a").exists(), "it was there before");
    assert!(setup.at("project/src/own").exists());
    take_away_leftovers(&setup.at("slot0.1"));
    take_away_leftovers(&setup.at("no/such/slot"));
}

#[test]
fn links_are_not_followed_out_of_the_project() {
    let setup = Setup::new();
    fs_err::create_dir(setup.at("elsewhere")).unwrap();
    fs_err::os::unix::fs::symlink(setup.at("elsewhere"), setup.at("project/in")).unwrap();
    assert!(matches!(setup.invite("in"), Err(StageError::Occupied(_))));
    assert_eq!(fs_err::read_dir(setup.at("elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_directory_that_became_a_link_after_it_was_looked_at_is_not_written_through() {
    let setup = Setup::new();
    fs_err::create_dir_all(setup.at("slot/apart/in/deep")).unwrap();
    fs_err::write(setup.at("slot/apart/in/a"), "a").unwrap();
    fs_err::write(setup.at("slot/apart/in/deep/b"), "b").unwrap();
    fs_err::create_dir(setup.at("elsewhere")).unwrap();
    fs_err::os::unix::fs::symlink(setup.at("elsewhere"), setup.at("project/in")).unwrap();
    let mut ledger = Ledger::begin(&setup.at("slot.guests"), &setup.at("project")).unwrap();
    let (mut guests, root) = (Guests::default(), Root::open(&setup.at("project")).unwrap());
    // As when another task swaps `in` between the look at it and what is put into it.
    let placed = guests.place(&setup.at("slot/apart"), &root, Path::new("in"), &mut ledger);
    assert!(matches!(placed, Err(StageError::Occupied(_))), "{placed:?}");
    assert_eq!(fs_err::read_dir(setup.at("elsewhere")).unwrap().count(), 0);
}

#[test]
fn nothing_is_lent_to_what_is_protected() {
    let setup = Setup::new();
    fs_err::create_dir_all(setup.at("project/.git/hooks")).unwrap();
    fs_err::os::unix::fs::symlink("src", setup.at("project/alias")).unwrap();
    let protect = ["project/.git/hooks", "project/alias", "project/none"];
    let protect = protect.map(|path| setup.at(path).display().to_string());
    let mut constraints = Constraints {
        level: SandboxLevel::Strict,
        confine: Arc::new(Confine {
            protect: protect.to_vec(),
            ..Confine::CLOSED
        }),
        ..Constraints::unconfined()
    };
    for to in [".git/hooks", ".git/hooks/new", "src", "none"] {
        let refused = setup.invite_with(to, &constraints).unwrap_err().to_string();
        assert!(
            refused.ends_with("is protected, so nothing is staged there"),
            "{refused}"
        );
    }
    assert_eq!(
        fs_err::read_dir(setup.at("project/.git/hooks"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        fs_err::read_dir(setup.at("project/src")).unwrap().count(),
        1
    );
    assert!(!setup.at("project/none").exists());
    drop(setup.invite_with(".git/info", &constraints).unwrap());
    constraints.level = SandboxLevel::None;
    drop(setup.invite_with(".git/hooks", &constraints).unwrap());
}
