//! Changed, missing and extra files.

use protocol::budget::{CallId, Purpose, Reserved, Settled};
use protocol::digest::Digest;
use protocol::event::EventKind;
use protocol::run_dir;

use super::fixture::{Run, artifact, reports, run_id, task, unfinished_events};
use crate::verify::{Code, MAX_PROBLEMS};

fn json(bytes: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(bytes).ok()
}

#[test]
fn an_untouched_run_is_intact() {
    let found = Run::finished().verify();
    assert!(found.is_intact(), "{:?}", found.problems);
    assert_eq!((found.run_id, found.events), (Some(run_id()), 8));
    assert!(found.finished && found.sealed);
    assert_eq!((found.artifacts, found.logs), (1, 1));
    let open = "1 log belongs to an attempt whose end was never recorded; nothing vouches for its \
                content.";
    assert_eq!(found.notes, [open]);
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_judged_file_is_found() {
    let run = Run::finished();
    let judged = [
        run_dir::EVENTS,
        run_dir::SEAL,
        run_dir::RUN_JSON,
        run_dir::SCENARIO,
        run_dir::PLAN,
        run_dir::POLICY,
        "artifacts/a/out/result.txt",
        "logs/a.2.out",
    ];
    for name in judged.into_iter().chain(reports()) {
        let original = run.read(name);
        // The journal is long and all alike: every third byte meets every class of them.
        let step = if name == run_dir::EVENTS { 3 } else { 1 };
        for at in (0..original.len()).step_by(step) {
            let mut changed = original.clone();
            changed[at] ^= 1 << (at % 8);
            run.write(name, &changed);
            let found = run.verify();
            // White space between a seal's fields is no part of what it says.
            let same = name == run_dir::SEAL && json(&changed) == json(&original);
            assert_eq!(
                found.is_intact(),
                same,
                "byte {at} of {name}: {:?}",
                found.problems
            );
        }
        run.write(name, &original);
    }
    assert!(run.verify().is_intact());
}

#[test]
fn a_changed_value_in_manifest_or_policy_is_found() {
    let run = Run::finished();
    for name in [run_dir::MANIFEST, run_dir::POLICY] {
        let original = run.read(name);
        let before = json(&original).unwrap();
        let mut equal = 0;
        for at in 0..original.len() {
            let mut changed = original.clone();
            changed[at] ^= 1 << (at % 8);
            run.write(name, &changed);
            let same = json(&changed).as_ref() == Some(&before);
            equal += usize::from(same);
            assert_eq!(run.verify().is_intact(), same, "byte {at} of {name}");
        }
        assert!(equal < original.len() / 2, "{name} is mostly white space");
        run.write(name, &original);
    }
}

#[test]
fn missing_files_are_named() {
    let files = [
        run_dir::SCENARIO,
        run_dir::PLAN,
        run_dir::POLICY,
        run_dir::MANIFEST,
    ];
    for name in files.into_iter().chain(reports()) {
        let run = Run::finished();
        run.remove(name);
        run.assert_problem(Code::FileMissing, name);
    }
}

#[test]
fn artifacts_must_be_there_and_nothing_else() {
    let run = Run::finished();
    run.write("artifacts/a/out/more.txt", b"");
    run.assert_problem(Code::ArtifactExtra, "artifacts/a/out/more.txt");
    run.remove("artifacts/a/out/more.txt");

    run.remove("artifacts/a/out/result.txt");
    run.assert_problem(Code::ArtifactMissing, "artifacts/a/out/result.txt");

    // A link to the same content is not the sealed file.
    run.write("elsewhere.txt", b"a result\n");
    let link = run.file("artifacts/a/out/result.txt");
    std::os::unix::fs::symlink(run.file("elsewhere.txt"), link).unwrap();
    run.assert_problem(Code::ArtifactChanged, "artifacts/a/out/result.txt");
    run.remove("artifacts/a/out/result.txt");
    run.write("artifacts/a/out/result.txt", b"a result\n");

    std::os::unix::fs::symlink("/etc", run.file("artifacts/b")).unwrap();
    run.assert_problem(Code::ArtifactExtra, "artifacts/b");
}

#[test]
fn a_whole_linked_directory_is_not_followed() {
    let run = Run::finished();
    fs_err::rename(run.file("artifacts"), run.file("moved")).unwrap();
    std::os::unix::fs::symlink(run.file("moved"), run.file("artifacts")).unwrap();
    let problems = run.problems();
    assert!(problems.contains(&(Code::ArtifactExtra, "artifacts".to_owned())));
    assert!(problems.contains(&(
        Code::ArtifactMissing,
        "artifacts/a/out/result.txt".to_owned()
    )));
}

#[test]
fn unfinished_artifacts_of_an_unfinished_run_are_a_note() {
    let run = Run::unfinished();
    run.write("artifacts/b/out.txt", b"half");
    let found = run.verify();
    assert!(found.is_intact());
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.starts_with("Among the artifacts, 1 file belongs"))
    );
}

