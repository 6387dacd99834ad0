//! Full disks and short writes: a batch is in the journal whole or not at all.

use std::sync::Arc;

use l2_coordinator::journal::{MemoryDisk, SyncMode, WriteError, Writer};
use protocol::event::EventKind;

use crate::builder::{at, attempt, bytes_of, done, lease, read, started};

const RESERVE: u64 = 64 * 1024;

fn paused() -> EventKind {
    EventKind::RunPaused {
        cause: "the disk is full".to_owned(),
    }
}

#[test]
fn a_short_write_at_any_byte_leaves_whole_batches_and_the_chain_goes_on() {
    let first = bytes_of(vec![started()]).len() as u64;
    let batch = || vec![lease(1), attempt(1), done(1, 50)];
    let whole = bytes_of([vec![started()], batch()].concat()).len() as u64;
    for capacity in first..whole {
        let disk = Arc::new(MemoryDisk::new());
        disk.set_capacity(capacity + RESERVE);
        let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
        writer.append(at(1), vec![started()]).unwrap();
        let before = writer.chain();
        let Err(WriteError::Append(error)) = writer.append(at(1), batch()) else {
            panic!("room for {capacity} bytes took {whole}");
        };
        assert_eq!(error.written as u64, capacity - first);
        assert_eq!(writer.chain(), before);
        assert_eq!(disk.content().len() as u64, first);

        writer.use_reserve().unwrap();
        writer.append(at(2), vec![paused()]).unwrap();
        writer.sync_now().unwrap();
        let (events, end) = read(&disk.content()).unwrap();
        assert_eq!(events.last().unwrap().kind, paused());
        assert_eq!((events.len(), end.torn), (2, None));
    }
}

#[test]
fn a_full_disk_refuses_to_start_rather_than_to_stop() {
    let disk = Arc::new(MemoryDisk::new());
    disk.set_capacity(1000);
    let refused = Writer::create(disk, SyncMode::Inline);
    assert!(matches!(refused, Err(WriteError::Prepare(_))));
}

#[test]
fn an_end_that_cannot_be_cut_stops_all_writing_and_is_set_aside_later() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), vec![started()]).unwrap();
    let good = disk.content().len();
    disk.set_capacity(good as u64 + 10 + RESERVE);
    disk.fail_to_cut();
    let batch = vec![lease(1)];
    assert!(matches!(
        writer.append(at(1), batch.clone()),
        Err(WriteError::Stuck(_))
    ));
    disk.set_capacity(u64::MAX);
    assert!(matches!(
        writer.append(at(1), batch),
        Err(WriteError::Stuck(_))
    ));

    let (events, end) = read(&disk.content()).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(end.torn.unwrap().bytes, 10);
}

#[test]
fn nothing_is_written_or_promised_after_a_failed_sync() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), vec![started()]).unwrap();
    writer.sync_now().unwrap();
    writer.append(at(1), vec![lease(1)]).unwrap();
    disk.fail_to_sync();
    assert!(matches!(writer.sync_now(), Err(WriteError::Sync(_))));
    assert_eq!(writer.synced_seq(), 1);
    assert!(matches!(
        writer.append(at(1), vec![lease(2)]),
        Err(WriteError::Sync(_))
    ));
    assert!(matches!(writer.sync_now(), Err(WriteError::Sync(_))));
}

#[test]
fn an_event_no_reader_would_accept_is_not_written() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), vec![started()]).unwrap();
    let before = disk.content();
    let kinds = vec![lease(1), done(1, protocol::event::MAX_LINE_BYTES)];
    let refused = writer.append(at(1), kinds);
    assert!(matches!(
        refused,
        Err(WriteError::TooLong {
            event: "task.done",
            ..
        })
    ));
    assert_eq!(disk.content(), before);
    writer.append(at(1), vec![lease(1)]).unwrap();
    assert_eq!(read(&disk.content()).unwrap().0.len(), 2);
}

#[test]
fn a_damaged_end_that_cannot_be_kept_is_not_cut_off() {
    let good = bytes_of(vec![started()]);
    let disk = Arc::new(MemoryDisk::with([&good[..], b"torn"].concat()));
    disk.set_capacity(good.len() as u64 + 6);
    let (_, end) = read(&disk.content()).unwrap();
    let refused = Writer::resume(disk.clone(), &end, at(2), SyncMode::Inline);
    assert!(matches!(refused, Err(WriteError::Prepare(_))));
    assert_eq!(disk.content(), [&good[..], b"torn"].concat());

    disk.set_capacity(u64::MAX);
    let (writer, recovered) = Writer::resume(disk.clone(), &end, at(2), SyncMode::Inline).unwrap();
    assert_eq!((recovered.unwrap().seq, writer.synced_seq()), (2, 2));
    assert_eq!(disk.torn(), [b"torn"]);
}
