//! What the check accepts and what it says about the rest: the whole message, the place and the fix.

use serde_json::{Value, json};

use super::{DraftPlan, Limits, Plan};
use crate::diagnostic::Diagnostic;
use crate::digest::{Digest, canonical_json};

fn draft(value: &Value) -> DraftPlan {
    DraftPlan::from_json(value.to_string().as_bytes()).expect("a draft's shape")
}

fn check(value: &Value) -> Result<Plan, Vec<Diagnostic>> {
    draft(value).check(&Limits::default())
}

fn lines(value: &Value) -> Vec<String> {
    let problems = check(value).expect_err("problems");
    problems
        .iter()
        .map(|problem| match &problem.help {
            Some(help) => format!("{problem} | {help}"),
            None => problem.to_string(),
        })
        .collect()
}

fn one_task(task: Value) -> Value {
    let mut task = task;
    let map = task.as_object_mut().expect("a map");
    map.entry("id").or_insert(json!("t"));
    if !map.contains_key("command") {
        map.entry("run").or_insert(json!("true"));
    }
    json!({"name": "p", "tasks": [task]})
}

fn diamond() -> Value {
    json!({
        "name": "diamond",
        "inputs": {"since": "v1", "n": 3, "areas": ["x"], "root": "/r"},
        "tasks": [
            {"id": "d", "run": "true", "needs": ["c", "b"], "if": "tasks.a.outputs.n > 2",
             "files": {"in/": "${{tasks.b.artifacts.x}}"}},
            {"id": "c", "command": ["echo", "${{ inputs.since }}"], "needs": ["a"]},
            {"id": "b", "run": "true", "needs": ["a"], "artifacts": {"x": "out/x"},
             "retry": {"max": 1, "delay_ms": 5, "backoff": "fixed", "max_delay_ms": 9}},
            {"id": "a", "run": "true", "outputs": {"n": "int"}, "timeout": {"wall_ms": 5000},
             "description": "Count."},
        ],
    })
}

#[test]
fn order_is_by_critical_path_then_id() {
    let plan = check(&diamond()).unwrap();
    let ids: Vec<_> = plan
        .order()
        .map(|index| plan.task(index).id().as_str())
        .collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    let d = plan.index_of("d").unwrap();
    let needs: Vec<_> = plan
        .needs(d)
        .iter()
        .map(|i| plan.task(*i).id().as_str())
        .collect();
    assert_eq!(needs, ["c", "b"], "as written");
    assert_eq!(plan.rank(plan.index_of("a").unwrap()), 3);
    assert_eq!(plan.dependents(plan.index_of("a").unwrap()).len(), 2);
    assert_eq!(plan.index_of("nope"), None);
    assert_eq!(plan.len(), 4);
}

#[test]
fn json_is_canonical_and_reads_back_with_the_same_digest() {
    let plan = check(&diamond()).unwrap();
    let bytes = plan.to_json();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        String::from_utf8_lossy(&canonical_json(&value).unwrap())
    );
    assert_eq!(
        plan.digest(),
        Digest::of_canonical(Plan::DIGEST_DOMAIN, &value).unwrap()
    );
    assert_eq!(Plan::from_json(&bytes).unwrap(), plan);
}

#[test]
fn the_digest_ignores_the_order_of_tasks_and_sees_everything_else() {
    let digest = |value: &Value| check(value).unwrap().digest();
    let mut reversed = diamond();
    reversed["tasks"].as_array_mut().unwrap().reverse();
    assert_eq!(digest(&reversed), digest(&diamond()));
    let changes: [(&str, Value); 6] = [
        ("/tasks/3/description", json!("Count all.")),
        ("/inputs/since", json!("v2")),
        ("/name", json!("diamonds")),
        ("/tasks/3/run", json!("false")),
        ("/tasks/0/needs", json!(["b", "c"])),
        ("/tasks/3/timeout/wall_ms", json!(5001)),
    ];
    for (pointer, value) in changes {
        let mut changed = diamond();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_ne!(digest(&changed), digest(&diamond()), "{pointer}");
    }
}

