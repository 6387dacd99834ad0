//! Runs whose directory came from somewhere else, or was changed after it was opened.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use protocol::digest::Digest;
use protocol::event::{Chain, EventKind};

use crate::support::Place;

/// A run that stopped before its second task.
fn stopped() -> (Place, PathBuf) {
    let place = Place::with(
        "two.yaml",
        "name: two\ntasks:\n  a:\n    run: echo a\n  b:\n    needs: [a]\n    run: echo b >> \"$MARK\"\n    \
         env: { MARK: \"${{ inputs.mark }}\" }\ninputs:\n  mark: { type: path }\n",
    );
    let ran = ["run", "two.yaml", "-i", "mark=mark"];
    let ran = place.orchestra(ran).unredacted().run().expect(0);
    let dir = place.work().join(ran.stdout.trim());
    // Lease, start, end and success of the second task, and the run's end.
    place.interrupt(&dir, 5);
    fs_err::remove_file(place.work().join("mark")).unwrap();
    (place, dir)
}

/// Changes events as whoever wrote the journal could: its chain holds afterwards.
fn rewrite(dir: &Path, change: impl Fn(&mut EventKind)) {
    let path = dir.join("events.jsonl");
    let text = fs_err::read_to_string(&path).unwrap();
    let (mut read, mut written, mut out) = (Chain::start(), Chain::start(), Vec::new());
    for line in text.lines() {
        let mut event = read.read(line.as_bytes()).unwrap();
        change(&mut event.kind);
        written.append(event.ts, event.kind, &mut out);
    }
    fs_err::write(path, out).unwrap();
}

/// Changes a file of a run directory, and every digest of it.
fn replace(dir: &Path, name: &str, from: &str, to: &str) {
    let path = dir.join(name);
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs_err::write(&path, text.replace(from, to)).unwrap();
    let file = Digest::of(&fs_err::read(&path).unwrap());
    let value = || serde_json::from_slice::<serde_json::Value>(&fs_err::read(&path).unwrap());
    rewrite(dir, |kind| match (name, kind) {
        ("run.json", EventKind::RunStarted(started)) => started.run_file = Some(file),
        ("policy.json", EventKind::RunStarted(started)) => {
            started.policy_digest = Digest::of_canonical("policy/v1", &value().unwrap()).unwrap();
        }
        (
            "policy.json",
            EventKind::PlanApproved {
                policy,
                policy_file,
                ..
            },
        ) => {
            *policy = Digest::of_canonical("policy/v1", &value().unwrap()).unwrap();
            *policy_file = Some(file);
        }
        _ => {}
    });
}

fn unsigned(dir: &Path) {
    rewrite(dir, |kind| {
        if let EventKind::PlanApproved { signed, .. } = kind {
            *signed = None;
        }
    });
}

/// The digests that a refusal names.
fn digests(place: &Place, verb: &str) -> String {
    let refused = place
        .orchestra([verb, "@last"])
        .unredacted()
        .run()
        .expect(4);
    let (_, rest) = refused.stderr.split_once("--approve ").unwrap();
    rest.split('`').next().unwrap().to_owned()
}

#[test]
fn a_run_that_was_opened_here_goes_on_wherever_its_directory_is() {
    let (place, dir) = stopped();
    let moved = place.work().join("elsewhere");
    fs_err::rename(dir, &moved).unwrap();
    place.orchestra(["resume", "./elsewhere"]).run().expect(0);
    assert!(place.work().join("mark").exists());
    let retry = ["retry", "./elsewhere", "b"];
    place.orchestra(retry).run().expect(0);
    place.orchestra(["verify", "@last"]).run().expect(0);
}

