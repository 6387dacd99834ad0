//! A real filesystem that is really full: a small tmpfs in a mount namespace of its own.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use l2_coordinator::journal::{FileStorage, Reader, Storage as _, SyncMode, WriteError, Writer};
use protocol::event::EventKind;

use crate::builder::{at, done, read, started};

/// Set for the second process of the test, which is this same binary; where the tmpfs is mounted.
const ROLE: &str = "JOURNAL_TEST_FULL_DISK";
const TEST: &str = "tmpfs::a_really_full_disk_takes_whole_batches_and_a_last_word";

/// Mounts, and becomes the test again. `$0` is the mount point, `$1` this binary.
const SCRIPT: &str = r#"mount -t tmpfs -o size=256k,mode=700 journal-test "$0" || exit 77
exec "$1" --exact "$2" --nocapture --test-threads=1"#;

/// Exit code of the script where mounting is not allowed.
const CANNOT_MOUNT: i32 = 77;

fn paused() -> EventKind {
    EventKind::RunPaused {
        cause: "the disk is full".to_owned(),
    }
}

/// Fills the disk with events of about `padding` bytes; how much of the last batch was taken.
fn fill(dir: &Path, padding: usize) -> usize {
    let storage = Arc::new(FileStorage::create(dir).unwrap());
    let mut writer = Writer::create(storage.clone(), SyncMode::Thread).unwrap();
    let mut history = writer.append(at(1), vec![started()]).unwrap();
    writer.sync_now().unwrap();
    let mut whole = storage.len().unwrap();
    let error = loop {
        let n = u32::try_from(history.len()).unwrap();
        match writer.append(at(2), vec![done(n, padding), done(n + 1, padding / 3)]) {
            Ok(events) => history.extend(events),
            Err(WriteError::Append(error)) => break error,
            Err(error) => panic!("{error}"),
        }
        whole = storage.len().unwrap();
        writer.request_sync();
    };
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        storage.len().unwrap(),
        whole,
        "cut back to the last whole batch"
    );

    // Nothing else fits either, until the reserve makes room.
    let rest = fs_err::File::create(dir.join("rest")).unwrap();
    io::copy(&mut io::repeat(b'x'), &mut rest.into_parts().0).unwrap_err();
    writer.append(at(2), vec![done(1, 8192)]).unwrap_err();
    writer.use_reserve().unwrap();
    history.extend(writer.append(at(3), vec![paused()]).unwrap());
    writer.sync_now().unwrap();
    drop(writer);

    let bytes = fs_err::read(dir.join("events.jsonl")).unwrap();
    let (events, end) = read(&bytes).unwrap();
    assert_eq!((events, end.torn), (history, None));
    error.written
}

/// After somebody made room the run goes on.
fn go_on(dir: &Path) {
    let full = FileStorage::open(dir).unwrap();
    let end = Reader::new(full.reader().unwrap()).finish().unwrap();
    fs_err::remove_file(dir.join("rest")).unwrap();
    let resumed = Writer::resume(Arc::new(full), &end, at(4), SyncMode::Thread);
    let (mut writer, recovered) = resumed.unwrap();
    assert!(recovered.is_none());
    writer.append(at(5), vec![done(7, 0)]).unwrap();
    assert_eq!(writer.close().unwrap().seq, end.chain.seq + 1);
}

fn play_on_tmpfs(mount: &Path) {
    let mut short_writes = 0;
    for padding in [300, 5000, 30_000, 60_000] {
        let dir = mount.join("run");
        fs_err::create_dir(&dir).unwrap();
        short_writes += usize::from(fill(&dir, padding) > 0);
        go_on(&dir);
        fs_err::remove_dir_all(&dir).unwrap();
    }
    assert!(short_writes > 0, "no write was ever short");
    let dir = mount.join("run");
    fs_err::create_dir(&dir).unwrap();
    let rest = fs_err::File::create(mount.join("rest")).unwrap();
    io::copy(&mut io::repeat(b'x'), &mut rest.into_parts().0).unwrap_err();
    let storage = Arc::new(FileStorage::create(&dir).unwrap());
    let refused = Writer::create(storage, SyncMode::Thread);
    assert!(
        matches!(refused, Err(WriteError::Prepare(_))),
        "no reserve, no run"
    );
    assert!(!dir.join("events.reserve").exists());
}

#[test]
fn a_really_full_disk_takes_whole_batches_and_a_last_word() {
    if let Some(mount) = std::env::var_os(ROLE) {
        play_on_tmpfs(Path::new(&mount));
        return;
    }
    let mount = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let mut causes = Vec::new();
    // Root may mount in a mount namespace; others may where user namespaces are allowed.
    for namespaces in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let mut command = Command::new("unshare");
        command
            .args(namespaces)
            .args(["sh", "-c", SCRIPT])
            .arg(mount.path())
            .arg(&this)
            .arg(TEST);
        let output = match command.env(ROLE, mount.path()).output() {
            Ok(output) => output,
            Err(error) => {
                causes.push(error.to_string());
                continue;
            }
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let denied = output.status.code() == Some(CANNOT_MOUNT) || said.starts_with("unshare:");
        if denied {
            causes.push(said);
            continue;
        }
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "on tmpfs:\n{told}\n{said}");
        assert!(
            told.contains("1 passed"),
            "the test did not run there:\n{told}"
        );
        return;
    }
    eprintln!("SKIPPED: {TEST}: no tmpfs can be mounted here: {causes:?}");
}
