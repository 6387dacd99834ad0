//! Pipes where files are expected: read if somebody writes, never waited for without a word.

use std::io::{BufRead as _, BufReader, Read as _};

use rustix::fs::{CWD, Mode};

use crate::cli::run::HELLO;
use crate::support::Place;

fn fifo(path: &std::path::Path) {
    rustix::fs::mkfifoat(CWD, path, Mode::RWXU).unwrap();
}

#[test]
fn a_named_pipe_is_waited_for_aloud_and_read() {
    let place = Place::new();
    let path = place.work().join("ff");
    fifo(&path);
    let mut child = place.orchestra(["validate", "ff"]).start();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("Waiting for ff"), "{line}");
    fs_err::write(&path, HELLO).unwrap();
    let status = child.wait().unwrap();
    said.read_to_string(&mut line).unwrap();
    assert_eq!(status.code(), Some(0), "{line}");
}

#[test]
fn a_pipe_in_a_run_directory_is_no_journal() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let dir = place.run_dir();
    for name in ["plan.json", "policy.json", "run.json", "events.jsonl"] {
        let path = dir.join(name);
        let kept = fs_err::read(&path).unwrap();
        fs_err::remove_file(&path).unwrap();
        fifo(&path);
        place.orchestra(["list"]).run().expect(0);
        place.orchestra(["verify"]).run().expect(8);
        let shown = place.orchestra(["show"]).run();
        assert!([0, 7].contains(&shown.code), "{name}: {}", shown.render());
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, kept).unwrap();
    }
    place.orchestra(["verify"]).run().expect(0);
}
