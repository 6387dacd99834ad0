//! What is told of a run: in one order everywhere, no more than asked for, and in bounded lines.

use insta::assert_snapshot;

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
fn quiet_and_passed_is_one_line_beside_the_banner() {
    let place = Place::with("hello.yaml", HELLO);
    let outcome = place.orchestra(["run", "hello.yaml", "-q"]).run().expect(0);
    let banner = "SANDBOX none: files, network and processes are open to every task (environment \
                  ORCHESTRA_SANDBOX)\n";
    assert_eq!(
        outcome.stderr,
        format!("{banner}  PASSED in <s>   1 passed\n")
    );
}

#[test]
fn a_driven_run_is_running_and_can_be_cancelled() {
    let (place, child) = started();
    let shown = place.orchestra(["show"]).run().expect(0).stdout;
    assert!(
        shown.contains("  RUNNING for <s>   1 passed · 1 running"),
        "{shown}"
    );
    let next = "next: orchestra watch <run> · orchestra logs <run> --follow · \
                orchestra pause <run> · orchestra cancel <run>";
    assert!(shown.contains(next), "{shown}");
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

/// One of three items fails; the rest of the run waits for all of them.
const ITEMS: &str = "\
version: 1
name: items
tasks:
  list: { run: \"true\" }
  work:
    needs: [list]
    for_each: [alpha, beta, gamma]
    as: w
    env: { W: \"${{ w }}\" }
    run: |
      echo \"at $W\" >&2
      if [ \"$W\" = gamma ]; then exit 7; fi
  sum: { needs: [work], run: \"true\" }
outputs: { lines: \"${{ 1 + 1 }}\" }
";

#[test]
fn items_have_their_labels_and_commands_are_words_of_a_shell() {
    let place = Place::with("items.yaml", ITEMS);
    place
        .orchestra(["run", "items.yaml", "--max-parallel", "1"])
        .run()
        .expect(1);
    assert_snapshot!(place.orchestra(["show"]).run().render(), @r#"
    exit 0
    --- stdout
    Run <run> items   plan <digest>   runs/<run-dir>
    Started <time> UTC · <n> at once · no sandbox: tasks ran with your user's rights
        FAIL [   <s>] work   1 of 3 items failed
        FAIL [   <s>] work[2] gamma   exit 7
        PASS [   <s>] work[0] alpha
        PASS [   <s>] work[1] beta
        SKIP          sum   because work[2] failed
        PASS [   <s>] list
    ────────────
      FAILED in <s>   3 passed · 1 failed · 1 skipped
        FAIL work[2] gamma   attempt 1 of 1   exit 7   logs/work-2.1.err
             | at gamma
             sandbox: none
        SKIP sum   because work[2] failed
        no sandbox: tasks ran with your user's rights
        lines = 2
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> 'work[2]' · orchestra explain <run> 'work[2]' · orchestra retry <run> 'work[2]' --downstream
    "#);
    let report = place.run_file("report.md");
    assert!(report.contains("orchestra logs . 'work[2]'\n"), "{report}");
    assert!(report.contains("## Outputs\n\n- lines: 2\n"), "{report}");
    let explained = place
        .orchestra(["explain", "@last", "work"])
        .run()
        .expect(0);
    let next = "next: orchestra logs <run> 'work[2]' ";
    assert!(explained.stdout.contains(next), "{}", explained.stdout);
}

#[test]
fn what_a_retry_left_out_is_the_next_thing_to_run() {
    let text = "version: 1\nname: parts\ntasks:\n  a: { run: test -e \"$GATE\", env: { GATE: \"${{ inputs.gate }}\" } }\n  \
                b: { needs: [a], run: \"true\" }\ninputs: { gate: { type: string } }\n";
    let place = Place::with("parts.yaml", text);
    let gate = place.work().join("gate").display().to_string();
    let input = format!("gate={gate}");
    place
        .orchestra(["run", "parts.yaml", "-i", &input])
        .run()
        .expect(1);
    place.write("gate", "");
    let told = place.orchestra(["retry", "@last", "a"]).run().stderr;
    let left_out = "    1 task was left out of this retry; it has not run yet\n";
    assert!(told.contains(left_out), "{told}");
    assert!(told.contains("next: orchestra retry <run>\n"), "{told}");
    let rest = place.orchestra(["retry", "@last"]).run().expect(0).stderr;
    assert!(
        rest.contains("  PASSED in <s>   2 passed (1 reused)\n"),
        "{rest}"
    );
}

/// The file that a nested scenario hands on is one file, and the scenario's own output comes first.
const OUTER: &str = "\
version: 1
name: outer
tasks:
  part: { uses: ./part.yaml }
  check:
    needs: [part]
    files: { in.txt: \"${{ tasks.part.artifacts.made }}\" }
    run: cp in.txt out.txt
    artifacts: { checked: out.txt }
outputs: { made: \"${{ tasks.part.artifacts.made }}\" }
";
const PART: &str = "\
version: 1
name: part
tasks:
  make: { run: echo x > made.txt, artifacts: { made: made.txt } }
outputs: { made: \"${{ tasks.make.artifacts.made }}\" }
";

#[test]
fn every_file_is_listed_once_and_outputs_come_first() {
    let place = Place::with("outer.yaml", OUTER);
    place.write("part.yaml", PART);
    assert_snapshot!(place.orchestra(["run", "outer.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> outer   plan <digest>   runs/<run-dir>
    Plan: 2 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/2) part/make
        PASS [   <s>] (1/2) part   1 task
        PASS [   <s>] (2/2) check
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   2 passed
        no sandbox: tasks ran with your user's rights
        made   runs/<run-dir>/artifacts/part-make/made.txt   2 B
        checked   runs/<run-dir>/artifacts/check/out.txt   2 B
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "#);
    let report = place.run_file("report.md");
    assert_eq!(report.matches("| made |").count(), 1, "{report}");
    assert!(report.contains("- made: [artifacts/"), "{report}");
    let page = place.run_file("report.html");
    let link = "<dt>made</dt><dd><a href=\"artifacts/part-make/made.txt\">";
    assert!(page.contains(link), "{page}");
    assert_eq!(page.matches("<th scope=\"row\">made</th>").count(), 1);
}

/// Both look at the first and the last event.
#[test]
fn a_run_takes_as_long_in_the_list_as_at_its_end() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let listed = place.orchestra(["list", "--json"]).run().expect(0).json();
    let report = place.run_file("report.json");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(listed["runs"][0]["wall_ms"], report["wall_ms"]);
}

#[test]
fn a_damaged_journal_leads_to_verify() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let journal = place.run_file("events.jsonl");
    let mut lines: Vec<&str> = journal.lines().collect();
    lines.remove(3);
    let path = place.run_dir().join("events.jsonl");
    fs_err::write(path, format!("{}\n", lines.join("\n"))).unwrap();
    let told = place.orchestra(["show"]).run().expect(8).stderr;
    assert!(told.contains("help: `orchestra verify "), "{told}");
}
