//! Key files and seals on disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use l2_coordinator::journal::{SealFileError, read_seal, write_seal};
use l2_coordinator::{KeyError, load_key, load_or_create_key};
use protocol::digest::Digest;
use protocol::event::Chain;
use protocol::seal::UserKey;

use crate::builder::RUN;

/// Set for the second processes of a test, which are this same binary; holds the key's path.
const ROLE: &str = "JOURNAL_TEST_MAKES_KEY";

fn set_mode(path: &Path, mode: u32) {
    let mut permissions = fs_err::metadata(path).unwrap().permissions();
    permissions.set_mode(mode);
    fs_err::set_permissions(path, permissions).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_key_is_made_once_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state/orchestra/keys/user.key");
    assert!(load_key(&path).unwrap().is_none());
    assert!(!path.parent().unwrap().exists(), "looking makes nothing");
    let made = load_or_create_key(&path).unwrap().public();
    assert_eq!(load_or_create_key(&path).unwrap().public(), made);
    assert_eq!(load_key(&path).unwrap().unwrap().public(), made);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let names: Vec<_> = fs_err::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
}

#[test]
fn processes_that_need_it_first_at_once_get_the_same_key() {
    if let Some(path) = std::env::var_os(ROLE) {
        println!(
            "\nkey {}",
            load_or_create_key(Path::new(&path)).unwrap().public()
        );
        return;
    }
    let test = "keys::processes_that_need_it_first_at_once_get_the_same_key";
    for _round in 0..5 {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("keys/user.key");
        let children: Vec<_> = (0..4)
            .map(|_| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command
                    .args(["--exact", test, "--nocapture"])
                    .env(ROLE, &path);
                command.stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let expected = |path: &Path| format!("key {}", load_key(path).unwrap().unwrap().public());
        for child in children {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let said = text
                .lines()
                .find(|line| line.starts_with("key "))
                .unwrap_or(&text);
            assert_eq!(said, expected(&path));
        }
    }
}

#[test]
fn exposed_and_damaged_keys_are_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("keys/user.key");
    load_or_create_key(&path).unwrap();
    set_mode(&path, 0o640);
    let error = load_or_create_key(&path).unwrap_err();
    let expected = "has mode 0640; a key must be readable by its owner alone (chmod 600)";
    assert_eq!(error.to_string(), format!("{} {expected}", path.display()));
    set_mode(&path, 0o600);
    set_mode(path.parent().unwrap(), 0o770);
    assert!(matches!(
        load_or_create_key(&path),
        Err(KeyError::ExposedDir { mode: 0o770, .. })
    ));
    set_mode(path.parent().unwrap(), 0o700);
    for garbage in [&b""[..], b"hello", &[0xff; 1000]] {
        fs_err::write(&path, garbage).unwrap();
        assert!(matches!(
            load_or_create_key(&path),
            Err(KeyError::Garbage { .. })
        ));
        assert_eq!(fs_err::read(&path).unwrap(), garbage, "never replaced");
    }
}

#[test]
fn a_seal_is_written_whole_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read_seal(dir.path()).unwrap().is_none());
    let end = Chain {
        seq: 12,
        hash: Digest::of(b"last"),
    };
    let seal = UserKey::from_seed([3; 32]).seal(RUN.parse().unwrap(), end);
    write_seal(dir.path(), &seal).unwrap();
    write_seal(dir.path(), &seal).unwrap();
    let read = read_seal(dir.path()).unwrap().unwrap();
    assert_eq!(read, seal);
    read.check().unwrap();
    let names: Vec<_> = fs_err::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");

    let path = dir.path().join("seal.json");
    fs_err::write(&path, b"{}").unwrap();
    assert!(matches!(read_seal(dir.path()), Err(SealFileError::Json(_))));
    fs_err::write(&path, vec![b' '; 5000]).unwrap();
    assert!(matches!(
        read_seal(dir.path()),
        Err(SealFileError::TooLarge)
    ));
}
