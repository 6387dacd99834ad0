//! `orchestra retry`: a new run that carries over what was good.

use insta::assert_snapshot;

use crate::cli::resume::{started, wait_until};
use crate::cli::run::HELLO;
use crate::support::{Outcome, Place};

/// `flaky` fails until there is a file; `side` has nothing to do with it.
const CHAIN: &str = "\
version: 1
name: chain
inputs:
  gate: { type: path }
env: { GATE: \"${{ inputs.gate }}\" }
tasks:
  make:
    run: |
      date +%N > made.txt; mkdir tree; echo x > tree/x
      echo \"word=hello\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { word: string }
    artifacts: { made: made.txt, tree: tree/ }
  flaky:
    needs: [make]
    files: { in.txt: \"${{ tasks.make.artifacts.made }}\" }
    env: { WORD: \"${{ tasks.make.outputs.word }}\" }
    run: |
      test -e \"$GATE\" || exit 3
      echo \"$WORD\" > out.txt; cat in.txt >> out.txt
    artifacts: { out: out.txt }
  after:
    needs: [flaky]
    files: { in.txt: \"${{ tasks.flaky.artifacts.out }}\" }
    run: cat in.txt
  side:
    run: echo side
";

fn failed(scenario: &str) -> Place {
    let place = Place::with("chain.yaml", scenario);
    let args = ["run", "chain.yaml", "-i", "gate=gate"];
    place.orchestra(args).run().expect(1);
    place
}

/// The directories of all runs, oldest first.
fn runs(place: &Place) -> Vec<std::path::PathBuf> {
    let listed = place.orchestra(["list", "--json"]).run().expect(0).json();
    let runs = listed["runs"].as_array().unwrap().iter().rev();
    runs.map(|run| place.work().join(run["dir"].as_str().unwrap()))
        .collect()
}

fn count(journal: &std::path::Path, kind: &str) -> usize {
    let journal = fs_err::read_to_string(journal.join("events.jsonl")).unwrap();
    journal.matches(&format!("\"type\":\"{kind}\"")).count()
}

#[test]
fn what_did_not_succeed_runs_again_with_all_that_follows() {
    let place = failed(CHAIN);
    let old = runs(&place).remove(0);
    let before = fs_err::read(old.join("events.jsonl")).unwrap();
    place.write("gate", "");
    let retried = place.orchestra(["retry", "@last"]).run();
    assert_snapshot!(retried.render(), @r#"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Retry of <run>: 2 tasks run again (flaky, after) · 2 carried over
    Run <run> chain   plan <digest>   runs/<run-dir>
    Plan: 4 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS          (1/4) make   reused
        PASS          (2/4) side   reused
        PASS [   <s>] (3/4) flaky
        PASS [   <s>] (4/4) after
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   4 passed (2 reused)
        no sandbox: tasks ran with your user's rights
        3 artifacts in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "#);
    let new = runs(&place).pop().unwrap();
    assert_eq!(count(&new, "task.reused"), 2);
    assert_eq!(count(&new, "attempt.started"), 2);
    for path in ["artifacts/make/made.txt", "artifacts/make/tree/x"] {
        let [was, is] = [&old, &new].map(|dir| fs_err::read(dir.join(path)).unwrap());
        assert_eq!(was, is, "{path} was carried over");
    }
    let made = fs_err::read_to_string(old.join("artifacts/make/made.txt")).unwrap();
    let log = fs_err::read_to_string(new.join("logs/after.1.out")).unwrap();
    assert_eq!(log, format!("hello\n{made}"));
    place.orchestra(["verify"]).run().expect(0);
    assert_eq!(fs_err::read(old.join("events.jsonl")).unwrap(), before);
    let report = place.orchestra(["report", "--json"]).run().expect(0).json();
    let record: serde_json::Value =
        serde_json::from_slice(&fs_err::read(old.join("run.json")).unwrap()).unwrap();
    assert!(
        report
            .to_string()
            .contains(record["run_id"].as_str().unwrap()),
        "{report}"
    );
}

#[test]
fn a_task_alone_or_with_what_follows() {
    let place = failed(CHAIN);
    place.write("gate", "");
    let old = runs(&place).remove(0);
    let name = old.to_str().unwrap();
    // What is left out did not succeed, neither then nor now.
    let alone = place.orchestra(["retry", name, "flaky"]).run().expect(1);
    assert!(
        alone
            .stderr
            .contains("1 task runs again (flaky) · 2 carried over · 1 left out"),
        "{}",
        alone.render()
    );
    let with = place
        .orchestra(["retry", name, "flaky", "--downstream"])
        .run()
        .expect(0);
    assert!(
        with.stderr
            .contains("2 tasks run again (flaky, after) · 2 carried over\n"),
        "{}",
        with.render()
    );
    // A retry can be retried; what was carried over names the run that did it.
    let again = place.orchestra(["retry", "@last", "side"]).run().expect(0);
    assert!(
        again.stderr.contains("3 carried over"),
        "{}",
        again.render()
    );
    let record: serde_json::Value =
        serde_json::from_slice(&fs_err::read(old.join("run.json")).unwrap()).unwrap();
    let last = runs(&place).pop().unwrap();
    let journal = fs_err::read_to_string(last.join("events.jsonl")).unwrap();
    let made = journal
        .lines()
        .find(|line| line.contains("task.reused") && line.contains("\"make\""));
    assert!(
        made.unwrap().contains(record["run_id"].as_str().unwrap()),
        "{made:?}"
    );
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn what_cannot_be_retried_says_why() {
    let place = failed(CHAIN);
    assert_snapshot!(place.orchestra(["retry", "@last", "flaki"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `flaki`
    help: did you mean `flaky`?
    "#);
    assert_snapshot!(place.orchestra(["retry", "@last", "after"]).run().render(), @r#"
    exit 2
    --- stderr
    error[task-blocked]: `after` needs `flaky`, which did not succeed
    help: `orchestra retry <run> flaky after` runs both again
    "#);
    place
        .orchestra(["retry", "@last", "--downstream"])
        .run()
        .expect(2);
    let good = Place::with("hello.yaml", HELLO);
    good.orchestra(["run", "hello.yaml"]).run().expect(0);
    assert_snapshot!(good.orchestra(["retry", "@last"]).run().render(), @r#"
    exit 2
    --- stderr
    error[nothing-to-retry]: every task succeeded
    help: name the tasks that are to run again
    "#);
    let object = good
        .orchestra(["retry", "@last", "--json"])
        .run()
        .expect(2)
        .json();
    assert_eq!(object["error"]["code"], "nothing-to-retry");
    good.orchestra(["retry", "@last", "greet"]).run().expect(0);
}

#[test]
fn a_run_that_goes_on_or_could_is_not_retried() {
    let (place, mut child) = started();
    let held = place.orchestra(["retry", "@last"]).run().expect(7);
    assert!(
        held.stderr.starts_with("error[run-held]"),
        "{}",
        held.render()
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_snapshot!(place.orchestra(["retry", "@last"]).run().render(), @r#"
    exit 7
    --- stderr
    error[run-unfinished]: the run is not over
    help: `orchestra resume <run>` goes on
    "#);
    place.orchestra(["cancel", "@last"]).run().expect(0);
    place.write("gate", "");
    let retried = place.orchestra(["retry", "@last"]).run().expect(0);
    assert!(
        retried.stderr.contains("(second) · 1 carried over"),
        "{}",
        retried.render()
    );
}

#[test]
fn changed_results_are_not_carried_over() {
    let place = failed(CHAIN);
    place.write("gate", "");
    let old = runs(&place).remove(0);
    fs_err::write(old.join("artifacts/make/tree/x"), "y\n").unwrap();
    assert_snapshot!(place.orchestra(["retry", "@last"]).run().render(), @r#"
    exit 8
    --- stderr
    Retry of <run>: 2 tasks run again (flaky, after) · 2 carried over
    error[artifact-changed]: a result of the earlier run cannot be carried over
      because: artifacts/make/tree/x is not what was sealed
    help: `orchestra verify <run>` says what differs
    "#);
    assert_eq!(runs(&place).len(), 1, "nothing was made");
    fs_err::write(old.join("scenario.yaml"), "changed").unwrap();
    let refused = place.orchestra(["retry", "@last"]).run().expect(8);
    assert!(
        refused.stderr.starts_with("error[file-changed]"),
        "{}",
        refused.render()
    );
}

/// A fan-out whose second item fails until there is a file.
const ITEMS: &str = "\
version: 1
name: items
inputs: { gate: { type: path } }
tasks:
  list:
    run: echo 'names=[\"a\",\"b\",\"c\"]' >> \"$ORCHESTRA_OUTPUT\"
    outputs: { names: list }
  each:
    needs: [list]
    for_each: ${{ tasks.list.outputs.names }}
    env: { NAME: \"${{ item }}\", GATE: \"${{ inputs.gate }}\" }
    run: |
      [ \"$NAME\" != b ] || test -e \"$GATE\" || exit 4
      echo \"$NAME\" > out.txt
    artifacts: { out: out.txt }
  all:
    needs: [each]
    files: { in/: \"${{ tasks.each.artifacts.out }}\" }
    run: find in -type f | sort | xargs cat
";

#[test]
fn good_items_of_a_fan_out_are_carried_over() {
    let place = Place::with("chain.yaml", ITEMS);
    place
        .orchestra(["run", "chain.yaml", "-i", "gate=gate"])
        .run()
        .expect(1);
    place.write("gate", "");
    let old = runs(&place).remove(0);
    let retried = place.orchestra(["retry", "@last"]).run().expect(0);
    assert!(
        retried
            .stderr
            .contains("2 tasks run again (each[1], all) · 3 carried over\n"),
        "{}",
        retried.render()
    );
    let new = runs(&place).pop().unwrap();
    assert_eq!(count(&new, "attempt.started"), 2);
    assert_eq!(
        fs_err::read_to_string(new.join("logs/all.1.out")).unwrap(),
        "a\nb\nc\n"
    );
    place.orchestra(["verify"]).run().expect(0);
    let name = old.to_str().unwrap();
    let one = place.orchestra(["retry", name, "each[1]"]).run().expect(1);
    assert!(
        one.stderr
            .contains("(each[1]) · 3 carried over · 1 left out (all)\n"),
        "{}",
        one.render()
    );
    // The whole of it expands anew.
    let whole = place
        .orchestra(["retry", name, "each", "--downstream"])
        .run()
        .expect(0);
    assert!(
        whole.stderr.contains("(each, all) · 1 carried over"),
        "{}",
        whole.render()
    );
    assert_eq!(count(&runs(&place).pop().unwrap(), "attempt.started"), 4);
}

/// The opening of a retry is one write: cut off anywhere, nothing of it ever began.
#[test]
fn a_retry_that_was_cut_off_never_began() {
    let place = failed(CHAIN);
    place.write("gate", "");
    place.orchestra(["retry", "@last"]).run().expect(0);
    let new = runs(&place).pop().unwrap();
    for name in [
        "seal.json",
        "report.md",
        "report.json",
        "report.html",
        "junit.xml",
        "artifacts.json",
    ] {
        fs_err::remove_file(new.join(name)).unwrap();
    }
    fs_err::remove_dir_all(new.join("logs")).unwrap();
    let path = new.join("events.jsonl");
    let text = fs_err::read_to_string(&path).unwrap();
    let opening = text
        .lines()
        .position(|line| line.contains("plan.approved"))
        .unwrap();
    for kept in 0..opening {
        let cut: String = text.split_inclusive('\n').take(kept).collect();
        fs_err::write(&path, cut).unwrap();
        let resumed = place
            .orchestra(["resume", new.to_str().unwrap()])
            .run()
            .expect(7);
        assert!(
            resumed.stderr.starts_with("error[run-not-begun]"),
            "{kept}: {}",
            resumed.render()
        );
    }
}

#[test]
fn a_failed_run_proposes_it() {
    let place = failed(CHAIN);
    let shown: Outcome = place.orchestra(["show"]).run().expect(0);
    let next = shown.stdout.lines().last().unwrap();
    assert_snapshot!(next, @"  next: orchestra explain <run> flaky · orchestra retry <run> flaky --downstream");
}

/// A retry that dies goes on like any run, and what was carried over does not run.
#[test]
fn a_retry_that_was_killed_goes_on() {
    let (place, child) = started();
    place.orchestra(["pause", "@last", "--now"]).run().expect(0);
    Outcome::of(child.wait_with_output().unwrap()).expect(10);
    place.orchestra(["cancel", "@last"]).run().expect(0);
    let mark = place.work().join("gate.started");
    fs_err::remove_file(&mark).unwrap();
    let mut child = place.orchestra(["retry", "@last"]).start();
    wait_until(|| mark.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    place.write("gate", "");
    let resumed = place.orchestra(["resume", "@last"]).run().expect(0);
    assert!(
        resumed.stderr.contains("2 passed (1 reused)"),
        "{}",
        resumed.render()
    );
    let new = runs(&place).pop().unwrap();
    assert_eq!(count(&new, "attempt.started"), 2);
    place.orchestra(["verify"]).run().expect(0);
}

/// What was made of an old result keeps it; the verdict cannot say so, what stands before it does.
#[test]
fn what_keeps_an_old_result_is_said() {
    let text = "version: 1\nname: stale\ntasks:\n  \
                work:\n    for_each: [a, b]\n    command: [echo, \"${{ item }}\"]\n  \
                sum:\n    needs: [work]\n    run: 'true'\n  \
                tail:\n    needs: [sum]\n    run: 'true'\n";
    let place = Place::with("stale.yaml", text);
    place.orchestra(["run", "stale.yaml"]).run().expect(0);
    let one = place
        .orchestra(["retry", "@last", "work[0]"])
        .run()
        .expect(0);
    let said: Vec<&str> = one.stderr.lines().take(2).collect();
    assert_snapshot!(said.join("\n"), @r#"
    Retry of <run>: 1 task runs again (work[0]) · 3 carried over
    note: sum, tail keep their old results; `orchestra retry <run> 'work[0]' --downstream` runs all that follows again
    "#);
    let all = place
        .orchestra(["retry", "@last", "work[0]", "--downstream"])
        .run()
        .expect(0);
    assert!(!all.stderr.contains("note:"), "{}", all.render());
    let unknown = place.orchestra(["retry", "@last", "nothing-like-it"]).run();
    assert_snapshot!(unknown.render(), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `nothing-like-it`
    help: `orchestra show <run>` names the tasks
    "#);
}

/// A task that its own `if` passed over is no failure of the retry; one whose failure is tolerated runs
/// again where something selected went on from it.
#[test]
fn what_was_passed_over_or_tolerated_does_not_fail_a_retry() {
    let place = failed(
        "\
version: 1
inputs: { gate: { type: path } }
tasks:
  never: { if: \"inputs.gate == ''\", run: echo never }
  each: { for_each: [1, 2], if: item == 1, run: echo one }
  loose: { continue_on_error: true, run: exit 4 }
  flaky:
    needs: [loose, each]
    env: { GATE: \"${{ inputs.gate }}\" }
    run: test -e \"$GATE\"
",
    );
    place.write("gate", "");
    let told = place.orchestra(["retry", "@last", "flaky"]).run().expect(0);
    assert!(
        told.stderr.contains("2 tasks run again (flaky, loose)")
            || told.stderr.contains("2 tasks run again (loose, flaky)"),
        "{}",
        told.render()
    );
    place.orchestra(["verify"]).run().expect(0);
}