#[test]
fn every_problem_at_once() {
    let value = json!({"name": "Bad Name", "max_parallel": 0, "tasks": [
        {"id": "a-b", "run": ""},
        {"id": "b", "run": "true", "needs": ["nope", "b", "c", "c"]},
        {"id": "c", "run": "x", "command": ["y"]},
        {"id": "c"},
    ]});
    assert_eq!(
        lines(&value),
        [
            "error[invalid-name]: `Bad Name` is not a scenario name (at name) | lower-case letters, \
         digits, `-` and `_`, at most 63, a letter or digit first",
            "error[out-of-range]: `max_parallel` is 1 to 4096 (at max_parallel)",
            "error[duplicate-task]: two tasks are called `c` (at tasks.c)",
            "error[invalid-id]: `a-b` cannot be a task's id (at tasks.a-b) | write `a_b`: in an \
         expression `a-b` reads as subtraction",
            "error[empty-run]: `run` is empty (at tasks.a-b.run)",
            "error[two-kinds]: task `c` has `run` and `command` (at tasks.c.command) | keep one of them",
            "error[no-kind]: task `c` does nothing (at tasks.c) | give it `run: shell text`, \
             `command: [program, argument]`, `prompt: question` or `uses: ./file.yaml`",
            "error[unknown-task]: `needs` names a task that does not exist (at tasks.b.needs[0])",
            "error[self-need]: task `b` needs itself (at tasks.b.needs[1]) | remove it",
            "error[duplicate-need]: `needs` names `c` twice (at tasks.b.needs[3]) | keep one of them",
        ]
    );
}

#[test]
fn cycles_are_named_with_their_path() {
    let value = json!({"name": "p", "tasks": [
        {"id": "a", "run": "true", "needs": ["x", "c"]},
        {"id": "b", "run": "true", "needs": ["a"]},
        {"id": "c", "run": "true", "needs": ["b"]},
        {"id": "behind", "run": "true", "needs": ["c"]},
        {"id": "x", "run": "true"},
        {"id": "m", "run": "true", "needs": ["n"]},
        {"id": "n", "run": "true", "needs": ["m"]},
    ]});
    assert_eq!(
        lines(&value),
        [
            "error[cycle]: tasks need each other in a circle: `a` → `c` → `b` → `a` (at \
         tasks.a.needs[1]) | remove one of these needs",
            "error[cycle]: tasks need each other in a circle: `m` → `n` → `m` (at tasks.m.needs[0]) | \
         remove one of these needs",
        ]
    );
}

#[test]
fn a_long_circle_neither_overflows_nor_floods() {
    let n = 50_000;
    let tasks: Vec<_> = (0..n)
        .map(|i| json!({"id": format!("t{i}"), "run": "true", "needs": [format!("t{}", (i + 1) % n)]}))
        .collect();
    let found = lines(&json!({"name": "p", "tasks": tasks}));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("… 49988 more … → `t0`"), "{}", found[0]);
}

