//! Output that gets nowhere: a full disk is an error, a reader that had enough is none.

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let verbs: [&[&str]; 10] = [
        &["list"],
        &["list", "-o", "json"],
        &["show"],
        &["logs", "@last"],
        &["report"],
        &["verify"],
        &["schema"],
        &["--help"],
        &["run", "hello.yaml", "-o", "json"],
        &["run", "hello.yaml", "-o", "jsonl"],
    ];
    for verb in verbs {
        let outcome = place.orchestra(verb).stdout("/dev/full").run();
        let text = format!("{verb:?}\n{}", outcome.render());
        assert_eq!(outcome.code, 7, "{text}");
        assert!(text.contains("error[output-unwritable]"), "{text}");
        assert!(text.contains("No space left on device"), "{text}");
    }
}

#[test]
fn a_failed_run_stays_failed_without_a_reader() {
    let place = Place::with("failing.yaml", FAILING);
    for format in ["json", "jsonl"] {
        let mut child = place
            .orchestra(["run", "failing.yaml", "-o", format])
            .start();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}");
    }
}
