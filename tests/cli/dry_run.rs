//! `run --dry-run`: what would happen, and that nothing does.

use insta::assert_snapshot;

use crate::support::Place;

const DECIDED: &str = "\
version: 1
name: decided
max_parallel: 2
inputs:
  strict: { type: bool, default: false }
  who: { type: string, default: world }
tasks:
  collect:
    run: echo \"count=3\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { count: int }
    artifacts: { list: list.txt }
    timeout: 10s
  lint:
    if: inputs.strict
    run: exit 1
  many:
    needs: [collect]
    if: tasks.collect.outputs.count > 2
    command: [printf, '%s %s', \"${{ inputs.who }}\", \"${{ tasks.collect.outputs.count }}\"]
    files: { in/list.txt: \"${{ tasks.collect.artifacts.list }}\" }
  after:
    needs: [many]
    run: 'true'
  linted:
    needs: [lint]
    run: 'true'
  tidy:
    needs: [collect]
    if: failure()
    run: 'true'
  say:
    needs: [collect]
    if: always()
    run: 'true'
";

/// A place whose only programs are these, so that they are found in the same place everywhere.
fn with_programs(file: &str, text: &str) -> (Place, String) {
    let place = Place::with(file, text);
    for name in ["sh", "printf"] {
        place.write(&format!("bin/{name}"), "");
        let path = place.work().join("bin").join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(path, mode).unwrap();
    }
    let bin = place.work().join("bin").display().to_string();
    (place, bin)
}

#[test]
fn every_task_has_a_fate() {
    let (place, bin) = with_programs("decided.yaml", DECIDED);
    let before = place.listing();
    let args = ["run", "decided.yaml", "--dry-run"];
    let shown = place.orchestra(args).env("PATH", &bin).run();
    assert_snapshot!(shown.render().replace(&bin, "<bin>"), @r#"
    exit 0
    --- stdout
    Plan <digest> decided
    7 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
      strict = false
      who = "world"

      would run      at 0s  collect  <bin>/sh
      would skip            lint     its `if` is false
      undecided   by 10.0s  many     if tasks.collect.outputs.count > 2 · <bin>/printf, 1 value open
      undecided      later  after    many is undecided · <bin>/sh
      would skip            linted   lint would be skipped
      would run   by 10.0s  say      <bin>/sh
      undecided      later  tidy     it runs only after a failure · <bin>/sh

    Dry run: 2 would run · 3 undecided · 2 would skip; nothing was started
      of `run:` texts only the shell was looked up, not what they call
    "#);
    assert_eq!(place.listing(), before, "nothing was written");
}

#[test]
fn messages_are_made_with_what_is_known() {
    let place = Place::with("decided.yaml", DECIDED);
    let args = [
        "run",
        "decided.yaml",
        "--dry-run",
        "-o",
        "json",
        "-i",
        "who=you",
    ];
    let object = place.orchestra(args).run().expect(0).json();
    assert_eq!(object["schema"], "orchestra.dry-run/v1");
    assert_eq!(
        (
            &object["would_run"],
            &object["undecided"],
            &object["would_skip"]
        ),
        (&2.into(), &3.into(), &2.into())
    );
    let tasks = object["tasks"].as_array().unwrap();
    let many = tasks.iter().find(|task| task["id"] == "many").unwrap();
    assert_eq!(
        many["argv"],
        serde_json::json!([
            "printf",
            "%s %s",
            "you",
            "${{ tasks.collect.outputs.count }}"
        ])
    );
    assert_eq!(
        many["files"]["in/list.txt"],
        "${{ tasks.collect.artifacts.list }}"
    );
    assert_eq!(many["starts_by_ms"], 10_000);
    let text = serde_json::to_string(&object).unwrap();
    assert!(
        !text.contains("succeeded") && !text.contains("passed"),
        "{text}"
    );
}

#[test]
fn a_program_that_is_not_there_is_found() {
    let text = "version: 1\nname: p\ntasks:\n  a:\n    command: [no-such-program, x]\n  \
                b:\n    env: { PATH: /nowhere }\n    run: echo x\n";
    let (place, bin) = with_programs("p.yaml", text);
    let args = ["run", "p.yaml", "--dry-run"];
    let shown = place.orchestra(args).env("PATH", &bin).run();
    assert_snapshot!(shown.render().replace(&bin, "<bin>"), @r#"
    exit 7
    --- stdout
    Plan <digest> p
    2 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets

      would run  at 0s  a  `no-such-program` is not on PATH (<bin>)
      would run  at 0s  b  `sh` is not on PATH (/nowhere)

    Dry run: 2 would run; nothing was started
      of `run:` texts only the shell was looked up, not what they call

    Findings: 1 warning
      warning[program-not-listed] a: `no-such-program` is not among the programs of default@1
          fix: Add it to `programs` of a pack of your own (`use: default`).
    --- stderr
    error[cannot-start]: 2 tasks could not be started
    help: a: `no-such-program` is not on PATH (<bin>)
    help: b: `sh` is not on PATH (/nowhere)
    "#);
    let object = place
        .orchestra(["run", "p.yaml", "--dry-run", "--json"])
        .run()
        .expect(7)
        .json();
    assert_eq!(object["startable"], false);
}

#[test]
fn a_message_that_is_too_big_is_found() {
    let big = "x".repeat(100_000);
    let env: String = (0..3).map(|n| format!("      B{n}: \"{big}\"\n")).collect();
    let text = format!("version: 1\nname: p\ntasks:\n  a:\n    run: 'true'\n    env:\n{env}");
    let place = Place::with("p.yaml", text);
    let refused = place
        .orchestra(["run", "p.yaml", "--dry-run"])
        .run()
        .expect(3);
    assert!(
        refused.stderr.contains("pass big values as files"),
        "{}",
        refused.stderr
    );
}

#[test]
fn it_stands_alone() {
    let place = Place::with("decided.yaml", DECIDED);
    let args = ["run", "decided.yaml", "--dry-run", "--plan-only"];
    place.orchestra(args).run().expect(2);
}

/// What a nested scenario hands out stands for itself, as do items of a fan-out.
#[test]
fn what_expands_is_a_template_with_its_bound() {
    let inner = "version: 1\nname: sub\ninputs: { n: { type: int, required: true } }\ntasks:\n  \
                 a:\n    if: inputs.n > 1\n    command: [echo, \"${{ inputs.n }}\"]\n    \
                 artifacts: { out: out.txt }\noutputs: { out: \"${{ tasks.a.artifacts.out }}\" }\n";
    let outer = "version: 1\nname: outer\ninputs: { names: { type: list, default: [x] } }\ntasks:\n  \
                 each:\n    for_each: ${{ inputs.names }}\n    command: [echo, \"${{ item }}\"]\n  \
                 sub:\n    uses: ./sub.yaml\n    with: { n: 2 }\n  \
                 last:\n    needs: [sub]\n    files: { f: \"${{ tasks.sub.artifacts.out }}\" }\n    run: cat f\n";
    let place = Place::with("outer.yaml", outer);
    place.write("sub.yaml", inner);
    let args = ["run", "outer.yaml", "--dry-run", "--json"];
    let object = place.orchestra(args).run().expect(0).json();
    let tasks = object["tasks"].as_array().unwrap();
    let task = |id: &str| tasks.iter().find(|task| task["id"] == id).unwrap();
    assert_eq!(task("each")["items_at_most"], 1);
    assert_eq!(task("each")["argv"][1], "${{ item }}");
    assert_eq!(task("sub/a")["state"], "would_run");
    assert_eq!(task("sub/a")["argv"][1], "2");
    assert_eq!(task("last")["files"]["f"], "${{ tasks.sub.artifacts.out }}");
}

const WIDE: &str = "\
version: 1
name: wide
inputs:
  names: { type: list, default: [a, b, c] }
  none: { type: list, default: [] }
tasks:
  list:
    run: echo 'found=[]' >> \"$ORCHESTRA_OUTPUT\"
    outputs: { found: list }
    timeout: 10s
  each:
    for_each: ${{ inputs.names }}
    command: [printf, \"${{ item }}\"]
    timeout: 10s
  grid:
    needs: [each]
    matrix: { name: \"${{ inputs.names }}\", n: [1, 2] }
    command: [printf, x]
    timeout: 10s
  nobody:
    for_each: ${{ inputs.none }}
    command: [no-such-program]
    timeout: 10s
  found:
    needs: [list]
    for_each: ${{ tasks.list.outputs.found }}
    command: [printf, x]
    timeout: 1s
  sub:
    needs: [grid]
    uses: ./sub.yaml
    with: { names: \"${{ inputs.names }}\" }
";

const SUB: &str = "\
version: 1
name: sub
inputs: { names: { type: list, required: true } }
tasks:
  inner:
    for_each: ${{ inputs.names }}
    command: [printf, x]
    timeout: 10s
";

/// Inputs are fixed before the run, and so is how many items they make; results are not.
#[test]
fn items_of_inputs_are_counted_before_the_run() {
    let (place, bin) = with_programs("wide.yaml", WIDE);
    place.write("sub.yaml", SUB);
    let args = ["run", "wide.yaml", "--dry-run", "--max-parallel", "20"];
    let shown = place.orchestra(args).env("PATH", &bin).run();
    assert_snapshot!(shown.render().replace(&bin, "<bin>"), @r#"
    exit 0
    --- stdout
    Plan <digest> wide
    6 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
      names = ["a","b","c"]
      none = []

      would run     at 0s  each       <bin>/printf, 1 value open · 3 items
      would run  by 30.0s  grid       <bin>/printf · 6 items
      would run     at 0s  list       <bin>/sh
      would run  by 10.0s  found      <bin>/printf · at most 100000 items
      would run     at 0s  nobody     0 items
      would run  by 1m30s  sub        at most 3 tasks
      would run  by 1m30s  sub/inner  <bin>/printf · 3 items

    Dry run: 7 would run; nothing was started
      of `run:` texts only the shell was looked up, not what they call

    Findings: 1 warning
      warning[program-not-listed] nobody: `no-such-program` is not among the programs of default@1
          fix: Add it to `programs` of a pack of your own (`use: default`).
    "#);
    let args = ["run", "wide.yaml", "--plan-only"];
    let shown = place.orchestra(args).run();
    assert_snapshot!(shown.render(), @r#"
    exit 0
    --- stdout
    Plan <digest> wide
    6 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
      names = ["a","b","c"]
      none = []

      each   3 items
      └─ grid   6 items
         └─ sub   at most 3 tasks
      list
      └─ found   at most 100000 items
      nobody   0 items

         task    kind     timeout  attempts  needs
      1  each    command    10.0s         1
      2  grid    command    10.0s         1  each
      3  list    run        10.0s         1
      4  found   command     1.0s         1  list
      5  nobody  command    10.0s         1
      6  sub     uses        none         1  grid

    Worst case: 100013 tasks, 100013 attempts
      one after the other   27h48m
      longest path          30.0s
      plan digest           <sha256>

    Findings: 1 warning
      warning[program-not-listed] nobody: `no-such-program` is not among the programs of default@1
          fix: Add it to `programs` of a pack of your own (`use: default`).
    next: orchestra run wide.yaml --sandbox none --approve <digest>@<digest>
    "#);
    let args = ["run", "wide.yaml", "--plan-only", "-o", "json"];
    let tasks = place.orchestra(args).run().expect(0).json()["tasks"].clone();
    let expands = |id: &str| {
        let mut tasks = tasks.as_array().unwrap().iter();
        tasks.find(|task| task["id"] == id).unwrap()["expands"].clone()
    };
    let of = |items: u64, fixed: bool| serde_json::json!({ "items": items, "fixed": fixed, "tasks": items });
    assert_eq!(expands("grid"), of(6, true));
    assert_eq!(expands("nobody"), of(0, true));
    assert_eq!(expands("found"), of(100_000, false));
}

/// What the run would refuse is refused before it.
#[test]
fn what_cannot_expand_cannot_start() {
    let text = "version: 1\nname: p\ninputs: { names: { type: list, required: false } }\ntasks:\n  \
                each:\n    for_each: ${{ inputs.names }}\n    run: echo x\n";
    let (place, bin) = with_programs("p.yaml", text);
    let args = ["run", "p.yaml", "--dry-run"];
    let shown = place.orchestra(args).env("PATH", &bin).run();
    assert_snapshot!(shown.render().replace(&bin, "<bin>"), @r#"
    exit 3
    --- stdout
    Plan <digest> p
    1 task · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
      names = null

      would run  at 0s  each  `for_each` needs a list, found null

    Dry run: 1 would run; nothing was started
      of `run:` texts only the shell was looked up, not what they call
    --- stderr
    error[cannot-start]: 1 task could not be started
    help: each: `for_each` needs a list, found null
    "#);
}
