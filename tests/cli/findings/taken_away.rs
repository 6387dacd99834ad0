//! A journal that is removed or replaced while its run is driven.

use crate::cli::resume::started;
use crate::cli::run::HELLO;
use crate::support::{Outcome, Place};

#[test]
fn a_run_without_its_journal_has_not_passed() {
    let harms: [fn(&std::path::Path); 3] = [
        |dir| fs_err::remove_file(dir.join("events.jsonl")).unwrap(),
        |dir| {
            let journal = dir.join("events.jsonl");
            let copy = fs_err::read(&journal).unwrap();
            fs_err::remove_file(&journal).unwrap();
            fs_err::write(journal, copy).unwrap();
        },
        |dir| fs_err::remove_dir_all(dir).unwrap(),
    ];
    for harm in harms {
        let (place, child) = started();
        harm(&place.run_dir());
        place.write("gate", "");
        let outcome = Outcome::of(child.wait_with_output().unwrap()).expect(7);
        let text = outcome.render();
        assert!(text.contains("error[journal-gone]"), "{text}");
        for claim in [
            "PASSED",
            "SEAL",
            "report:",
            "orchestra verify",
            "orchestra resume",
        ] {
            assert!(!text.contains(claim), "{claim}: {text}");
        }
    }
}

/// By name and by path, before and after.
#[test]
fn a_removed_journal_and_a_changed_record_are_changes() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let dir = place.run_dir();
    let path = dir.display().to_string();
    for name in ["run.json", "events.jsonl"] {
        let kept = fs_err::read(dir.join(name)).unwrap();
        fs_err::remove_file(dir.join(name)).unwrap();
        for run in ["@last", &path] {
            let verified = place.orchestra(["verify", run]).run().expect(8);
            assert!(verified.stdout.contains(name), "{}", verified.render());
        }
        fs_err::write(dir.join(name), kept).unwrap();
    }
    place.orchestra(["verify", &path]).run().expect(0);
}

#[test]
fn a_run_under_another_policy_does_not_go_on() {
    let (place, mut child) = started();
    child.kill().unwrap();
    child.wait().unwrap();
    let path = place.run_dir().join("policy.json");
    let policy = fs_err::read_to_string(&path).unwrap();
    let wider = policy.replace("10000", "20000");
    assert_ne!(policy, wider);
    fs_err::write(&path, wider).unwrap();
    for verb in ["resume", "cancel"] {
        let outcome = place.orchestra([verb, "@last"]).run().expect(8);
        let text = outcome.render();
        assert!(
            text.contains("error[file-changed]: policy.json is not"),
            "{text}"
        );
    }
    fs_err::write(&path, policy).unwrap();
    place.orchestra(["cancel", "@last"]).run().expect(0);
}
