//! Writing and syncing on real files and on virtual time.

use std::sync::Arc;
use std::time::Duration;

use l2_coordinator::journal::{
    FileStorage, MemoryDisk, Reader, SYNC_WITHIN, Storage as _, SyncFailed, SyncMode, WriteError,
    Writer,
};

use crate::builder::{at, done, lease, read, started, whole_run};

/// Far longer than any disk needs; a hang fails the test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_batch_is_one_write_and_one_sync_covers_many() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    for kinds in [
        vec![started()],
        vec![lease(1), lease(2), lease(3)],
        vec![],
        vec![done(1, 0)],
    ] {
        writer.append(at(1), kinds).unwrap();
    }
    assert_eq!(disk.counts(), (3, 0));
    assert!(writer.is_dirty());
    writer.request_sync();
    assert_eq!(disk.counts(), (3, 1));
    assert_eq!((writer.written_seq(), writer.synced_seq()), (5, 5));
    writer.request_sync();
    writer.sync_now().unwrap();
    assert_eq!(disk.counts(), (3, 1), "nothing new, nothing to sync");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_the_first_unsynced_byte() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk, SyncMode::Inline).unwrap();
    assert_eq!(writer.deadline(), None);
    let first = tokio::time::Instant::now();
    writer.append(at(1), vec![started()]).unwrap();
    tokio::time::advance(Duration::from_millis(15)).await;
    writer.append(at(1), vec![lease(1)]).unwrap();
    assert_eq!(writer.deadline(), Some(first + SYNC_WITHIN));
    writer.request_sync();
    assert_eq!(writer.deadline(), None);
}

#[tokio::test]
async fn the_thread_syncs_on_request_and_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Arc::new(FileStorage::create(dir.path()).unwrap());
    let mut writer = Writer::create(storage, SyncMode::Thread).unwrap();
    let mut watch = writer.watch();
    writer.append(at(1), vec![started()]).unwrap();
    writer.request_sync();
    tokio::time::timeout(PATIENCE, watch.reached(1))
        .await
        .expect("synced")
        .unwrap();
    writer.append(at(1), vec![lease(1), lease(2)]).unwrap();
    tokio::time::timeout(PATIENCE, watch.reached(3))
        .await
        .expect("synced unasked")
        .unwrap();
    assert!(!writer.is_dirty());
    assert_eq!(writer.deadline(), None);
    drop(writer);
    assert!(matches!(watch.reached(4).await, Err(SyncFailed::Closed)));
}

#[tokio::test]
async fn a_failing_disk_is_told_to_whoever_waits() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Thread).unwrap();
    disk.fail_to_sync();
    writer.append(at(1), vec![started()]).unwrap();
    let mut watch = writer.watch();
    let outcome = tokio::time::timeout(PATIENCE, watch.reached(1))
        .await
        .expect("an answer");
    assert!(matches!(outcome, Err(SyncFailed::Disk(_))));
    assert!(matches!(
        writer.append(at(1), vec![lease(1)]),
        Err(WriteError::Sync(_))
    ));
}

#[test]
fn the_file_is_its_lines_and_is_not_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Arc::new(FileStorage::create(dir.path()).unwrap());
    let mut writer = Writer::create(storage, SyncMode::Thread).unwrap();
    assert_eq!(
        fs_err::metadata(dir.path().join("events.reserve"))
            .unwrap()
            .len(),
        64 * 1024
    );
    let written = writer.append(at(1), whole_run(50)).unwrap();
    let chain = writer.close().unwrap();
    let bytes = fs_err::read(dir.path().join("events.jsonl")).unwrap();
    let (events, end) = read(&bytes).unwrap();
    assert_eq!((events, end.chain), (written, chain));
    assert!(!dir.path().join("events.reserve").exists(), "given back");
    assert!(FileStorage::create(dir.path()).is_err());
    let open = Arc::new(FileStorage::open(dir.path()).unwrap());
    assert!(matches!(
        Writer::create(open, SyncMode::Inline),
        Err(WriteError::NotEmpty(_))
    ));
}

#[test]
fn torn_ends_on_disk_are_numbered_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Arc::new(FileStorage::create(dir.path()).unwrap());
    let mut writer = Writer::create(storage.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), vec![started()]).unwrap();
    drop(writer);
    for n in 1..=3 {
        storage.append(format!("{{\"seq\":{n}").as_bytes()).unwrap();
        let storage = Arc::new(FileStorage::open(dir.path()).unwrap());
        let end = Reader::new(storage.reader().unwrap()).finish().unwrap();
        let (writer, recovered) = Writer::resume(storage, &end, at(2), SyncMode::Inline).unwrap();
        assert_eq!(recovered.unwrap().seq, n + 1);
        assert_eq!(writer.synced_seq(), n + 1);
    }
    for n in 1..=3 {
        let kept = fs_err::read_to_string(dir.path().join(format!("events.torn.{n}"))).unwrap();
        assert_eq!(kept, format!("{{\"seq\":{n}"));
    }
}

#[test]
fn a_resumed_writer_syncs_what_was_only_written() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer
        .append(at(1), vec![started(), lease(1), done(1, 0)])
        .unwrap();
    drop(writer);
    assert_eq!(disk.synced_len(), 0);
    let end = read(&disk.content()).unwrap().1;
    let (writer, recovered) = Writer::resume(disk.clone(), &end, at(2), SyncMode::Inline).unwrap();
    assert!(recovered.is_none());
    assert_eq!(writer.synced_seq(), 3);
    assert_eq!(disk.synced_len(), disk.content().len());
}
