//! Right scenarios of the words that make more tasks of one, of `defaults`, and of several files.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{NestedBytes, Parsed, Surroundings, load};
use crate::plan::{Action, FanOut, Items, Plan, Workspace};
use crate::policy::Timeout;

fn loaded(main: &str, files: &[(&str, &str)]) -> Parsed {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let mut surroundings = Surroundings {
        root: Path::new("/root"),
        path: "ci/main.yaml",
        read: &mut |path| {
            Ok(NestedBytes {
                name: path.to_owned(),
                bytes: files[path].as_bytes().to_vec(),
            })
        },
    };
    load("ci/main.yaml", main.as_bytes(), &mut surroundings)
}

fn plan_of(main: &str, files: &[(&str, &str)]) -> Plan {
    let parsed = loaded(main, files);
    assert_eq!(parsed.diagnostics, []);
    let scenario = parsed.scenario.expect("no diagnostics, so a scenario");
    let inputs = scenario.resolve(&[], Path::new("/cwd"), Path::new("/root"));
    let plan = scenario
        .plan(inputs.expect("defaults"))
        .expect("parsed scenarios check");
    let read = Plan::from_json(&plan.to_json()).expect("what was written");
    assert_eq!(read, plan, "the JSON form says everything");
    assert_eq!(read.to_json(), plan.to_json());
    plan
}

fn plan(main: &str) -> Plan {
    plan_of(main, &[])
}

#[test]
fn fan_outs() {
    let source = r#"
inputs: { areas: { type: list, default: [a, b] } }
tasks:
  scan: { run: x, outputs: { found: list }, artifacts: { f: f } }
  lists:
    for_each: [api, 7, 010, true, ~, 1.5, "7", { name: x, n: [1] }, "${{ inputs.areas }}"]
    as: area
    run: x
    max_parallel: 3
    env: { A: "${{ area }}", B: "${{ item.name }}", C: "${{ area.n }}" }
    outputs: { n: int }
    artifacts: { f: f }
  inputs: { for_each: "${{ inputs.areas }}", as: item, run: x, env: { A: "${{ item }}" } }
  found: { needs: [scan], foreach: "${{ tasks.scan.outputs.found }}", run: x }
  grid:
    matrix: { os: [linux, macos], n: [1, 2, 3], d: "${{ inputs.areas }}" }
    command: [echo, "${{ matrix.os }}", "${{ item.n }}"]
    if: matrix.n != 2 and inputs.areas != []
  last:
    needs: [lists]
    run: x
    if: tasks.lists.status == 'done' and tasks.lists.outputs.n != []
    files: { in/: "${{ tasks.lists.artifacts.f }}" }
    env: { N: "${{ tasks.lists.outputs.n | join(',') }}" }
outputs: { all: "${{ tasks.lists.outputs.n }}", f: "${{ tasks.scan.artifacts.f }}" }
"#;
    let parsed = loaded(source, &[]);
    let said: Vec<_> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["note[alias]: `foreach` is read as `for_each`"]);
    let plan = plan(&source.replace("foreach", "for_each"));
    let task = |id: &str| plan.task(plan.index_of(id).unwrap());
    let items = json!(["api", 7, "010", true, null, "1.5", "7", {"name": "x", "n": [1]}, "${{ inputs.areas }}"]);
    let Value::Array(items) = items else {
        unreachable!("it is written as one")
    };
    let lists = task("lists");
    assert_eq!(
        lists.fan_out(),
        Some(&FanOut::ForEach(Items::List(items.into())))
    );
    assert_eq!(
        (lists.item_name(), lists.max_parallel()),
        (Some("area"), Some(3))
    );
    assert!(lists.fan_out().unwrap().is_fixed() && lists.expands());
    let Some(FanOut::Matrix(axes)) = task("grid").fan_out() else {
        panic!("a matrix")
    };
    let names: Vec<_> = axes.keys().map(String::as_str).collect();
    assert_eq!(names, ["d", "n", "os"]);
    assert!(!task("grid").fan_out().unwrap().is_fixed());
    assert!(!task("scan").expands());
    assert_eq!(
        plan.outputs()["all"].as_str(),
        "${{ tasks.lists.outputs.n }}"
    );
}