#[test]
fn references_must_exist_and_come_before() {
    let task = |extra: Value| {
        let mut tasks = vec![
            json!({"id": "a", "run": "true", "outputs": {"count": "int"}, "artifacts": {"notes": "n.md", "dir": "d/"}}),
            json!({"id": "b", "run": "true", "needs": ["a"]}),
            json!({"id": "aside", "run": "true", "outputs": {"x": "int"}}),
        ];
        let mut last = json!({"id": "t", "run": "true", "needs": ["b"]});
        for (key, value) in extra.as_object().unwrap() {
            last[key] = value.clone();
        }
        tasks.push(last);
        json!({"name": "p", "inputs": {"since": "v1"}, "tasks": tasks})
    };
    let through_b = task(
        json!({"env": {"X": "${{ tasks.a.outputs.count }}"}, "files": {"n": "${{ tasks.a.artifacts.notes }}"}}),
    );
    check(&through_b).expect("an ancestor through another task is fine");

    let cases = [
        (
            json!({"env": {"X": "${{ tasks.a.outputs.cuont }}"}}),
            "error[unknown-output]: task `a` has no output `cuont` (at tasks.t.env.X) | did you mean `count`?",
        ),
        (
            json!({"env": {"X": "${{ tasks.b.outputs.z }}"}}),
            "error[unknown-output]: task `b` has no output `z` (at tasks.t.env.X) | declare it in task `b`: `outputs: { z: string }`",
        ),
        (
            json!({"if": "tasks.a.artifacts.note.size > 0"}),
            "error[unknown-artifact]: task `a` has no artifact `note` (at tasks.t.if) | did you mean `notes`?",
        ),
        (
            json!({"if": "${{ inputs.sinse == '' }}"}),
            "error[unknown-input]: there is no input `sinse` (at tasks.t.if) | did you mean `inputs.since`?",
        ),
        (
            json!({"if": "inputs.zzz"}),
            "error[unknown-input]: there is no input `zzz` (at tasks.t.if) | declare it: `inputs: { zzz: { type: string } }`",
        ),
        (
            json!({"command": ["x", "${{ tasks.asid.outputs.x }}"], "run": null}),
            "error[unknown-task]: there is no task `asid` (at tasks.t.command[1]) | did you mean `tasks.aside`?",
        ),
        (
            json!({"env": {"X": "${{ tasks.aside.outputs.x }}"}}),
            "error[not-needed]: `aside` does not come before `t` (at tasks.t.env.X) | add `aside` to the `needs` of `t`",
        ),
        (
            json!({"env": {"X": "${{ tasks.t.status }}"}}),
            "error[not-needed]: task `t` refers to itself (at tasks.t.env.X) | a task's own results are there when it has ended",
        ),
        (
            json!({"env": {"X": "${{ tasks.a.artifacts.notes }}"}}),
            "error[artifact-as-text]: an artifact is not text (at tasks.t.env.X) | use its `.name`, `.sha256` or `.size`, or stage it with `files`",
        ),
        (
            json!({"env": {"X": "${{ tasks.a.artifacts.dir.sha256 }}"}}),
            "error[reference-shape]: a directory has no `.sha256` (at tasks.t.env.X) | name a file as the artifact",
        ),
        (
            json!({"files": {"n": "data.txt"}}),
            "error[file-source]: `n` has no source that can be staged (at tasks.t.files.n) | write `${{ tasks.ID.artifacts.NAME }}`, or `${{ inputs.NAME }}` of type `path`",
        ),
        (
            json!({"files": {"n": "${{ tasks.a.outputs.count }}"}}),
            "error[file-source]: `n` has no source that can be staged (at tasks.t.files.n) | write `${{ tasks.ID.artifacts.NAME }}`, or `${{ inputs.NAME }}` of type `path`",
        ),
        (
            json!({"env": {"X": "${{ inputs.since"}}),
            "error[expression-syntax]: `${{` without its `}}` (at tasks.t.env.X) | close the expression with `}}`",
        ),
    ];
    for (extra, expected) in cases {
        assert_eq!(lines(&task(extra)), [expected]);
    }
}

