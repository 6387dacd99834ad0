//! What is told of a run: in one order everywhere, no more than asked for, and in bounded lines.

use crate::cli::resume::started;
use crate::cli::run::HELLO;
use crate::support::{Outcome, Place};

/// By name `allowed` comes first, then `beta`; in time `allowed`, then `zeta`.
const MIXED: &str = "\
version: 1
name: mixed
tasks:
  allowed: { run: exit 4, continue_on_error: true }
  zeta: { needs: [allowed], run: exit 5 }
  beta: { needs: [zeta], if: always(), run: exit 6 }
";

fn positions(text: &str, words: &[&str]) -> Vec<usize> {
    let at = |word: &&str| text.find(*word).unwrap_or_else(|| panic!("{word}: {text}"));
    words.iter().map(at).collect()
}

#[test]
fn failures_come_in_one_order() {
    let place = Place::with("mixed.yaml", MIXED);
    let ran = place.orchestra(["run", "mixed.yaml"]).run().expect(1);
    let (_, closing) = ran.stderr.split_once("────────────").unwrap();
    let first = ["FAIL zeta", "FAIL beta", "FAIL allowed"];
    assert!(positions(closing, &first).is_sorted(), "{closing}");
    let shown = place.orchestra(["show"]).run().expect(0).stdout;
    let (_, closing) = shown.split_once("────────────").unwrap();
    assert!(positions(closing, &first).is_sorted(), "{shown}");
}

#[test]
fn a_tolerated_failure_is_called_one() {
    let text = "version: 1\nname: soft\ntasks:\n  a: { run: exit 4, continue_on_error: true }\n";
    let place = Place::with("soft.yaml", text);
    place.orchestra(["run", "soft.yaml"]).run().expect(0);
    let report = place.run_file("report.md");
    assert!(report.contains("## Tolerated failure"), "{report}");
    assert!(!report.contains("First failure"), "{report}");
}

#[test]
fn quiet_and_passed_is_one_line() {
    let place = Place::with("hello.yaml", HELLO);
    let outcome = place.orchestra(["run", "hello.yaml", "-q"]).run().expect(0);
    assert_eq!(outcome.stderr, "  PASSED in <s>   1 passed\n");
}

#[test]
fn a_driven_run_is_running_and_can_be_cancelled() {
    let (place, child) = started();
    let shown = place.orchestra(["show"]).run().expect(0).stdout;
    assert!(
        shown.contains("  RUNNING for <s>   1 passed · 1 running"),
        "{shown}"
    );
    assert!(shown.contains("next: orchestra cancel <run>"), "{shown}");
    assert!(!shown.contains("orchestra resume"), "{shown}");
    assert!(!shown.contains("report.md"), "{shown}");
    place.write("gate", "");
    Outcome::of(child.wait_with_output().unwrap()).expect(0);
}

#[test]
fn many_skipped_tasks_are_told_in_a_sum() {
    let mut text = String::from("version: 1\nname: many\ntasks:\n  first: { run: exit 1 }\n");
    for number in 0..50 {
        text.push_str(&format!(
            "  t{number}: {{ needs: [first], run: \"true\" }}\n"
        ));
    }
    let place = Place::with("many.yaml", text);
    let told = place.orchestra(["run", "many.yaml"]).run().expect(1).stderr;
    let lines = told
        .lines()
        .filter(|line| line.starts_with("    SKIP"))
        .count();
    assert!(lines < 12, "{told}");
    assert!(
        told.contains("… and 42 more tasks that never started"),
        "{told}"
    );
}

#[test]
fn help_is_a_word_too() {
    let place = Place::new();
    let flag = place.orchestra(["run", "--help"]).run().expect(0);
    let word = place.orchestra(["help", "run"]).run().expect(0);
    assert_eq!(word.stdout, flag.stdout);
    let all = place.orchestra(["help"]).run().expect(0);
    assert_eq!(
        all.stdout,
        place.orchestra(["--help"]).run().expect(0).stdout
    );
    place.orchestra(["help", "nonsense"]).run().expect(2);
}

#[test]
fn an_attempt_that_was_not_made_is_named() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let arguments = ["logs", "@last", "greet", "--attempt", "9"];
    let outcome = place.orchestra(arguments).run().expect(2);
    assert!(
        outcome.stderr.contains("there is no attempt 9"),
        "{}",
        outcome.render()
    );
    assert!(
        outcome.stderr.contains("the only attempt is 1"),
        "{}",
        outcome.render()
    );
}

/// Links and pipes are no results; that they are not there is said, everywhere.
#[test]
fn what_is_left_out_of_a_directory_is_told() {
    let text = "version: 1\nname: links\ntasks:\n  a:\n    \
                run: mkdir d; echo x > d/f; ln -s f d/l; mkfifo d/p\n    \
                artifacts: { d: d }\n";
    let place = Place::with("links.yaml", text);
    let told = place
        .orchestra(["run", "links.yaml"])
        .run()
        .expect(0)
        .stderr;
    let left_out = "2 entries left out (links, pipes or devices)";
    assert!(told.contains(&format!("a   d: {left_out}")), "{told}");
    assert!(
        told.contains(&format!("1 file   2 B   {left_out}")),
        "{told}"
    );
    assert!(place.run_file("report.md").contains(left_out));
    assert!(place.run_file("artifacts.json").contains("\"left_out\": 2"));
    place.orchestra(["verify"]).run().expect(0);
}