#[test]
fn lost_logs_are_told_from_changed_and_extra_ones() {
    let run = Run::finished();
    run.write("logs/a.2.out", b"hello");
    run.assert_problem(Code::LogLost, "logs/a.2.out");
    run.remove("logs/a.2.out");
    run.assert_problem(Code::LogLost, "logs/a.2.out");
    let told = run.verify().problems[0].to_string();
    assert!(told.ends_with("found nothing (logs are not synced: a power cut may have taken it)"));
    run.write("logs/a.2.out", b"hello from b\n");
    run.assert_problem(Code::LogChanged, "logs/a.2.out");
    run.write("logs/a.2.out", b"hello from a\n");
    run.write("logs/a.2.err", b"nothing was written here");
    run.assert_problem(Code::LogExtra, "logs/a.2.err");
    run.remove("logs/a.2.err");
    run.write("logs/z.9.out", b"");
    run.assert_problem(Code::LogExtra, "logs/z.9.out");
}

#[test]
fn a_reopened_task_has_no_artifacts_until_it_is_done_again() {
    let reopened = EventKind::TaskReopened {
        task: task("a"),
        path: "artifacts/a/out/result.txt".to_owned(),
    };
    let mut events = unfinished_events();
    events.push(reopened);
    let found = Run::with(events).verify();
    assert!(found.is_intact());
    assert_eq!(found.artifacts, 0);
}

#[test]
fn paths_named_by_a_journal_are_never_opened() {
    let mut events = unfinished_events();
    let Some(EventKind::TaskDone { artifacts, .. }) = events.last_mut() else {
        panic!()
    };
    artifacts[0] = artifact("artifacts/../../../../etc/hostname", b"");
    let run = Run::with(events);
    let expected = (
        Code::ArtifactMissing,
        "artifacts/../../../../etc/hostname".to_owned(),
    );
    assert!(run.problems().contains(&expected));
}

#[test]
fn replies_that_were_paid_for_must_be_what_they_were() {
    let reserved = Reserved {
        call: CallId(1),
        task: None,
        purpose: Purpose::Plan,
        round: 0,
        provider: "anthropic".into(),
        model: "m".into(),
        request: Digest::of(b"request"),
        prompt: 1,
        output: 1,
        usd: None,
    };
    let reply = Digest::of(b"reply");
    let settled = Settled {
        reply: Some(reply),
        ..reserved.in_full(None)
    };
    let mut events = unfinished_events();
    events.push(EventKind::BudgetReserved(Box::new(reserved)));
    events.push(EventKind::BudgetSettled(Box::new(settled)));
    let run = Run::with(events);
    let path = run_dir::call_file(reply);
    run.assert_problem(Code::CallMissing, &path);
    run.write(&path, b"reply");
    assert!(run.verify().is_intact());
    run.write(&path, b"another");
    run.assert_problem(Code::CallChanged, &path);
}

#[test]
fn many_problems_are_counted_not_kept() {
    let run = Run::finished();
    for n in 0..MAX_PROBLEMS + 5 {
        run.write(&format!("logs/x{n}.1.out"), b"");
    }
    let found = run.verify();
    assert_eq!(
        (found.problems.len(), found.more_problems),
        (MAX_PROBLEMS, 5)
    );
}

#[test]
fn codes_are_distinct_words() {
    let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Code::ALL.len());
}
