//! How what a policy opens is arranged, on paper and with real links.

use super::*;

fn arranged(wishes: &[(&str, Wish)]) -> Result<Vec<(String, Access)>, Refused> {
    let wishes = wishes
        .iter()
        .map(|(path, wish)| (PathBuf::from(path), *wish));
    let binds = arrange(wishes.collect())?.into_iter();
    Ok(binds
        .map(|bind| (bind.path.display().to_string(), bind.access))
        .collect())
}

#[test]
fn what_is_open_anyway_is_not_mounted_again() {
    let wishes = [
        ("/usr/share/x", Wish::Read),
        ("/opt", Wish::Read),
        ("/a/b/c", Wish::Read),
        ("/a/b", Wish::Write),
        ("/a/b/d", Wish::Write),
        ("/a/b-c", Wish::Read),
    ];
    let expected = [("/a/b", Access::Write), ("/a/b-c", Access::Read)];
    assert_eq!(
        arranged(&wishes).unwrap(),
        expected.map(|(path, access)| (path.to_owned(), access))
    );
}

#[test]
fn protection_counts_beneath_what_is_written_and_work_beneath_that_is_written_again() {
    let wishes = [
        ("/p", Wish::Write),
        ("/p/runs", Wish::Protect),
        ("/p/runs/1/work", Wish::Write),
        ("/elsewhere", Wish::Protect),
        ("/r", Wish::Read),
        ("/r/x", Wish::Protect),
        ("/p/a/b/c", Wish::Protect),
        ("/p/a/b/d", Wish::Protect),
    ];
    let expected = [
        ("/p", Access::Write),
        // Or they could be renamed.
        ("/p/a", Access::Write),
        ("/p/a/b", Access::Write),
        ("/p/a/b/c", Access::Read),
        ("/p/a/b/d", Access::Read),
        ("/p/runs", Access::Read),
        ("/p/runs/1/work", Access::Write),
        ("/r", Access::Read),
    ];
    assert_eq!(
        arranged(&wishes).unwrap(),
        expected.map(|(path, access)| (path.to_owned(), access))
    );
}

/// Every slot does this: with each path compared to each other, a few thousand took it minutes.
#[test]
fn many_paths_are_arranged_in_no_time() {
    let count = 200_000;
    let wishes = (0..count).map(|at| (PathBuf::from(format!("/srv/a/{at}/b")), Wish::Read));
    let begun = std::time::Instant::now();
    assert_eq!(arrange(wishes.collect()).unwrap().len(), count);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// `tree` with `keys` leading out of it and `g` leading to what is protected in it.
fn narrowing(write: &[&str]) -> (tempfile::TempDir, Confinement) {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path).display().to_string();
    for made in ["tree/.git/hooks", "tree/out", "keys", "work"] {
        fs_err::create_dir_all(at(made)).unwrap();
    }
    fs_err::os::unix::fs::symlink("../keys", at("tree/keys")).unwrap();
    fs_err::os::unix::fs::symlink(".git", at("tree/g")).unwrap();
    let confine = Confine {
        write: write.iter().map(|path| at(path)).collect(),
        protect: vec![at("tree/.git/hooks")],
        within: vec![at("tree")],
        ..Confine::CLOSED
    };
    let confinement = Confinement {
        level: protocol::policy::SandboxLevel::Strict,
        confine: std::sync::Arc::new(confine),
        work: at("work").into(),
    };
    (dir, confinement)
}

fn narrowed(write: &[&str]) -> (tempfile::TempDir, Result<Paths, Refused>) {
    let (dir, confinement) = narrowing(write);
    let paths = Paths::of(&confinement);
    (dir, paths)
}

