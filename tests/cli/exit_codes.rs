//! One table: what was done, and the code it ended with.

use l1_orchestrator::exit_code;

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

#[test]
fn table() {
    let place = Place::with("hello.yaml", HELLO);
    place.write("failing.yaml", FAILING);
    place.write("bad.yaml", "tasks: 1\n");
    let tolerated =
        "version: 1\nname: t\ntasks:\n  a:\n    run: exit 9\n    continue_on_error: true\n";
    place.write("tolerated.yaml", tolerated);
    place.write("blocked", "a file");
    let cases: &[(&[&str], u8)] = &[
        (&["run", "hello.yaml"], exit_code::OK),
        (&["run", "tolerated.yaml"], exit_code::OK),
        (&["run", "failing.yaml"], exit_code::TASK_FAILED),
        (&["validate", "hello.yaml"], exit_code::OK),
        (&["validate", "bad.yaml"], exit_code::INVALID),
        (&["run", "bad.yaml"], exit_code::INVALID),
        (&["run", "none.yaml"], exit_code::INVALID),
        (&["run", "hello.yaml", "--no-such-flag"], exit_code::USAGE),
        (&["run", "hello.yaml", "-i", "x=1"], exit_code::USAGE),
        (&["show", "nothing"], exit_code::USAGE),
        (
            &["run", "hello.yaml", "--runs-dir", "blocked"],
            exit_code::NOT_READY,
        ),
        (&["--help"], exit_code::OK),
        (&["version"], exit_code::OK),
    ];
    for (args, code) in cases {
        let outcome = place.orchestra(*args).run();
        assert_eq!(
            outcome.code,
            i32::from(*code),
            "{args:?}\n{}",
            outcome.render()
        );
    }
}

#[test]
fn every_code_is_documented_once() {
    let mut codes: Vec<u8> = exit_code::TABLE.iter().map(|(code, _)| *code).collect();
    assert!(codes.is_sorted());
    codes.dedup();
    assert_eq!(codes.len(), exit_code::TABLE.len());
    let help = Place::new().orchestra(["--help"]).run().expect(0).stdout;
    for (code, meaning) in exit_code::TABLE {
        assert!(help.contains(&format!("{code:>3}  ")), "{code} {meaning}");
        assert_ne!(exit_code::remedy(*code), "", "{code} {meaning}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let mut child = place.orchestra(["report"]).start();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_ends_as_it_ended_whoever_reads() {
    let place = Place::with("failing.yaml", FAILING);
    for format in ["text", "json", "jsonl"] {
        let mut child = place
            .orchestra(["run", "failing.yaml", "-o", format])
            .start();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(1), "{format}");
    }
}