#[test]
fn fields_one_by_one() {
    let cases = [
        (
            json!({"description": "Say\nit"}),
            "error[description-not-plain]: a task's description is one line of plain text (at tasks.t.description) | remove line breaks, tabs and other control characters",
        ),
        (
            json!({"description": "x".repeat(1025)}),
            "error[value-too-long]: 1025 bytes; at most 1024 (at tasks.t.description)",
        ),
        (
            json!({"run": "echo ${{ inputs.x }}"}),
            "error[expression-in-run]: `${{ }}` inside `run` is refused: a value could become shell code (at tasks.t.run) | pass it through the environment: `env: { VALUE: \"${{ inputs.x }}\" }`, then use \"$VALUE\"",
        ),
        (
            json!({"run": "echo {{ inputs.x }}"}),
            "error[bare-braces]: `{{ }}` is not an expression here (at tasks.t.run) | pass the value through `env` as `${{ … }}`, then use \"$VALUE\"",
        ),
        (
            json!({"command": []}),
            "error[empty-command]: `command` is empty (at tasks.t.command) | a list: the program, then its arguments",
        ),
        (
            json!({"command": [" "]}),
            "error[empty-command]: the program's name is empty (at tasks.t.command[0])",
        ),
        (
            json!({"command": ["${{ 'sh' }}"]}),
            "error[expression-in-program]: the program cannot be an expression (at tasks.t.command[0]) | name the program; expressions are for its arguments",
        ),
        (
            json!({"command": ["echo", "{{ inputs.x }}"]}),
            "error[bare-braces]: `{{ }}` is not an expression here (at tasks.t.command[1]) | write `${{ inputs.x }}`",
        ),
        (
            json!({"command": ["echo", "a\u{0}b"]}),
            "error[nul-byte]: a NUL character, which no program can receive (at tasks.t.command[1])",
        ),
        (
            json!({"command": ["x"], "shell": "bash"}),
            "error[unused-key]: `shell` means nothing beside `command` (at tasks.t.shell) | remove it, or write the command as `run`",
        ),
        (
            json!({"shell": "bash -e"}),
            "error[invalid-shell]: `bash -e` is not a shell's name (at tasks.t.shell) | a program's name or path without arguments, called as `SHELL -c TEXT`",
        ),
        (
            json!({"env": {"1X": "a"}}),
            "error[invalid-name]: `1X` cannot be the name of a variable (at tasks.t.env.1X) | letters, digits and `_`, no digit first",
        ),
        (
            json!({"env": {"ORCHESTRA_OUTPUT": "a"}}),
            "error[reserved-name]: `ORCHESTRA_OUTPUT` is set by orchestra itself (at tasks.t.env.ORCHESTRA_OUTPUT) | choose another name",
        ),
        (
            json!({"outputs": {"Exit-Code": "int"}}),
            "error[invalid-name]: `Exit-Code` cannot name an output (at tasks.t.outputs.Exit-Code) | write `exit_code`",
        ),
        (
            json!({"artifacts": {"1": "x"}}),
            "error[invalid-name]: `1` cannot name an artifact (at tasks.t.artifacts.1) | lower-case letters, digits and `_`, at most 63, a letter first",
        ),
        (
            json!({"artifacts": {"x": "../x"}}),
            "error[invalid-path]: `../x`: `..` leads out of the directory (at tasks.t.artifacts.x) | a path beneath the workspace, such as `out/notes.md`",
        ),
        (
            json!({"artifacts": {"x": "*.md"}}),
            "error[unsupported-yet]: patterns in artifact paths are not supported yet (at tasks.t.artifacts.x) | name one file, or a directory with a final `/`",
        ),
        (
            json!({"artifacts": {"x": "${{ inputs.x }}"}}),
            "error[expression-not-allowed]: a path cannot hold an expression (at tasks.t.artifacts.x) | write the path out; the plan must show where files go",
        ),
        (
            json!({"working_dir": "/tmp"}),
            "error[invalid-path]: `/tmp`: not a relative path (at tasks.t.working_dir) | a path beneath the workspace, such as `out/notes.md`",
        ),
        (
            json!({"timeout": {"wall_ms": 0}}),
            "error[out-of-range]: the wall time limit is between 1ms and 365d (at tasks.t.timeout)",
        ),
        (
            json!({"retry": {"max": 101, "delay_ms": 1, "backoff": "fixed", "max_delay_ms": 1}}),
            "error[out-of-range]: at most 100 extra attempts (at tasks.t.retry.max)",
        ),
        (
            json!({"retry": {"max": 1, "delay_ms": 9, "backoff": "fixed", "max_delay_ms": 1}}),
            "error[out-of-range]: `delay` is longer than `max_delay` (at tasks.t.retry.delay) | raise `max_delay`, which is 60s unless given",
        ),
        (
            json!({"retry": {"max": 1, "delay_ms": 1, "backoff": "fixed", "max_delay_ms": 1, "exit_codes": [0]}}),
            "error[out-of-range]: exit codes to repeat are between 1 and 255 (at tasks.t.retry.exit_codes)",
        ),
        (
            json!({"id": "a/b", "parent_id": "c"}),
            "error[parent-id]: task `a/b` is no child of `c` (at tasks.a/b.parent_id)",
        ),
    ];
    for (task, expected) in cases {
        assert_eq!(lines(&one_task(task)), [expected]);
    }
    let docker = json!({"command": ["docker", "ps", "--format", "{{.Names}} {{ item }}x"]});
    assert!(lines(&one_task(docker))[0].starts_with("error[bare-braces]"));
    check(&one_task(
        json!({"command": ["docker", "ps", "--format", "{{.Names}}"]}),
    ))
    .unwrap();
    check(&one_task(json!({"id": "a/b[3]", "parent_id": "a/b"}))).unwrap();
}

