//! `orchestra explain`: each way a task can go, told with the events it rests on.

use insta::assert_snapshot;

use crate::cli::run::FAILING;
use crate::support::Place;

const WAYS: &str = "\
version: 1
name: ways
inputs:
  publish: { type: bool, default: false }
tasks:
  first:
    run: sleep 0.2
  second:
    run: \"true\"
  join:
    needs: [first, second, shaky]
    run: echo \"n=1\" >> \"$ORCHESTRA_OUTPUT\"; echo x > x
    outputs: { n: int }
    artifacts: { x: x }
  shaky:
    run: exit 4
    continue_on_error: true
  publish:
    needs: [join]
    if: inputs.publish
    run: echo published
  announce:
    needs: [publish]
    run: echo announced
  cleanup:
    needs: [join]
    if: always()
    run: echo clean
";

const SKIPPED: &str = "\
version: 1
name: skipped
tasks:
  build:
    run: exit 3
    retry: { max: 1, delay: 1ms, exit_codes: [75] }
  test:
    needs: [build]
    run: echo never
  publish:
    needs: [test]
    run: echo never
";

fn ran(name: &str, scenario: &str, code: i32) -> Place {
    let file = format!("{name}.yaml");
    let place = Place::with(&file, scenario);
    place
        .orchestra(["run", &file, "--max-parallel", "1"])
        .run()
        .expect(code);
    place
}

fn told(place: &Place, task: &str) -> String {
    place
        .orchestra(["explain", "@last", task])
        .run()
        .expect(0)
        .stdout
}

