//! `run --plan-only`, saved plans, `--approve`: what would run, and exactly that or nothing.

use insta::assert_snapshot;

use crate::support::{Outcome, Place};

const PIPELINE: &str = "\
version: 1
name: pipeline
max_parallel: 2
inputs:
  text: { type: path, required: true }
  strict: { type: bool, default: false }
tasks:
  read:
    files: { in.txt: \"${{ inputs.text }}\" }
    run: cp in.txt out.txt
    artifacts: { out: out.txt }
    timeout: 10s
  count:
    needs: [read]
    files: { in.txt: \"${{ tasks.read.artifacts.out }}\" }
    command: [wc, -l, in.txt]
    timeout: 1m
    retry: { max: 2, delay: 1s }
  lint:
    needs: [read]
    if: inputs.strict
    run: 'true'
    timeout: 30s
  publish:
    needs: [lint, count]
    if: always()
    run: cat in.txt || true
";

fn place() -> Place {
    let place = Place::with("pipeline.yaml", PIPELINE);
    place.write("words.txt", "one\ntwo\n");
    place
}

fn run(place: &Place, args: &[&str]) -> Outcome {
    let words = ["run"].iter().chain(args);
    place.orchestra(words).run()
}

const INPUT: [&str; 3] = ["pipeline.yaml", "-i", "text=words.txt"];

fn save(place: &Place) {
    let save = ["--plan-only", "--save", "plan.json"];
    run(place, &[&INPUT[..], &save].concat()).expect(0);
}

#[test]
fn a_plan_is_a_tree_a_table_and_a_worst_case() {
    let place = Place::with("pipeline.yaml", PIPELINE);
    let before = place.listing();
    place.write("words.txt", "one\n");
    let shown = run(&place, &[&INPUT[..], &["--plan-only"]].concat()).expect(0);
    let dir = place.work().display().to_string();
    assert_snapshot!(shown.render().replace(&dir, "<work>"), @r#"
    exit 0
    --- stdout
    Plan <digest> pipeline
    4 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
      strict = false
      text = "<work>/words.txt"

      read
      ├─ count
      └─ lint   if inputs.strict
         └─ publish (and count)   if always()

         task     kind     timeout  attempts  needs
      1  read     run        10.0s         1
      2  count    command    1m00s         3  read
      3  lint     run        30.0s         1  read
      4  publish  run         none         1  lint, count

    Worst case: 4 tasks, 6 attempts
      one after the other   unbounded (more than 3m43s)
      longest path          unbounded (more than 3m13s)
      without a timeout     publish
      plan digest           <sha256>
    next: orchestra run pipeline.yaml -i 'text=words.txt' --sandbox none --approve <digest>@<digest>
    "#);
    assert_eq!(place.listing().len(), before.len() + 1, "nothing was made");
}

#[test]
fn a_narrow_terminal_and_a_machine_see_the_same_plan() {
    let place = place();
    let args = [&["run"], &INPUT[..], &["--plan-only"]].concat();
    let narrow = place.orchestra(&args).env("COLUMNS", "44").run().expect(0);
    let wide = narrow
        .stdout
        .lines()
        .skip_while(|line| !line.contains("task  "));
    let table: Vec<&str> = wide.take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), 5, "{}", narrow.stdout);
    let fits = |line: &&str| line.chars().count() <= 44;
    assert!(table.iter().all(fits), "{table:?}");
    let object = place
        .orchestra(&args)
        .env("ORCHESTRA_JSON", "1")
        .run()
        .expect(0)
        .json();
    assert_eq!(object["schema"], "orchestra.preview/v1");
    assert_eq!(object["tasks"][1]["id"], "count");
    assert_eq!(object["tasks"][1]["attempts"], 3);
    let worst = &object["worst_case"];
    assert_eq!(worst["tasks"], 4);
    assert_eq!(worst["attempts"], 6);
    assert_eq!(worst["sum"]["ms"], 10_000 + 3 * 60_000 + 3_000 + 30_000);
    assert_eq!(worst["longest_path"]["unbounded_tasks"], 1);
    assert_eq!(object["bound"], serde_json::Value::Null);
}

#[test]
fn a_saved_plan_runs_exactly_as_it_was_saved() {
    let place = place();
    save(&place);
    // The scenario may change, or go: the plan has what it needs.
    fs_err::remove_file(place.work().join("pipeline.yaml")).unwrap();
    let ran = run(&place, &["plan.json"]).expect(0);
    assert!(
        ran.stderr.contains("3 passed · 1 skipped"),
        "{}",
        ran.render()
    );
    assert_eq!(place.run_file("scenario.yaml"), PIPELINE);
    let saved = fs_err::read_to_string(place.work().join("plan.json")).unwrap();
    assert!(saved.ends_with(&format!("{}}}\n", place.run_file("plan.json"))));
    let record: serde_json::Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    assert_eq!(record["inputs"]["text"], "words.txt");
    assert!(place.run_file("events.jsonl").contains("\"by\":\"digest\""));
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_saved_plan_whose_input_changed_is_refused() {
    let place = place();
    save(&place);
    place.write("words.txt", "three\n");
    let refused = run(&place, &["plan.json"]).expect(4);
    let dir = place.work().display().to_string();
    assert_snapshot!(refused.render().replace(&dir, "<work>"), @r#"
    exit 4
    --- stderr
    error[plan-not-approved]: `<work>/words.txt`, input `text`, is not what plan.json was saved with
    help: put it back, or save the plan again with `--plan-only --save FILE`
    "#);
    assert!(!place.work().join("runs").exists(), "nothing was made");
}

#[test]
fn a_changed_file_or_an_input_with_it_is_refused() {
    let place = place();
    save(&place);
    assert_snapshot!(run(&place, &["plan.json", "-i", "text=other"]).render(), @r#"
    exit 2
    --- stderr
    error[plan-has-inputs]: plan.json is a saved plan, whose inputs are fixed
    help: leave `-i` out, or run the scenario itself
    "#);
    let path = place.work().join("plan.json");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("\"wc\"", "\"rm\"")).unwrap();
    assert_snapshot!(run(&place, &["plan.json"]).render(), @r#"
    exit 3
    --- stderr
    error[plan-invalid]: plan.json is no plan to run
      because: its plan was changed since it was saved
    help: save it again with `--plan-only --save FILE`
    "#);
    fs_err::write(&path, text.replace("plan-file/v1", "plan-file/v7")).unwrap();
    assert_snapshot!(run(&place, &["plan.json"]).render(), @r#"
    exit 3
    --- stderr
    error[plan-invalid]: plan.json is no plan to run
      because: it was saved in the form `orchestra.plan-file/v7`, and this orchestra reads `orchestra.plan-file/v1`
    help: save it again with `--plan-only --save FILE`
    "#);
    run(&place, &[&INPUT[..], &["--progress", "none"]].concat()).expect(0);
    let other = place.run_dir().join("plan.json");
    let refused = run(&place, &[other.to_str().unwrap()]).expect(3);
    assert!(
        refused.stderr.starts_with("error[not-a-saved-plan]"),
        "{}",
        refused.render()
    );
}

#[test]
fn saving_replaces_saved_plans_only() {
    let place = place();
    save(&place);
    save(&place);
    let over = [&INPUT[..], &["--plan-only", "--save", "pipeline.yaml"]].concat();
    assert_snapshot!(run(&place, &over).render(), @r#"
    exit 2
    --- stderr
    error[save-refused]: pipeline.yaml exists and is no saved plan; it is left as it is
    help: name another file
    "#);
    assert_eq!(
        fs_err::read_to_string(place.work().join("pipeline.yaml")).unwrap(),
        PIPELINE
    );
    let nowhere = [&INPUT[..], &["--plan-only", "--save", "no/such/plan.json"]].concat();
    let failed = run(&place, &nowhere).expect(7);
    assert!(
        failed.stderr.starts_with("error[plan-unsaved]"),
        "{}",
        failed.render()
    );
    run(&place, &[&INPUT[..], &["--save", "plan.json"]].concat()).expect(2);
}

#[test]
fn only_the_approved_plan_runs() {
    let place = place();
    let args = [&["run"], &INPUT[..], &["--plan-only", "--json"]].concat();
    let object = place.orchestra(&args).run().expect(0).json();
    let digest = object["plan"].as_str().unwrap();
    let approve = |digest: &str, more: &[&str]| {
        run(&place, &[&INPUT[..], more, &["--approve", digest]].concat())
    };
    approve(digest, &[]).expect(0);
    approve(&digest[..16], &[]).expect(0);
    let refused = approve(&digest[..16], &["-i", "strict=true"]).expect(4);
    assert!(
        refused.stderr.starts_with("error[plan-not-approved]"),
        "{}",
        refused.render()
    );
    approve("7f3a91", &[]).expect(2);
    save(&place);
    run(&place, &["plan.json", "--approve", digest]).expect(0);
    run(&place, &["plan.json", "--approve", "0000000000000000"]).expect(4);
}

#[test]
fn a_missing_file_is_found_before_the_run_begins() {
    let place = Place::with("pipeline.yaml", PIPELINE);
    let missing = run(&place, &INPUT);
    let dir = place.work().display().to_string();
    assert_snapshot!(missing.render().replace(&dir, "<work>"), @r#"
    exit 2
    --- stderr
    error[input-missing]: input `text` names `<work>/words.txt`, which task `read` gets a copy of
      because: failed to query resolved metadata `<work>/words.txt`: No such file or directory (os error 2)
    help: give another one with `-i text=PATH`
    "#);
    assert!(!place.work().join("runs").exists(), "nothing was made");
}

/// What no task that could run gets a copy of need not be there.
#[test]
fn a_file_that_nobody_copies_may_be_missing() {
    let text = "version: 1\nname: m\ninputs: { a: { type: path, default: none }, on: { type: bool, default: false } }\n\
                tasks:\n  x:\n    if: inputs.on\n    files: { f: \"${{ inputs.a }}\" }\n    run: cat f\n";
    let place = Place::with("m.yaml", text);
    run(&place, &["m.yaml"]).expect(0);
    let missing = run(&place, &["m.yaml", "-i", "on=true"]).expect(3);
    assert!(
        missing.stderr.contains("input `a` names"),
        "{}",
        missing.render()
    );
}

/// A saved plan has the scenarios it uses in it, as they were.
#[test]
fn a_saved_plan_holds_what_it_uses() {
    let outer = "version: 1\nname: outer\ntasks:\n  sub:\n    for_each: [1, 2]\n    uses: ./sub.yaml\n    \
                 with: { n: \"${{ item }}\" }\n";
    let inner = "version: 1\nname: sub\ninputs: { n: { type: int, required: true } }\ntasks:\n  \
                 a:\n    command: [echo, \"${{ inputs.n }}\"]\n    timeout: 1s\n    retry: { max: 1, delay: 1s }\n";
    let place = Place::with("outer.yaml", outer);
    place.write("sub.yaml", inner);
    let args = ["outer.yaml", "--plan-only", "--save", "plan.json"];
    let page = run(&place, &args).expect(0);
    assert!(
        page.stdout.contains("sub   2 items, 2 tasks in all"),
        "{}",
        page.stdout
    );
    assert!(
        page.stdout.contains("one after the other   6.0s"),
        "{}",
        page.stdout
    );
    let ahead = run(&place, &["outer.yaml", "--dry-run", "-o", "json"])
        .expect(0)
        .json();
    let inner = &ahead["tasks"][1];
    assert_eq!(inner["id"], "sub[*]/a");
    assert_eq!(inner["argv"][1], "${{ inputs.n }}");
    fs_err::remove_file(place.work().join("sub.yaml")).unwrap();
    run(&place, &["outer.yaml"]).expect(3);
    let ran = run(&place, &["plan.json"]).expect(0);
    assert!(ran.stderr.contains("2 passed"), "{}", ran.render());
}

/// What is not held is not promised.
#[test]
fn the_page_says_what_is_open_at_the_level_of_the_run() {
    let place = Place::new();
    place.write("one.yaml", "name: one\ntasks:\n  a:\n    run: 'true'\n");
    let page = |level: &str| {
        let args = ["run", "one.yaml", "--plan-only", "--sandbox", level];
        place.orchestra(args).run().expect(0).stdout
    };
    assert!(page("strict").contains("network none · writes workspace"));
    assert!(page("none").contains("tasks read, write and reach whatever you can"));
    assert!(!page("none").contains("network none"));
}

#[test]
fn the_page_says_what_tasks_are_for() {
    let about = "version: 1\nname: about\ntasks:\n  fetch:\n    description: >\n      Fetch the table\n      of the day.\n    run: date\n";
    let place = Place::with("about.yaml", about);
    let shown = run(&place, &["about.yaml", "--plan-only"]).expect(0);
    assert!(
        shown
            .stdout
            .contains("\n  fetch   Fetch the table of the day.\n"),
        "{}",
        shown.stdout
    );
}
