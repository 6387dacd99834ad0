//! Threads restrict themselves and try; the process stays as it is.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use protocol::policy::Confine;

use super::*;

/// What `what` returns in a thread that is restricted; the rest of this process is not.
fn confined<T: Send>(rules: &Rules, what: impl FnOnce() -> T + Send) -> T {
    let (created, _) = create(rules).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            created.restrict_self().unwrap();
            what()
        });
        thread.join().unwrap()
    })
}

fn rules(paths: &[(&Path, Access)]) -> Rules {
    Rules {
        paths: paths
            .iter()
            .map(|(path, access)| ((*path).to_owned(), *access))
            .collect(),
        deny_tcp: false,
        unprotected: Vec::new(),
    }
}

fn confinement(confine: Confine) -> Confinement {
    Confinement {
        level: SandboxLevel::Landlock,
        confine: Arc::new(confine),
        work: PathBuf::from("/w/slot"),
    }
}

#[test]
fn what_is_not_named_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let [open, shown, closed] = ["open", "shown", "closed"].map(|name| dir.path().join(name));
    for made in [&open, &shown, &closed] {
        fs_err::create_dir(made).unwrap();
        fs_err::write(made.join("file"), "text").unwrap();
    }
    let rules = rules(&[(&open, Access::Write), (&shown, Access::Read)]);
    let (write, overwrite) = (
        |at: &Path| fs_err::write(at.join("new"), "").is_ok(),
        |at: &Path| fs_err::write(at.join("file"), "").is_ok(),
    );
    let (read, remove) = (
        |at: &Path| fs_err::read(at.join("file")).is_ok(),
        |at: &Path| fs_err::remove_file(at.join("file")).is_ok(),
    );
    let seen = confined(&rules, || {
        [&open, &shown, &closed].map(|at| [read(at), write(at), overwrite(at), remove(at)])
    });
    assert_eq!(seen[0], [true; 4]);
    assert_eq!(seen[1], [true, false, false, false]);
    assert_eq!(seen[2], [false; 4]);
    assert_eq!(fs_err::read(closed.join("file")).unwrap(), b"text");
    // The positive control: nothing but the ruleset was in the way.
    assert!(read(&closed) && write(&closed) && overwrite(&closed) && remove(&closed));
}

#[test]
fn one_file_can_be_shown_without_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let [shown, other] = ["shown", "other"].map(|name| dir.path().join(name));
    fs_err::write(&shown, "").unwrap();
    fs_err::write(&other, "").unwrap();
    let rules = rules(&[
        (&shown, Access::Read),
        (Path::new("/nowhere"), Access::Write),
    ]);
    let seen = confined(&rules, || {
        [fs_err::read(&shown).is_ok(), fs_err::read(&other).is_ok()]
    });
    assert_eq!(seen, [true, false]);
}

#[test]
fn files_move_between_directories_that_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| dir.path().join(name));
    fs_err::create_dir(&from).unwrap();
    fs_err::create_dir(&to).unwrap();
    fs_err::write(from.join("file"), "").unwrap();
    let rules = rules(&[(dir.path(), Access::Write)]);
    confined(&rules, || {
        fs_err::rename(from.join("file"), to.join("file")).unwrap();
    });
}

#[test]
fn ports_are_closed_where_it_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let closed = Rules {
        deny_tcp: true,
        ..rules(&[])
    };
    let (_, missing) = create(&closed).unwrap();
    let try_both = || {
        [
            TcpStream::connect(address).is_ok(),
            TcpListener::bind("127.0.0.1:0").is_ok(),
        ]
    };
    if !missing.rights.contains(&"tcp") {
        assert_eq!(confined(&closed, try_both), [false, false]);
    }
    assert_eq!(confined(&rules(&[]), try_both), [true, true]);
}

#[test]
fn devices_take_what_is_written_to_them() {
    let rules = Rules::on_host(&confinement(Confine::default()), &[]);
    let opened = confined(&rules, || {
        ["/dev/null", "/dev/zero", "/etc/passwd"].map(|path| {
            fs_err::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(path)
                .is_ok()
        })
    });
    assert_eq!(opened, [true, true, false]);
}

#[test]
fn the_host_s_rules_follow_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let src = dir.path().to_str().unwrap();
    let hooks = format!("{src}/.git/hooks");
    fs_err::create_dir_all(&hooks).unwrap();
    let confine = Confine {
        read: vec!["/opt/sdk".to_owned()],
        path: vec!["/opt/bin".to_owned()],
        write: vec![src.to_owned()],
        protect: vec![hooks.clone(), "/usr".to_owned(), format!("{src}/none")],
        ..Confine::default()
    };
    let mut rules = Rules::on_host(&confinement(confine), &[PathBuf::from("/usr")]);
    rules.paths.retain(|(_, access)| *access != Access::Device);
    let expected = [
        ("/usr", Access::Read),
        ("/opt/sdk", Access::Read),
        ("/opt/bin", Access::Read),
        (src, Access::Write),
        ("/w/slot", Access::Write),
    ];
    assert_eq!(
        rules.paths,
        expected.map(|(path, access)| (PathBuf::from(path), access))
    );
    assert!(rules.deny_tcp);
    assert_eq!(rules.unprotected, [PathBuf::from(hooks)]);
    let (_, missing) = create(&rules).unwrap();
    assert_eq!(missing.guarantees, [Guarantee::FsWriteConfined].into());
}

#[test]
fn what_is_protected_can_be_written_all_the_same_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let protected = dir.path().join("protected");
    fs_err::create_dir(&protected).unwrap();
    let mut rules = rules(&[(dir.path(), Access::Write)]);
    rules.unprotected.push(protected.clone());
    let (_, missing) = create(&rules).unwrap();
    assert!(missing.guarantees.contains(&Guarantee::FsWriteConfined));
    confined(&rules, || {
        fs_err::write(protected.join("file"), "").unwrap();
    });
}