/// Without the line about its slot: one is free a moment before the attempt that had it is known to be
/// over, so whose it was, and whether it was waited for, depends on the moment.
fn but_its_slot(told: &str) -> String {
    let lines = told.lines().filter(|line| !line.contains("sent out"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_ran_and_what_it_waited_for() {
    let place = ran("ways", WAYS, 0);
    assert_snapshot!(told(&place, "first"), @r#"
    PASS first   run <run>, ways

          +<s>  it needs nothing, so it was ready once the plan was approved (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 succeeded after <s> (#<seq>)
          +<s>  it is done (#<seq>)

      next: orchestra show <run>
    "#);
    assert_snapshot!(but_its_slot(&told(&place, "shaky")), @r#"
    FAIL shaky   exit 4; tolerated   run <run>, ways

          +<s>  it needs nothing, so it was ready once the plan was approved (#<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 failed with exit 4 after <s> (#<seq>)
          +<s>  it failed for good: it has no `retry`; `continue_on_error` lets its dependents run all the same (#<seq>)

      next: orchestra show <run>
    "#);
    assert_snapshot!(told(&place, "join"), @r#"
    PASS join   run <run>, ways

          +<s>  it needs first, which was done (#<seq>)
          +<s>  it needs second, which was done (#<seq>)
          +<s>  it needs shaky, which failed, which is tolerated, the last of its 3 needs (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 succeeded after <s> (#<seq>)
          +<s>  it is done, with 1 output and 1 artifact (#<seq>)

      next: orchestra show <run>
    "#);
    assert_snapshot!(told(&place, "cleanup"), @r#"
    PASS cleanup   run <run>, ways

          +<s>  it needs join, which was done (#<seq>)
          +<s>  its `if: always()` let it run (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 succeeded after <s> (#<seq>)
          +<s>  it is done (#<seq>)

      next: orchestra logs <run> cleanup
    "#);
}

#[test]
fn what_an_if_passed_over() {
    let place = ran("ways", WAYS, 0);
    assert_snapshot!(told(&place, "publish"), @r#"
    SKIP publish   its `if` was false   run <run>, ways

          +<s>  it needs join, which was done (#<seq>)
          +<s>  it was skipped: its `if: inputs.publish` came out false (#<seq>)
          +<s>  because of it, skipped: announce (#<seq>)

      next: orchestra show <run>
    "#);
    assert_snapshot!(told(&place, "announce"), @r#"
    SKIP announce   because publish was skipped   run <run>, ways

          +<s>  it needs publish, which was skipped (#<seq>)
          +<s>  it was skipped because publish was skipped (#<seq>, #<seq>)

      next: orchestra show <run>
    "#);
}

#[test]
fn what_was_repeated_and_failed_for_good() {
    let place = ran("failing", FAILING, 1);
    assert_snapshot!(told(&place, "build"), @r#"
    FAIL build   exit 3   run <run>, failing

          +<s>  it needs prepare, which was done (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 failed with exit 3 after <s> (#<seq>)
          +<s>  it is repeated: its `retry` allows 1 extra attempt; attempt 2 in <s>, on the same worker (#<seq>)
          +<s>  attempt 2 began (#<seq>)
          +<s>  attempt 2 failed with exit 3 after <s> (#<seq>)
          +<s>  it failed for good: its `retry` allows 1 extra attempt, and none is left (#<seq>)
          +<s>  because of it, skipped: test (#<seq>)

      next: orchestra logs <run> build · orchestra retry <run>
    "#);
}

#[test]
fn what_a_failure_far_away_skipped() {
    let place = ran("skipped", SKIPPED, 1);
    assert_snapshot!(told(&place, "build"), @r#"
    FAIL build   exit 3   run <run>, skipped

          +<s>  it needs nothing, so it was ready once the plan was approved (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 failed with exit 3 after <s> (#<seq>)
          +<s>  it failed for good: its `retry` does not repeat exit 3 (#<seq>)
          +<s>  because of it, skipped: test (#<seq>)

      next: orchestra show <run> · orchestra retry <run>
    "#);
    assert_snapshot!(told(&place, "publish"), @r#"
    SKIP publish   because build failed   run <run>, skipped

          +<s>  it needs test, which was skipped (#<seq>)
          +<s>  it was skipped because test was skipped, because build failed (#<seq>, #<seq>, #<seq>)

      next: orchestra show <run> · orchestra retry <run>
    "#);
}

#[test]
fn every_number_is_that_of_an_event_that_says_so() {
    let place = ran("skipped", SKIPPED, 1);
    let events = place.run_file("events.jsonl");
    let events: Vec<serde_json::Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let args = ["explain", "@last", "publish", "--json"];
    let object = place.orchestra(args).run().expect(0).json();
    assert_eq!(object["schema"], "orchestra.explain/v1");
    assert_eq!(object["status"], "skipped");
    let last = object["lines"].as_array().unwrap().last().unwrap();
    let cited: Vec<String> = last["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seq| {
            let event = &events[usize::try_from(seq.as_u64().unwrap()).unwrap() - 1];
            assert_eq!(event["seq"], *seq);
            format!("{} {}", event["type"], event["task"]).replace('"', "")
        })
        .collect();
    let expected = [
        "task.failed build",
        "task.skipped test",
        "task.skipped publish",
    ];
    assert_eq!(cited, expected);
    assert!(last["offset_us"].is_u64(), "{last}");
}

#[test]
fn narrow_terminals_wrap_between_words() {
    let place = ran("failing", FAILING, 1);
    let narrow = place
        .orchestra(["explain", "@last", "build"])
        .env("COLUMNS", "44");
    let text = narrow.run().expect(0).stdout;
    let sentences = text.lines().filter(|line| line.starts_with("  "));
    assert!(sentences.clone().count() > 6, "{text}");
    let fits = |line: &str| line.chars().count() <= 44 || line.contains("next: ");
    assert!(sentences.clone().all(fits), "{text}");
}

#[test]
fn what_was_interrupted_and_taken_up_again() {
    let place = ran("failing", FAILING, 1);
    let dir = place.run_dir();
    // As a crash while `build` ran would have left it.
    let journal = fs_err::read_to_string(dir.join("events.jsonl")).unwrap();
    let lines: Vec<&str> = journal.lines().collect();
    let started = |line: &&str| line.contains("attempt.started") && line.contains("\"build\"");
    let at = lines.iter().position(started).unwrap();
    place.interrupt(&dir, lines.len() - at - 1);
    assert_snapshot!(told(&place, "build"), @r#"
    RUN build   run <run>, failing

          +<s>  it needs prepare, which was done (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
                it was running when the journal ends, and nobody drives the run

      next: orchestra resume <run>
    "#);
    assert_snapshot!(told(&place, "test"), @r#"
    WAIT test   run <run>, failing

                it needs build, which is running
                it has not begun

      next: orchestra resume <run>
    "#);
    place.orchestra(["resume", "@last"]).run().expect(1);
    assert_snapshot!(told(&place, "build"), @r#"
    FAIL build   exit 3   run <run>, failing

          +<s>  it needs prepare, which was done (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  the run was taken up again (#<seq>)
          +<s>  it was interrupted with its coordinator; it is sent out again (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 2 began (#<seq>)
          +<s>  attempt 2 failed with exit 3 after <s> (#<seq>)
          +<s>  it is repeated: its `retry` allows 1 extra attempt; attempt 3 in <s>, on the same worker (#<seq>)
          +<s>  attempt 3 began (#<seq>)
          +<s>  attempt 3 failed with exit 3 after <s> (#<seq>)
          +<s>  it failed for good: its `retry` allows 1 extra attempt, and none is left (#<seq>)
          +<s>  because of it, skipped: test (#<seq>)

      next: orchestra logs <run> build · orchestra retry <run>
    "#);
}

#[test]
fn what_was_cancelled_with_its_run() {
    let place = ran("failing", FAILING, 1);
    let dir = place.run_dir();
    let events = fs_err::read_to_string(dir.join("events.jsonl")).unwrap();
    place.interrupt(&dir, events.lines().count() - 3);
    place.orchestra(["cancel", "@last"]).run().expect(0);
    assert_snapshot!(told(&place, "publish"), @r#"
    CANCEL publish   run <run>, failing

          +<s>  it needs test, which was cancelled (#<seq>)
          +<s>  the run was taken up again (#<seq>)
          +<s>  the run was stopped by orchestra cancel (#<seq>)
          +<s>  it was open when the run was stopped, so it was cancelled (#<seq>, #<seq>)

      next: orchestra show <run> · orchestra retry <run>
    "#);
}

const FAN: &str = "\
version: 1
name: fan
tasks:
  list:
    run: echo 'items=[\"x\",\"y\",\"z\"]' >> \"$ORCHESTRA_OUTPUT\"
    outputs: { items: list }
  each:
    needs: [list]
    for_each: ${{ tasks.list.outputs.items }}
    as: it
    env: { IT: \"${{ it }}\" }
    run: test \"$IT\" != y
  after:
    needs: [each]
    run: echo after
";

#[test]
fn what_expanded_and_what_became_of_it() {
    let place = ran("fan", FAN, 1);
    assert_snapshot!(told(&place, "each"), @r#"
    FAIL each   1 of 3 items failed   run <run>, fan

          +<s>  it needs list, which was done (#<seq>)
          +<s>  it expanded into 3 items (#<seq>)
          +<s>  it failed, because a part of what it expanded into failed: each[1] (#<seq>, #<seq>)
          +<s>  because of it, skipped: after (#<seq>)

      next: orchestra explain <run> 'each[1]' · orchestra retry <run>
    "#);
    assert_snapshot!(but_its_slot(&told(&place, "each[1]")), @r#"
    FAIL each[1]   exit 1   run <run>, fan

          +<s>  it is item 1 (y) of each, which expanded (#<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 failed with exit 1 after <s> (#<seq>)
          +<s>  it failed for good: it has no `retry` (#<seq>)

      next: orchestra show <run> · orchestra retry <run>
    "#);
    assert_snapshot!(told(&place, "after"), @r#"
    SKIP after   because each[1] failed   run <run>, fan

          +<s>  it needs each, which failed (#<seq>)
          +<s>  it was skipped because each failed (#<seq>, #<seq>)

      next: orchestra show <run> · orchestra retry <run>
    "#);
    let stats = place.orchestra(["stats", "fan"]).run().expect(0).stdout;
    assert_snapshot!(stats, @r#"
    scenario  runs  success  failed  cancelled  p50  p95  last failure
    fan          1       0%       1          0  <s>  <s>  <run> <time>

    task     ended  success  flaky  retries  p50  p95  last failure
    each[*]      3      66%     0%        0  <s>  <s>  <run> <time> exit 1
    list         1     100%     0%        0  <s>  <s>  -
    "#);
}

#[test]
fn unknown_tasks() {
    let place = ran("failing", FAILING, 1);
    assert_snapshot!(place.orchestra(["explain", "@last", "biuld"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `biuld`
    help: did you mean `build`?
    "#);
    assert_snapshot!(place.orchestra(["explain", "@last", "Not An Id"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the run has no task `Not An Id`
    help: `orchestra show <run>` names the tasks
    "#);
    let args = ["explain", "@last", "build[3]", "--json"];
    let object = place.orchestra(args).run().expect(2).json();
    assert_eq!(object["error"]["code"], "unknown-task");
}