#[test]
fn sizes_are_bounded() {
    let long = "x".repeat(120 * 1024 + 1);
    assert_eq!(
        lines(&one_task(json!({"run": long}))),
        [
            "error[value-too-long]: 122881 bytes; at most 122880 (at tasks.t.run) | put it into a file and stage that with `files`",
        ]
    );
    let tasks: Vec<_> = (0..5)
        .map(|i| json!({"id": format!("t{i}"), "run": "true"}))
        .collect();
    let few = Limits { tasks: 4, edges: 1 };
    let found = draft(&json!({"name": "p", "tasks": tasks}))
        .check(&few)
        .unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "error[too-many-tasks]: 5 tasks; at most 4 are allowed (at tasks)"
    );
    let needs = json!({"name": "p", "tasks": [{"id": "a", "run": "x", "needs": ["b", "c"]}]});
    let found = draft(&needs).check(&few).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "error[too-many-needs]: 2 needs in all; at most 1 are allowed (at tasks)"
    );
    assert!(
        lines(&json!({"name": "p", "tasks": []}))[0]
            .starts_with("error[no-tasks]: a plan without tasks")
    );
}

#[test]
fn the_scenarios_env_holds_before_any_task() {
    let value = json!({"name": "p", "env": {"X": "${{ tasks.t.status }}", "Y": "${{ inputs.y }}"},
        "inputs": {"y": "1"}, "tasks": [{"id": "t", "run": "true"}]});
    assert_eq!(
        lines(&value),
        [
            "error[reference-shape]: the scenario's `env` holds before any task (at env.X) | use `inputs` here, or move the entry to the task's own `env`",
        ]
    );
}

#[test]
fn json_is_read_strictly() {
    let refuse = |text: &str| Plan::from_json(text.as_bytes()).unwrap_err()[0].to_string();
    assert!(
        refuse("{").starts_with("error[plan-shape]: not a plan: EOF"),
        "{}",
        refuse("{")
    );
    let unknown = refuse(r#"{"name":"p","tasks":[{"id":"a","run":"x","nedes":[]}]}"#);
    assert!(unknown.contains("unknown field `nedes`"), "{unknown}");
    let schema = refuse(r#"{"name":"p","schema":"other/v9","tasks":[{"id":"a","run":"x"}]}"#);
    assert!(
        schema.starts_with("error[plan-schema]: plan of schema `other/v9`"),
        "{schema}"
    );
    let fraction = refuse(r#"{"name":"p","inputs":{"x":1.5},"tasks":[{"id":"a","run":"x"}]}"#);
    assert!(
        fraction.starts_with("error[wrong-type]: input `x` has a value of no input type"),
        "{fraction}"
    );
}
