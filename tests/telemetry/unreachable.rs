//! A collector that is not there, refuses or never answers costs a line and a moment, never the run.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::collector::Collector;
use crate::support::{Outcome, Place};

/// The flush and what a loaded machine adds.
const IN_TIME: Duration = Duration::from_secs(20);

/// Runs one task with spans sent there; everything but the warning is as ever.
fn run(endpoint: &str) -> (Outcome, Duration) {
    let place = Place::with(
        "one.yaml",
        "version: 1\nname: one\ntasks:\n  a:\n    run: echo x > f\n    artifacts: { f: f }\n",
    );
    let began = Instant::now();
    let outcome = place
        .orchestra(["run", "one.yaml"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .run()
        .expect(0);
    let took = began.elapsed();
    place.orchestra(["verify", "@last"]).run().expect(0);
    assert_eq!(place.run_file("artifacts/a/f"), "x\n");
    (outcome, took)
}

#[track_caller]
fn one_line(outcome: &Outcome, said: &str) {
    let lines: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("warning"))
        .collect();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    assert!(
        lines[0].starts_with("warning[traces-unsent]: 3 of 3 spans did not reach 127.0.0.1:"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(said), "{}", lines[0]);
    let (at, end) = (
        outcome.stderr.find("warning"),
        outcome.stderr.find("PASSED in"),
    );
    assert!(
        at < end,
        "how the run ended is said last\n{}",
        outcome.stderr
    );
}

#[test]
fn nobody_listens() {
    // A port that was free a moment ago, and nobody else is told of.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (outcome, took) = run(&format!("http://user:sesame@127.0.0.1:{port}"));
    one_line(&outcome, "network error");
    assert!(!outcome.stderr.contains("sesame"), "{}", outcome.stderr);
    assert!(took < IN_TIME, "{took:?}");
}

#[test]
fn nobody_answers() {
    let collector = Collector::start(None);
    let (outcome, took) = run(&collector.endpoint());
    one_line(&outcome, "it took too long");
    assert!(took < IN_TIME, "{took:?}");
}

#[test]
fn spans_are_refused() {
    let collector = Collector::start(Some("401 Unauthorized"));
    let (outcome, took) = run(&collector.endpoint());
    one_line(&outcome, "401");
    assert!(took < IN_TIME, "{took:?}");
}
