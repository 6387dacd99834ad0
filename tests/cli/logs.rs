//! `orchestra logs`: followed while tasks write, and narrowed to a stream or a fan-out.

use std::io::{BufRead as _, BufReader, Read as _};

use insta::assert_snapshot;

use crate::cli::resume::{started, wait_until};
use crate::cli::run::FAILING;
use crate::support::{Outcome, Place};

/// Two tasks that write in turns: each waits for what the other made.
const TURNS: &str = "\
version: 1
name: turns
max_parallel: 2
inputs:
  here: { type: path, default: . }
env: { HERE: \"${{ inputs.here }}\" }
tasks:
  ping:
    run: |
      echo ping 1
      : > \"$HERE/ping\"
      until [ -e \"$HERE/pong\" ]; do sleep 0.02; done
      printf 'ping 2, without an end'
      until [ -e \"$HERE/gate\" ]; do sleep 0.02; done
  pong:
    run: |
      until [ -e \"$HERE/ping\" ]; do sleep 0.02; done
      printf 'pong \\033[2J\\n' >&2
      : > \"$HERE/pong\"
      until [ -e \"$HERE/gate\" ]; do sleep 0.02; done
";

#[test]
fn lines_come_while_tasks_run() {
    let place = Place::with("turns.yaml", TURNS);
    let run = place.orchestra(["run", "turns.yaml"]).start();
    let written = |name: &str| {
        let all = place.listing();
        all.iter().any(|path| path.ends_with(name))
    };
    wait_until(|| written("logs/ping.1.out") && written("logs/pong.1.err"));
    let before = place.listing();
    let mut follow = place.orchestra(["logs", "@last", "-f"]).start();
    let mut lines = BufReader::new(follow.stdout.take().unwrap());
    let mut seen = String::new();
    while !(seen.contains("ping | ping 1\n") && seen.contains("pong | pong \x1b[2J\n")) {
        assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    assert_eq!(place.listing(), before, "nothing was made");
    place.write("gate", "");
    lines.read_to_string(&mut seen).unwrap();
    assert!(seen.ends_with("ping | ping 2, without an end\n"), "{seen}");
    assert_eq!(seen.lines().count(), 3, "{seen}");
    assert_eq!(follow.wait().unwrap().code(), Some(0));
    Outcome::of(run.wait_with_output().unwrap()).expect(0);
    let objects = place
        .orchestra(["logs", "@last", "pong", "-f", "-o", "jsonl"])
        .run()
        .expect(0);
    assert_snapshot!(objects.stdout, @r#"{"attempt":1,"line":"pong \u001b[2J","schema":"orchestra.log-line/v1","stream":"stderr","task":"pong"}"#);
}

#[test]
fn a_finished_run_is_followed_to_its_end_at_once() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    assert_snapshot!(place.orchestra(["logs", "@last", "--follow"]).run().render(), @r"
    exit 0
    --- stdout
    prepare | ready
    build | compiling
    build | main.c:3: error: expected ;
    build (attempt 2) | compiling
    build (attempt 2) | main.c:3: error: expected ;
    ");
    let one = place
        .orchestra(["logs", "@last", "build", "-f", "--stderr", "--attempt", "2"])
        .run()
        .expect(0);
    assert_eq!(
        one.stdout,
        "build (attempt 2) | main.c:3: error: expected ;\n"
    );
    let kept = place
        .orchestra(["logs", "@last", "--stderr", "--attempt", "1"])
        .run()
        .expect(0);
    assert_eq!(kept.stdout, "main.c:3: error: expected ;\n");
    let both = place
        .orchestra([
            "logs",
            "@last",
            "build",
            "--attempt",
            "1",
            "--stdout",
            "--stderr",
        ])
        .run()
        .expect(0);
    assert_eq!(both.stdout.matches("==> build").count(), 2);
    for line in place
        .orchestra(["logs", "@last", "-o", "jsonl"])
        .run()
        .expect(0)
        .jsonl()
    {
        assert_eq!(line["schema"], "orchestra.log/v1");
    }
}

#[test]
fn what_cannot_be_followed() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    assert_snapshot!(place.orchestra(["logs", "@last", "-f", "bild"]).run().render(), @r"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `bild`
    help: did you mean `build`?
    ");
    let object = place.orchestra(["logs", "@last", "-f", "--json"]).run();
    let error = object.expect(2).json();
    assert_eq!(error["error"]["code"], "unfollowable");
    place
        .orchestra(["logs", "@last", "-f", "--failed"])
        .run()
        .expect(2);
}

#[test]
fn a_run_that_is_left_ends_the_following() {
    let (place, mut child) = started();
    let mut follow = place.orchestra(["logs", "@last", "-f"]).start();
    let mut lines = BufReader::new(follow.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "first | once\n");
    child.kill().unwrap();
    child.wait().unwrap();
    let left = Outcome::of(follow.wait_with_output().unwrap()).expect(7);
    assert!(left.stderr.contains("error[run-left]"), "{}", left.render());
    assert!(
        left.stderr.contains("`orchestra resume <run>`"),
        "{}",
        left.render()
    );
}