#[test]
fn small_words() {
    let plan = plan(
        "tasks:\n  a: { description: ' Do it. ', run: x, priority: -7, crash_limit: 1, workspace: project, refers: [b] }\n  \
         b: { run: x, refers: [a] }\n",
    );
    let a = plan.task(plan.index_of("a").unwrap());
    assert_eq!((a.priority(), a.crash_limit()), (Some(-7), Some(1)));
    assert_eq!(a.description(), Some("Do it."));
    assert_eq!((a.workspace(), a.refers().len()), (Workspace::Project, 1));
    let b = plan.task(plan.index_of("b").unwrap());
    assert_eq!((b.priority(), b.crash_limit()), (None, None));
    assert!(
        plan.needs(plan.index_of("b").unwrap()).is_empty(),
        "it is no order"
    );
}

#[test]
fn defaults_fill_what_a_task_does_not_say() {
    let plan = plan_of(
        "
defaults:
  timeout: { wall: 5m, idle: 30s }
  retry: 2
  shell: bash
  working-directory: d
  workspace: project
  priority: 3
  crash_limit: 5
tasks:
  plain: { run: x }
  own: { run: x, timeout: 1m, retry: 0, shell: sh, working_dir: e, workspace: scratch, priority: 0, crash_limit: 1 }
  argv: { command: [x] }
  nested: { uses: ./n.yaml }
"
        .replace("working-directory", "working_dir")
        .as_str(),
        &[("ci/n.yaml", "defaults: { retry: 1 }\ntasks: { t: { run: x } }")],
    );
    let task = |id: &str| plan.task(plan.index_of(id).unwrap());
    let limit = |wall: u64, idle: Option<u64>| Timeout {
        wall_ms: Some(wall),
        idle_ms: idle,
    };
    let plain = task("plain");
    assert_eq!(plain.timeout(), limit(300_000, Some(30_000)));
    assert_eq!((plain.retry().max, plain.shell()), (2, "bash"));
    assert_eq!(
        (plain.working_dir(), plain.workspace()),
        (Some("d"), Workspace::Project)
    );
    assert_eq!((plain.priority(), plain.crash_limit()), (Some(3), Some(5)));
    let own = task("own");
    assert_eq!(
        own.timeout(),
        limit(60_000, None),
        "a long form is replaced whole"
    );
    assert_eq!((own.retry().max, own.shell()), (0, "sh"));
    assert_eq!(
        (own.working_dir(), own.workspace()),
        (Some("e"), Workspace::Scratch)
    );
    assert_eq!((own.priority(), own.crash_limit()), (Some(0), Some(1)));
    assert_eq!((task("argv").retry().max, task("argv").shell()), (2, "sh"));
    let nested = task("nested");
    assert_eq!(
        nested.timeout(),
        Timeout::default(),
        "it would tighten what is inside"
    );
    assert_eq!((nested.own_retry(), nested.priority()), (None, Some(3)));
    let Action::Uses(uses) = nested.action() else {
        panic!("a nested scenario")
    };
    let inner = uses.scenario.task(uses.scenario.index_of("t").unwrap());
    assert_eq!(
        (inner.retry().max, inner.shell()),
        (1, "sh"),
        "it has defaults of its own"
    );
}

const INNER: &str = r#"
inputs:
  name: {}
  many: { type: list }
  count: { type: int, default: 4 }
  where: { type: path, default: ./data }
  other: { type: path }
  maybe: { required: false }
tasks:
  t: { run: x, env: { N: "${{ inputs.name }}" }, outputs: { v: int }, artifacts: { bin: bin } }
  u: { uses: ../deep.yaml, with: { at: here/x } }
outputs: { v: "${{ tasks.t.outputs.v }}", bin: "${{ tasks.t.artifacts.bin }}" }
"#;

