//! `orchestra resume` of finished, held and interrupted runs.

use insta::assert_snapshot;

use crate::cli::run::{FAILING, HELLO};
use crate::support::{Outcome, Place};

/// A run whose second task waits for a file that the test makes.
const WAITING: &str = "\
version: 1
name: waiting
inputs:
  gate: { type: path }
tasks:
  first:
    run: echo once | tee first.txt
    artifacts: { first: first.txt }
  second:
    needs: [first]
    env: { GATE: \"${{ inputs.gate }}\" }
    run: |
      echo started > \"$GATE.started\"
      until [ -e \"$GATE\" ]; do sleep 0.02; done
      echo over
";

/// Starts the waiting scenario and returns once its second task runs.
pub fn started() -> (Place, std::process::Child) {
    let place = Place::with("waiting.yaml", WAITING);
    let child = place
        .orchestra(["run", "waiting.yaml", "-i", "gate=gate"])
        .start();
    let mark = place.work().join("gate.started");
    wait_until(|| mark.exists());
    (place, child)
}

/// Polls, for as long as a loaded machine may need.
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed().as_secs() < 60, "waited in vain");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_finished_run_says_how_it_ended() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    let journal = place.run_file("events.jsonl");
    assert_snapshot!(place.orchestra(["resume", "@last"]).run().render(), @r#"
    exit 1
    --- stdout
    runs/<run-dir>
    --- stderr
    This run is over; nothing was started.
    ────────────
      FAILED in <s>   1 passed · 1 failed · 2 skipped
        FAIL build   attempt 2 of 2   exit 3   logs/build.2.err
             | main.c:3: error: expected ;
             sandbox: none
        SKIP test, publish   because build failed
        no sandbox: tasks ran with your user's rights
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> build · orchestra explain <run> build · orchestra retry <run> build --downstream
    "#);
    assert_eq!(
        place.run_file("events.jsonl"),
        journal,
        "nothing was written"
    );
    let object = place
        .orchestra(["resume", "@last", "--json"])
        .run()
        .expect(1)
        .json();
    assert_eq!(object["status"], "failed");
    let last = place
        .orchestra(["resume", "@last", "-o", "jsonl"])
        .run()
        .expect(1)
        .jsonl();
    assert_eq!(last.last().unwrap()["type"], "run.finished");
}

#[test]
fn reports_and_seal_that_a_crash_took_are_made_again() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    for name in ["seal.json", "report.md", "report.json", "artifacts.json"] {
        fs_err::remove_file(place.run_dir().join(name)).unwrap();
    }
    place.orchestra(["verify"]).run().expect(8);
    place.orchestra(["resume", "@last"]).run().expect(0);
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_held_run_names_its_holder() {
    let (place, child) = started();
    let pid = child.id();
    let outcome = place.orchestra(["resume", "@last"]).run().expect(7);
    assert!(
        outcome
            .stderr
            .starts_with(&format!("error[run-held]: run is held by process {pid}\n")),
        "{}",
        outcome.stderr
    );
    let listed = place.orchestra(["list", "--json"]).run().expect(0).json();
    assert_eq!(listed["runs"][0]["status"], "running");
    assert_eq!(listed["runs"][0]["pid"], pid);
    let report = place.orchestra(["report", "@last"]).run().expect(0);
    let note = format!("process {pid} drives this run");
    assert!(report.stderr.starts_with(&note), "{}", report.stderr);
    place.write("gate", "");
    let outcome = Outcome::of(child.wait_with_output().unwrap()).expect(0);
    assert!(outcome.stderr.contains("PASSED"), "{}", outcome.stderr);
}

#[test]
fn a_killed_run_goes_on_and_done_tasks_do_not_run_again() {
    let (place, mut child) = started();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        place.orchestra(["list", "--json"]).run().expect(0).json()["runs"][0]["status"],
        "interrupted"
    );
    let shown = place.orchestra(["show"]).run().expect(0).stdout;
    assert!(shown.contains("Nobody drives it"), "{shown}");
    assert!(shown.contains("next: orchestra resume <run>"), "{shown}");
    place.write("gate", "");
    let resumed = place.orchestra(["resume", "@last"]).run();
    // How much was left to sweep depends on how fast the launcher noticed.
    let lines = |text: &str| {
        text.lines()
            .filter(|l| !l.contains("SWEEP"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(lines(&resumed.render()), @r#"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Resume <run> waiting   runs/<run-dir>
    So far: 1 passed · 1 running of 2 tasks
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        LOST          (1/2) second   interrupted; it runs again
        PASS [   <s>] (2/2) second   attempt 2 of 2
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   2 passed
        no sandbox: tasks ran with your user's rights
        1 artifact in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "#);
    let journal = place.run_file("events.jsonl");
    let started = |task: &str| {
        let wanted = format!("\"type\":\"attempt.started\",\"task\":\"{task}\"");
        journal
            .lines()
            .filter(|line| line.contains(&wanted))
            .count()
    };
    assert_eq!((started("first"), started("second")), (1, 2));
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_changed_plan_is_not_resumed() {
    let (place, mut child) = started();
    child.kill().unwrap();
    child.wait().unwrap();
    let path = place.run_dir().join("plan.json");
    let plan = fs_err::read_to_string(&path)
        .unwrap()
        .replace("echo over", "echo owned");
    fs_err::write(&path, plan).unwrap();
    assert_snapshot!(place.orchestra(["resume", "@last"]).run().render(), @r#"
    exit 8
    --- stderr
    error[file-changed]: plan.json is not what was approved
    help: `orchestra verify <run>` says what differs
    "#);
}

/// The journal of a sealed run was cut: going on would run done tasks again and seal over the trace.
#[test]
fn a_sealed_run_whose_journal_was_cut_is_not_touched() {
    for (keep, word) in [(7, "seal-mismatch"), (0, "journal-damaged")] {
        let place = Place::with("hello.yaml", HELLO);
        place.orchestra(["run", "hello.yaml"]).run().expect(0);
        let journal = place.run_dir().join("events.jsonl");
        let text = fs_err::read_to_string(&journal).unwrap();
        let cut: String = text.split_inclusive('\n').take(keep).collect();
        fs_err::write(&journal, &cut).unwrap();
        for verb in ["resume", "cancel"] {
            let refused = place.orchestra([verb, "@last"]).run().expect(8);
            assert!(refused.stderr.contains(word), "{}", refused.render());
        }
        assert_eq!(fs_err::read_to_string(&journal).unwrap(), cut);
        place.orchestra(["verify", "@last"]).run().expect(8);
    }
}

/// A run directory can come with a clone: what it says of the sandbox is nobody's choice here.
#[test]
fn a_level_below_strict_is_chosen_again() {
    let place = Place::new();
    place.write("one.yaml", "name: one\ntasks:\n  a:\n    run: exit 1\n");
    place.orchestra(["run", "one.yaml", "-q"]).run().expect(1);
    let refused = place.orchestra(["retry", "@last"]).sandboxed().run();
    assert_snapshot!(refused.render(), @r"
    exit 4
    --- stderr
    error[level-too-low]: the run was made at sandbox level `none`
    help: if that is what you want, say so again with `--sandbox none`
    ");
    place
        .orchestra(["retry", "@last", "--sandbox", "none"])
        .sandboxed()
        .run()
        .expect(1);
}
