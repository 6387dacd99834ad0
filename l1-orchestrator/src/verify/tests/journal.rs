//! Changed, cut and forged journals and seals.

use l2_coordinator::journal::write_seal;
use protocol::run_dir;
use protocol::seal::UserKey;

use super::fixture::{Run, attempt_started, finished, key, run_id, unfinished_events};
use crate::verify::{Code, Options, verify};

/// The journal's lines, newlines included.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

#[test]
fn an_intact_unfinished_run_verifies_with_a_note() {
    let found = Run::unfinished().verify();
    assert!(found.is_intact(), "{:?}", found.problems);
    assert!(!found.finished && !found.sealed);
    let note = "The run is not finished: its journal is intact up to event 7, and nothing can say \
                whether there was more.";
    assert_eq!(found.notes[0], note);
}

#[test]
fn a_torn_end_of_an_unfinished_run_is_a_note() {
    let run = Run::unfinished();
    let mut journal = run.read(run_dir::EVENTS);
    journal.extend_from_slice(b"{\"seq\":8,\"ts\":\"2026");
    run.write(run_dir::EVENTS, &journal);
    let found = run.verify();
    assert!(found.is_intact(), "{:?}", found.problems);
    let note = "The journal has a torn end: 19 bytes after event 7 (line without end), as a crash \
                leaves it. A resume sets it aside and goes on.";
    assert_eq!(found.notes[0], note);
}

#[test]
fn removed_inserted_and_swapped_events_are_found() {
    let run = Run::finished();
    let original = lines(&run.read(run_dir::EVENTS));
    for at in 1..original.len() - 1 {
        let mut removed = original.clone();
        removed.remove(at);
        let mut doubled = original.clone();
        doubled.insert(at, original[at].clone());
        let mut swapped = original.clone();
        swapped.swap(at, at - 1);
        for changed in [removed, doubled, swapped] {
            run.write(run_dir::EVENTS, &changed.concat());
            assert!(!run.verify().is_intact(), "line {at}");
        }
    }
}

#[test]
fn a_removed_tail_of_a_finished_run_is_found_by_its_seal() {
    let run = Run::finished();
    let original = lines(&run.read(run_dir::EVENTS));
    for kept in 1..original.len() {
        run.write(run_dir::EVENTS, &original[..kept].concat());
        let problems = run.problems();
        let mismatch = (Code::SealMismatch, run_dir::EVENTS.to_owned());
        assert!(
            problems.contains(&mismatch),
            "{kept} lines kept: {problems:?}"
        );
    }
    run.remove(run_dir::EVENTS);
    run.assert_problem(Code::JournalUnreadable, run_dir::EVENTS);
}

#[test]
fn a_journal_computed_anew_is_found_by_its_seal() {
    let run = Run::finished();
    let mut events = unfinished_events();
    events.insert(6, attempt_started("a", 3));
    events.push(finished());
    let forged = Run::with(events);
    run.write(run_dir::EVENTS, &forged.read(run_dir::EVENTS));
    run.assert_problem(Code::SealMismatch, run_dir::EVENTS);
}

#[test]
fn events_and_bytes_after_the_end_are_found() {
    let run = Run::finished();
    let mut journal = run.read(run_dir::EVENTS);
    journal.extend_from_slice(b"and then");
    run.write(run_dir::EVENTS, &journal);
    run.assert_problem(Code::JournalAfterEnd, run_dir::EVENTS);

    let mut events = unfinished_events();
    events.extend([finished(), attempt_started("a", 3)]);
    let problems = Run::with(events).problems();
    assert!(problems.contains(&(Code::JournalAfterEnd, "events.jsonl:9".to_owned())));
}

#[test]
fn missing_foreign_and_unknown_seals_are_told_apart() {
    let run = Run::finished();
    let original = run.read(run_dir::SEAL);
    run.remove(run_dir::SEAL);
    run.assert_problem(Code::SealMissing, run_dir::SEAL);

    let end = l2_coordinator::journal::Reader::new(&run.read(run_dir::EVENTS)[..]).finish();
    let end = end.unwrap().chain;
    let stranger = UserKey::from_seed([6; 32]);
    write_seal(run.path(), &stranger.seal(run_id(), end)).unwrap();
    run.assert_problem(Code::SealUnknownKey, run_dir::SEAL);
    assert!(!run.verify().sealed);

    let other = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b".parse().unwrap();
    write_seal(run.path(), &key().seal(other, end)).unwrap();
    run.assert_problem(Code::SealMismatch, run_dir::SEAL);

    run.write(run_dir::SEAL, b"seal");
    run.assert_problem(Code::SealInvalid, run_dir::SEAL);
    run.write(run_dir::SEAL, &original);
    assert!(run.verify().is_intact());
}

#[test]
fn what_is_no_run_directory_is_an_error_or_a_problem() {
    let empty = tempfile::tempdir().unwrap();
    let options = Options {
        trusted: &[],
        rendered: None,
    };
    let found = verify(empty.path(), &options).unwrap();
    assert_eq!(found.problems[0].code, Code::JournalUnreadable);
    assert!(verify(&empty.path().join("none"), &options).is_err());
}