#[test]
fn what_was_narrowed_stays_beneath_what_it_was_narrowed_from() {
    let (_dir, refused) = narrowed(&["tree/keys"]);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("a link out of what is open"), "{refused}");
    let accesses = |write: &[&str]| {
        let (dir, paths) = narrowed(write);
        let root = fs_err::canonicalize(dir.path()).unwrap();
        let binds = paths.unwrap().binds.into_iter();
        let shown = binds.map(|bind| {
            let path = bind.path.strip_prefix(&root).unwrap().display().to_string();
            (path, bind.access)
        });
        shown.collect::<Vec<_>>()
    };
    let expected = [("tree/out", Access::Write), ("work", Access::Write)];
    let owned = |expected: &[(&str, Access)]| -> Vec<(String, Access)> {
        let one = |(path, access): &(&str, Access)| ((*path).to_owned(), *access);
        expected.iter().map(one).collect()
    };
    assert_eq!(accesses(&["tree/out"]), owned(&expected));
    let protected = [
        ("tree/.git", Access::Write),
        ("tree/.git/hooks", Access::Read),
        ("work", Access::Write),
    ];
    assert_eq!(accesses(&["tree/g"]), owned(&protected));
    assert_eq!(accesses(&["tree/g/hooks"]), owned(&protected[2..]));
    for (write, holds) in [
        ("tree/out", true),
        ("tree/g", false),
        ("tree/g/hooks", false),
    ] {
        let (dir, confinement) = narrowing(&[write]);
        assert_eq!(no_lures(&confinement).is_ok(), holds, "{write}");
        drop(dir);
    }
}

#[test]
fn what_would_cover_a_needed_mount_or_is_the_kernels_is_refused() {
    for path in [
        "/",
        "/etc",
        "/var",
        "/tmp",
        "/dev/shm",
        "/proc/1",
        "/sys/fs",
        "/dev/null",
    ] {
        let refused = arranged(&[(path, Wish::Read)]).unwrap_err();
        assert!(refused.to_string().contains(path), "{refused}");
    }
    assert!(arranged(&[("/usr", Wish::Write)]).is_err());
    for path in [
        "/usr/local",
        "/tmp/x",
        "/dev/shm/x",
        "/var/lib/x",
        "/etc/x",
        "/home",
    ] {
        assert_eq!(arranged(&[(path, Wish::Write)]).unwrap().len(), 1);
    }
}

#[test]
fn links_on_the_way_are_followed_and_noted() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs_err::canonicalize(dir.path()).unwrap();
    fs_err::create_dir_all(root.join("real/inner")).unwrap();
    fs_err::os::unix::fs::symlink("real", root.join("link")).unwrap();
    let mut paths = Paths::default();
    let found = paths.follow(&root.join("link/inner"), &[]).unwrap();
    assert_eq!(found, Some(root.join("real/inner")));
    assert_eq!(paths.links[&root.join("link")], Path::new("real"));
    assert_eq!(paths.follow(&root.join("nothing"), &[]).unwrap(), None);
    fs_err::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
    assert_eq!(paths.follow(&root.join("loop"), &[]).unwrap(), None);
}

#[test]
fn links_that_attempts_can_put_somewhere_lead_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs_err::canonicalize(dir.path()).unwrap();
    fs_err::create_dir_all(root.join("tree/real")).unwrap();
    fs_err::create_dir(root.join("secret")).unwrap();
    fs_err::os::unix::fs::symlink("real", root.join("tree/inside")).unwrap();
    fs_err::os::unix::fs::symlink("../secret", root.join("tree/outside")).unwrap();
    fs_err::os::unix::fs::symlink("tree", root.join("alias")).unwrap();
    let writable = [root.join("tree")];
    let mut paths = Paths::default();
    let mut follow = |path: &str| paths.follow(&root.join(path), &writable);
    assert_eq!(follow("tree/inside"), Ok(Some(root.join("tree/real"))));
    assert_eq!(follow("alias/inside"), Ok(Some(root.join("tree/real"))));
    let refused = follow("alias/outside").unwrap_err().to_string();
    assert!(
        refused.contains("tree/outside` cannot be opened"),
        "{refused}"
    );
}

#[test]
fn the_run_itself_is_closed_by_whatever_name_it_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs_err::canonicalize(dir.path()).unwrap();
    let work = root.join("tree/runs/one/work/slot0.1");
    fs_err::create_dir_all(&work).unwrap();
    let confine = Confine {
        write: vec![root.join("tree").display().to_string()],
        ..Confine::CLOSED
    };
    let confinement = Confinement {
        level: protocol::policy::SandboxLevel::Strict,
        confine: std::sync::Arc::new(confine),
        work: work.clone(),
    };
    let binds = Paths::of(&confinement).unwrap().binds;
    let access = |path: &Path| {
        binds
            .iter()
            .find(|bind| bind.path == path)
            .map(|bind| bind.access)
    };
    assert_eq!(access(&root.join("tree")), Some(Access::Write));
    assert_eq!(access(&root.join("tree/runs/one")), Some(Access::Read));
    assert_eq!(access(&work), Some(Access::Write));
}