#[test]
fn a_policy_that_was_widened_and_digested_anew_is_refused() {
    let (place, dir) = stopped();
    replace(
        &dir,
        "policy.json",
        "\"network\": \"none\"",
        "\"network\": \"full\"",
    );
    assert_snapshot!(place.orchestra(["resume", "@last"]).run().render(), @r"
    exit 8
    --- stderr
    error[opening-mismatch]: what the run would go on with is not what was signed when it was opened
    help: `orchestra verify <run>` says what differs
    help: run it again: `orchestra run '<place>'`
    ");
    let verified = place
        .orchestra(["verify", "@last", "--json"])
        .run()
        .expect(8)
        .json();
    assert_eq!(verified["problems"][0]["code"], "opening-mismatch");
    assert_eq!(verified["opened_by"], "forged");
    assert!(!place.work().join("mark").exists());
}

#[test]
fn another_tree_is_refused() {
    let (place, dir) = stopped();
    replace(
        &dir,
        "run.json",
        "\"scenario\": \"two\"",
        "\"root\": \"/\", \"scenario\": \"two\"",
    );
    let refused = place.orchestra(["resume", "@last"]).run().expect(8);
    assert!(
        refused.stderr.contains("opening-mismatch"),
        "{}",
        refused.render()
    );
    // Without its digest the record is no less part of what was approved.
    let (place, dir) = stopped();
    fs_err::write(dir.join("run.json"), "{}").unwrap();
    let refused = place
        .orchestra(["resume", dir.to_str().unwrap()])
        .run()
        .expect(8);
    assert!(
        refused.stderr.contains("file-changed"),
        "{}",
        refused.render()
    );
}

#[test]
fn a_run_of_somebody_else_goes_on_only_as_it_is_approved() {
    let (place, _) = stopped();
    fs_err::remove_dir_all(place.dir("state")).unwrap();
    assert_snapshot!(place.orchestra(["resume", "@last"]).run().render(), @r"
    exit 4
    --- stderr
    error[run-foreign]: the run was opened with a key that is not trusted here
    help: read plan.json and policy.json in runs/<run-dir>: they say what would be executed
    help: `orchestra resume <run> --approve <digest>@<digest>` goes on with exactly this plan under exactly this policy
    help: the tree that its tasks see is <place>
    ");
    let verified = place.orchestra(["verify", "@last"]).run().expect(8);
    assert!(
        verified.stdout.contains("opening-unknown-key"),
        "{}",
        verified.render()
    );
    let digests = digests(&place, "resume");
    // A plan alone says nothing of what it may do.
    let (plan, policy) = digests.split_once('@').unwrap();
    for (approved, word) in [
        (plan.to_owned(), "run-foreign"),
        (format!("{plan}@0000000000000000"), "plan-not-approved"),
        (format!("0000000000000000@{policy}"), "plan-not-approved"),
    ] {
        let refused = place
            .orchestra(["resume", "@last", "--approve", &approved])
            .run()
            .expect(4);
        assert!(refused.stderr.contains(word), "{}", refused.render());
    }
    assert!(!place.work().join("mark").exists());
    let resumed = place
        .orchestra(["resume", "@last", "--approve", &digests])
        .run()
        .expect(0);
    let note = resumed.stderr.lines().next().unwrap();
    assert_snapshot!(note, @"note: the run was opened with a key that is not trusted here; you approved it as <digest>@<digest>; the tree that its tasks see is <place>");
    assert!(place.work().join("mark").exists());
}

#[test]
fn a_run_that_nobody_signed_is_retried_only_as_it_is_approved() {
    let place = Place::with("one.yaml", "name: one\ntasks:\n  a:\n    run: exit 1\n");
    place.orchestra(["run", "one.yaml"]).run().expect(1);
    unsigned(&place.run_dir());
    fs_err::remove_file(place.run_dir().join("seal.json")).unwrap();
    assert_snapshot!(place.orchestra(["retry", "@last", "a", "--downstream"]).run().render(), @r"
    exit 4
    --- stderr
    error[run-unsigned]: nobody signed the run when it was opened: an older orchestra made it, or somebody else
    help: read plan.json and policy.json in runs/<run-dir>: they say what would be executed
    help: `orchestra retry <run> a --downstream --approve <digest>@<digest>` goes on with exactly this plan under exactly this policy
    help: the tree that its tasks see is <place>
    ");
    let digests = digests(&place, "retry");
    place
        .orchestra(["retry", "@last", "--approve", &digests])
        .run()
        .expect(1);
    // What came of it was opened here.
    place.orchestra(["retry", "@last"]).run().expect(1);
}

#[test]
fn a_run_of_ours_is_still_refused_under_another_digest() {
    let (place, _) = stopped();
    let refused = place
        .orchestra(["resume", "@last", "--approve", "0000000000000000"])
        .run();
    assert!(refused.expect(4).stderr.contains("plan-not-approved"));
}