#[test]
fn nested_scenarios() {
    let main = r#"
inputs: { areas: { type: list, default: [a] }, at: { type: path, default: . } }
tasks:
  one:
    uses: ./parts/inner.yaml
    with: { name: 010, many: [1, true, x], other: data/./x }
    env: { A: b }
    timeout: 5m
    retry: 1
    continue_on_error: true
  two:
    needs: [one]
    uses: parts/inner.yaml
    for_each: [1, 2]
    with: { name: "${{ item }}", many: "${{ inputs.areas }}", other: "${{ inputs.at }}", count: 9 }
  use:
    needs: [one, two]
    run: x
    env: { V: "${{ tasks.one.outputs.v }}", L: "${{ tasks.two.outputs.v }}" }
    files: { bin: "${{ tasks.one.artifacts.bin }}", all/: "${{ tasks.two.artifacts.bin }}" }
outputs: { v: "${{ tasks.one.outputs.v }}", bin: "${{ tasks.one.artifacts.bin }}" }
"#;
    let deep = "inputs: { at: { type: path } }\ntasks: { t: { run: x } }\n";
    let files = [("ci/parts/inner.yaml", INNER), ("ci/deep.yaml", deep)];
    let plan = plan_of(main, &files);
    assert_eq!(plan.scenarios().len(), 2);
    let of = |id: &str| match plan.task(plan.index_of(id).unwrap()).action() {
        Action::Uses(uses) => uses.clone(),
        other => panic!("{other:?}"),
    };
    let one = of("one");
    assert_eq!(&*one.file, "ci/parts/inner.yaml", "the path from the root");
    let with = json!({"name": "010", "many": ["1", "true", "x"], "other": "/root/data/x"});
    assert_eq!(
        json!(one.with),
        with,
        "typed by what is taken, paths from the root"
    );
    let given = of("two");
    assert_eq!(given.with["other"], "${{ inputs.at }}");
    assert_eq!(given.with["count"], 9);
    let parameters = one.scenario.parameters();
    assert_eq!(parameters["where"].default, Some(json!("/root/data")));
    assert!(parameters["maybe"].optional && parameters["name"].default.is_none());
    let inner = one.scenario.task(one.scenario.index_of("u").unwrap());
    let Action::Uses(deep) = inner.action() else {
        panic!("a nested scenario")
    };
    assert_eq!(deep.with["at"], "/root/here/x");

    let scenario = loaded(main, &files).scenario.expect("it is right");
    let kept: Vec<_> = scenario
        .files()
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(kept, ["ci/parts/inner.yaml", "ci/deep.yaml"]);
}

#[test]
fn a_changed_nested_file_is_another_plan() {
    let main = "tasks: { a: { uses: ./n.yaml } }";
    let digest = |inner: &str| plan_of(main, &[("ci/n.yaml", inner)]).digest();
    let one = digest("tasks: { t: { run: x } }");
    assert_ne!(one, digest("tasks: { t: { run: y } }"));
    assert_eq!(one, digest("# a comment\ntasks: { t: { run: \"x\" } }"));
}

#[test]
fn every_file_is_read_once_and_too_many_are_refused() {
    let mut read = 0;
    let mut main = "tasks:\n".to_owned();
    for at in 0..1000 {
        main += &format!("  t{at}: {{ uses: ./n{}.yaml }}\n", at % 300);
    }
    let mut surroundings = Surroundings {
        root: Path::new("/root"),
        path: "main.yaml",
        read: &mut |path| {
            read += 1;
            Ok(NestedBytes {
                name: path.to_owned(),
                bytes: b"tasks: { t: { run: x } }".to_vec(),
            })
        },
    };
    let parsed = load("main.yaml", main.as_bytes(), &mut surroundings);
    assert_eq!(read, 256);
    assert!(parsed.scenario.is_none());
    assert_eq!(
        parsed.diagnostics[0].message,
        "more than 256 nested scenarios"
    );
}

#[test]
fn nested_bytes_are_bounded_together() {
    let main = "tasks: { a: { uses: ./a.yaml }, b: { uses: ./b.yaml }, c: { uses: ./c.yaml } }";
    let mut surroundings = Surroundings {
        root: Path::new("/root"),
        path: "main.yaml",
        read: &mut |path| {
            let mut bytes = b"tasks: { t: { run: x } }\n".to_vec();
            bytes.resize(15 * 1024 * 1024, b'\n');
            Ok(NestedBytes {
                name: path.to_owned(),
                bytes,
            })
        },
    };
    let parsed = load("main.yaml", main.as_bytes(), &mut surroundings);
    assert_eq!(parsed.diagnostics.len(), 1);
    assert_eq!(parsed.diagnostics[0].code, "file-too-big");
}
