//! Runs that never began: whoever asks is told so, in the same words, and what to do about it.

use crate::cli::run::HELLO;
use crate::support::Place;

/// A run directory as a crash in the first write leaves it.
fn cut(lines: usize, bytes: usize) -> Place {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let dir = place.run_dir();
    let closing = ["seal.json", "artifacts.json"];
    let reports = ["report.md", "report.json", "report.html", "junit.xml"];
    for name in closing.into_iter().chain(reports) {
        fs_err::remove_file(dir.join(name)).unwrap();
    }
    for name in ["artifacts", "logs"] {
        fs_err::remove_dir_all(dir.join(name)).unwrap();
        fs_err::create_dir(dir.join(name)).unwrap();
    }
    let journal = place.run_file("events.jsonl");
    let mut kept: String = journal.split_inclusive('\n').take(lines).collect();
    let next = journal.lines().nth(lines).unwrap();
    kept.push_str(&next[..bytes]);
    fs_err::write(dir.join("events.jsonl"), kept).unwrap();
    place
}

#[test]
fn every_verb_agrees() {
    for (lines, bytes) in [(0, 0), (0, 50), (1, 0), (1, 20), (2, 0), (2, 20)] {
        let place = cut(lines, bytes);
        for verb in ["resume", "cancel", "show", "logs", "report"] {
            let outcome = place.orchestra([verb, "@last"]).run().expect(7);
            let text = outcome.render();
            assert!(
                text.contains("error[run-not-begun]: the run never began"),
                "{text}"
            );
            assert!(
                text.contains("help: run it again: `orchestra run /"),
                "{text}"
            );
        }
        let listed = place.orchestra(["list"]).run().expect(0).stdout;
        assert!(listed.contains("never began"), "{listed}");
        let verified = place.orchestra(["verify"]).run().expect(7).stdout;
        assert!(verified.contains("NEVER BEGAN: run"), "{verified}");
        assert!(!verified.contains("CHANGED"), "{verified}");
    }
}

#[test]
fn a_run_that_left_something_did_begin() {
    let place = cut(0, 0);
    place.write("log", "");
    fs_err::write(place.run_dir().join("logs/greet.1.out"), "x").unwrap();
    let verified = place.orchestra(["verify"]).run().expect(8).stdout;
    assert!(verified.contains("journal-unreadable"), "{verified}");
}
