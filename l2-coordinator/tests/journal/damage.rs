//! Cut ends, broken lines and foreign versions.

use std::sync::Arc;

use l2_coordinator::journal::{MemoryDisk, ReadError, TornCause};
use proptest::prelude::*;
use protocol::event::EventKind;

use crate::builder::{at, bytes_of, lease, read, recover, started, whole_run};

/// Where each line ends, newline included.
fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).collect()
}

#[test]
fn a_journal_cut_after_any_record_reads_up_to_there() {
    let bytes = bytes_of(whole_run(4));
    for (n, end) in line_ends(&bytes).into_iter().enumerate() {
        let (events, found) = read(&bytes[..end]).unwrap();
        assert_eq!(events.len(), n + 1);
        assert_eq!(found.good_bytes, end as u64);
        assert_eq!(found.chain.seq, n as u64 + 1);
        assert_eq!(found.torn, None);
    }
}

#[test]
fn a_journal_cut_anywhere_is_recovered_and_goes_on() {
    let bytes = bytes_of(whole_run(2));
    let ends = line_ends(&bytes);
    for cut in ends[0]..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let disk = Arc::new(MemoryDisk::with(bytes[..cut].to_vec()));
        let (events, mut writer) = recover(&disk).unwrap();
        let after_newline = ends.contains(&cut);
        let before_newline = ends.contains(&(cut + 1));
        if after_newline || before_newline {
            // Only the newline is missing, if anything: no event is lost.
            assert_eq!(
                events.len(),
                whole + usize::from(before_newline),
                "cut at {cut}"
            );
            assert!(disk.torn().is_empty());
        } else {
            assert_eq!(events.len(), whole + 1, "cut at {cut}");
            let torn = bytes[ends[whole - 1]..cut].to_vec();
            let kind = &events.last().unwrap().kind;
            let (torn_bytes, file) = (torn.len() as u64, "events.torn.1".to_owned());
            assert_eq!(*kind, EventKind::JournalRecovered { torn_bytes, file });
            assert_eq!(disk.torn(), [torn]);
        }
        assert_eq!(disk.synced_len(), disk.content().len());
        let next = writer.append(at(10), vec![lease(9)]).unwrap();
        assert_eq!(next[0].seq, events.len() as u64 + 1);
        let (again, end) = read(&disk.content()).unwrap();
        assert_eq!((again.len(), end.torn), (events.len() + 1, None));
    }
}

#[test]
fn a_cut_first_line_means_that_the_run_never_began() {
    let bytes = bytes_of(vec![started()]);
    assert!(matches!(read(b""), Err(ReadError::Empty)));
    for cut in 1..bytes.len() - 1 {
        assert!(
            matches!(read(&bytes[..cut]), Err(ReadError::NoStart)),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_journal_that_begins_with_another_event_is_refused() {
    let bytes = bytes_of(vec![lease(1), lease(2)]);
    assert!(matches!(read(&bytes), Err(ReadError::NoStart)));
}

#[test]
fn damage_before_a_promise_is_refused() {
    let mut bytes = bytes_of(whole_run(3));
    let ends = line_ends(&bytes);
    bytes[ends[3] + 20] ^= 1;
    let Err(error) = read(&bytes) else {
        panic!("damage before promises was tolerated")
    };
    let message = error.to_string();
    let expected = format!(
        "journal is damaged after event 4, at byte {}, and `task.done` (event 7) follows the damage",
        ends[3]
    );
    assert_eq!(message, expected);
}

#[test]
fn a_promise_that_is_itself_changed_is_refused() {
    let bytes = bytes_of(whole_run(1));
    let text = String::from_utf8(bytes).unwrap();
    let changed = text.replace("\"exit_code\":0", "\"exit_code\":1");
    assert!(matches!(
        read(changed.as_bytes()),
        Err(ReadError::Damaged {
            promised_seq: 5,
            ..
        })
    ));
}

#[test]
fn damage_before_unpromised_events_is_a_torn_end() {
    let mut bytes = bytes_of(vec![started(), lease(1), lease(2), lease(3)]);
    let ends = line_ends(&bytes);
    bytes[ends[0] + 9] ^= 1;
    let (events, end) = read(&bytes).unwrap();
    let torn = end.torn.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((torn.offset, torn.cause), (ends[0] as u64, TornCause::Hash));
    assert_eq!(torn.bytes, (bytes.len() - ends[0]) as u64);
}

#[test]
fn a_newer_journal_is_refused_by_its_version() {
    let bytes = bytes_of(vec![started()]);
    let newer = String::from_utf8(bytes)
        .unwrap()
        .replace("\"version\":1", "\"version\":7");
    let error = read(newer.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "journal has version 7; this orchestra reads up to 1"
    );
}

#[test]
fn an_intact_line_of_unknown_type_is_refused_not_cut_off() {
    let mut bytes = bytes_of(vec![started()]);
    let hash = bytes
        .windows(8)
        .rposition(|part| part == b"\"hash\":\"")
        .unwrap()
        + 8;
    let previous: protocol::digest::Digest = std::str::from_utf8(&bytes[hash..hash + 64])
        .unwrap()
        .parse()
        .unwrap();
    let body =
        br#"{"seq":2,"ts":"2026-11-20T07:51:00.000000Z","type":"task.teleported","task":"a""#;
    let mut hasher = protocol::digest::Hasher::new();
    hasher.update(previous.as_bytes());
    hasher.update(body);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(format!(",\"hash\":\"{}\"}}\n", hasher.finish()).as_bytes());
    assert!(matches!(
        read(&bytes),
        Err(ReadError::Foreign { seq: 2, .. })
    ));
}

#[test]
fn a_line_without_bound_is_damage_not_memory() {
    let mut bytes = bytes_of(vec![started()]);
    let good = bytes.len() as u64;
    bytes.resize(bytes.len() + 20 * 1024 * 1024, b'x');
    let (events, end) = read(&bytes).unwrap();
    let torn = end.torn.unwrap();
    assert_eq!((events.len(), torn.cause), (1, TornCause::TooLong));
    assert_eq!((torn.offset, torn.bytes), (good, 20 * 1024 * 1024));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err(), "random bytes passed for a journal");
    }

    #[test]
    fn a_changed_byte_never_adds_or_alters_an_event(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let original = bytes_of(whole_run(3));
        let (all, _) = read(&original).unwrap();
        let mut bytes = original.clone();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        if let Ok((events, end)) = read(&bytes) {
            prop_assert!(events.len() < all.len() || end.unterminated);
            prop_assert_eq!(&events[..], &all[..events.len()]);
        }
    }
}
