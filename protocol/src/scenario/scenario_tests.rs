//! Right scenarios: what they mean.

use std::path::Path;

use serde_json::json;

use super::{Scenario, parse};
use crate::expr::Gate;
use crate::outcome::FailureClass;
use crate::plan::{Action, FileSource, OutputType, Plan};
use crate::policy::{Backoff, RetryPolicy, Timeout};

fn scenario(source: &str) -> Scenario {
    let parsed = parse("dir/my-file.yaml", source.as_bytes());
    assert_eq!(parsed.diagnostics, []);
    parsed.scenario.expect("no diagnostics, so a scenario")
}

fn plan(source: &str) -> Plan {
    let scenario = scenario(source);
    let inputs = scenario
        .resolve(&[], Path::new("/cwd"), Path::new("/root"))
        .expect("defaults");
    scenario.plan(inputs).expect("parsed scenarios check")
}

#[test]
fn every_supported_word() {
    let source = r#"
version: 1
name: all-words
description: Uses every word of this build.
inputs:
  since: { type: string, default: v1.0, description: "a tag" }
  root: { type: path, default: . }
env: { SINCE: "${{ inputs.since }}" }
max_parallel: 3
tasks:
  first:
    run: |
      echo "n=3" >> "$ORCHESTRA_OUTPUT"
    shell: bash
    env: { PORT: 8080, FLAG: no, OCTAL: 010 }
    outputs: { n: int, names: list }
    artifacts: { notes: out/notes.md, tree: out/tree/ }
    timeout: { wall: 5m, idle: 30s }
    retry: { max: 2, delay: 500ms, backoff: fixed, max_delay: 1m, when: [tool_failed], exit_codes: [75] }
    working_dir: sub/dir
    workspace: scratch
  second:
    needs: [first]
    if: always() and tasks.first.outputs.n > 2
    command: [cp, -r, "${{ inputs.root }}", "n${{ tasks.first.outputs.n }}"]
    files:
      notes.md: ${{ tasks.first.artifacts.notes }}
      tree/: "${{ tasks.first.artifacts.tree }}"
      repo: ${{ inputs.root }}
    timeout: 90s
    retry: 1
    continue_on_error: true
"#;
    let plan = plan(source);
    assert_eq!(
        (plan.name(), plan.max_parallel(), plan.len()),
        ("all-words", Some(3), 2)
    );
    assert_eq!(
        json!(plan.inputs()),
        json!({"since": "v1.0", "root": "/root"})
    );
    assert_eq!(plan.env()["SINCE"].as_str(), "${{ inputs.since }}");

    let first = plan.task(plan.index_of("first").unwrap());
    assert_eq!(
        first.action(),
        &Action::Run("echo \"n=3\" >> \"$ORCHESTRA_OUTPUT\"\n".into())
    );
    assert_eq!(
        (first.shell(), first.working_dir()),
        ("bash", Some("sub/dir"))
    );
    let env: Vec<_> = first
        .env()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        env,
        [("FLAG", "no"), ("OCTAL", "010"), ("PORT", "8080")],
        "text as written"
    );
    assert_eq!(first.outputs()["names"], OutputType::List);
    assert_eq!(first.artifacts()["tree"], "out/tree/");
    assert_eq!(
        first.timeout(),
        Timeout {
            wall_ms: Some(300_000),
            idle_ms: Some(30_000)
        }
    );
    let retry = RetryPolicy {
        max: 2,
        delay_ms: 500,
        backoff: Backoff::Fixed,
        max_delay_ms: 60_000,
        when: vec![FailureClass::ToolFailed],
        exit_codes: vec![75],
    };
    assert_eq!(first.retry(), &retry);

    let second = plan.task(plan.index_of("second").unwrap());
    assert_eq!(second.condition().unwrap().gate(), Gate::Always);
    assert_eq!(second.shell(), "sh");
    assert!(second.continue_on_error());
    assert_eq!(
        second.retry(),
        &RetryPolicy {
            max: 1,
            ..RetryPolicy::default()
        }
    );
    assert_eq!(
        second.timeout(),
        Timeout {
            wall_ms: Some(90_000),
            idle_ms: None
        }
    );
    let Action::Command(argv) = second.action() else {
        panic!("a command")
    };
    assert_eq!(argv[1].literal(), Some("-r"));
    let notes = FileSource::Artifact {
        task: "first".parse().unwrap(),
        name: "notes".into(),
    };
    assert_eq!(second.files()["notes.md"], notes);
    assert_eq!(
        second.files()["repo"],
        FileSource::Input {
            name: "root".into()
        }
    );
    assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
}

#[test]
fn name_and_version_may_be_left_out() {
    let scenario = scenario("tasks: { a: { run: x } }");
    assert_eq!((scenario.name(), scenario.task_count()), ("my-file", 1));
}

#[test]
fn scalars_are_taken_as_written() {
    let source = "
tasks:
  a:
    command: [010, no, 1.0, ~x, '''', \"a\\tb\", \"\\u00e9\", 0x1F, 2026-11-20, on, 'null']
  b:
    run: >-
      one
      two
  c:
    run: one
      two
";
    let plan = plan(source);
    let argv = |id: &str| match plan.task(plan.index_of(id).unwrap()).action() {
        Action::Command(items) => items.iter().map(|item| item.as_str().to_owned()).collect(),
        Action::Run(text) => vec![text.to_string()],
        Action::Prompt(prompt) => vec![prompt.text.to_string()],
        Action::Uses(uses) => vec![uses.file.to_string()],
    };
    let expected = [
        "010",
        "no",
        "1.0",
        "~x",
        "'",
        "a\tb",
        "é",
        "0x1F",
        "2026-11-20",
        "on",
        "null",
    ];
    assert_eq!(argv("a"), expected);
    assert_eq!(argv("b"), ["one two"]);
    assert_eq!(argv("c"), ["one two"]);
}

#[test]
fn anchors_aliases_and_merge_keys() {
    let source = "
tasks:
  a: &a
    run: x
    env: &env { ONE: 1, TWO: 2 }
    retry: 1
  b:
    <<: *a
    run: y
    env: { <<: *env, TWO: two }
  c: { <<: [{ run: z }, *a], env: *env }
";
    let plan = plan(source);
    let task = |id: &str| plan.task(plan.index_of(id).unwrap());
    assert_eq!(task("b").action(), &Action::Run("y".into()));
    assert_eq!((task("b").retry().max, task("c").retry().max), (1, 1));
    let env: Vec<_> = task("b")
        .env()
        .values()
        .map(|value| value.as_str())
        .collect();
    assert_eq!(env, ["1", "two"]);
    assert_eq!(task("c").action(), &Action::Run("z".into()));
    assert_eq!(task("c").env().len(), 2);
}

#[test]
fn crlf_bom_and_document_markers() {
    let text = "\u{feff}---\r\ntasks:\r\n  a:\r\n    run: |\r\n      one\r\n      two\r\n...\r\n";
    let plan = plan(text);
    assert_eq!(
        plan.task(plan.index_of("a").unwrap()).action(),
        &Action::Run("one\ntwo\n".into())
    );
}

#[test]
fn json_is_yaml() {
    let plan = plan(r#"{"tasks": {"a": {"run": "x", "retry": 2, "continue_on_error": true}}}"#);
    assert_eq!(plan.task(plan.index_of("a").unwrap()).retry().max, 2);
}

#[test]
fn the_plan_depends_on_content_only() {
    let one = plan("tasks: { a: { run: x }, b: { run: y, needs: [a] } }");
    let other =
        plan("# c\ntasks:\n  b:\n    needs:\n      - a\n    run: 'y'\n  a: { run: \"x\" }\n");
    assert_eq!(one.digest(), other.digest());
}

mod inputs {
    use super::*;

    const SOURCE: &str = "
inputs:
  text: { description: the text to use }
  count: { type: int, default: 3 }
  deep: { type: bool, default: true }
  areas: { type: list, default: [a, 010] }
  repo: { type: path, default: ./sub/../x }
  maybe: { required: false }
tasks: { a: { run: x } }
";

    fn resolve(given: &[(&str, &str)]) -> Result<serde_json::Value, Vec<String>> {
        let given: Vec<_> = given
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let resolved = scenario(SOURCE).resolve(&given, Path::new("/cwd"), Path::new("/root"));
        resolved.map(|values| json!(values)).map_err(|problems| {
            let all = problems.iter();
            all.map(|p| format!("{p} | {}", p.help.as_deref().unwrap_or_default()))
                .collect()
        })
    }

    #[test]
    fn defaults_fill_in() {
        let expected = json!({"text": "t", "count": 3, "deep": true, "areas": ["a", "010"],
            "repo": "/root/sub/../x", "maybe": null});
        assert_eq!(resolve(&[("text", "t")]), Ok(expected));
    }

    #[test]
    fn values_are_typed() {
        let given = [
            ("text", "010"),
            ("count", "-4"),
            ("deep", "false"),
            ("areas", "x, y"),
            ("repo", "a/./b"),
            ("maybe", ""),
        ];
        let expected = json!({"text": "010", "count": -4, "deep": false, "areas": ["x", "y"],
            "repo": "/cwd/a/b", "maybe": ""});
        assert_eq!(resolve(&given), Ok(expected));
        let json_list = resolve(&[("text", ""), ("areas", r#"["a,b", "c"]"#), ("repo", "/abs")]);
        let json_list = json_list.unwrap();
        assert_eq!(
            (&json_list["areas"], &json_list["repo"]),
            (&json!(["a,b", "c"]), &json!("/abs"))
        );
        assert_eq!(
            resolve(&[("text", ""), ("areas", "")]).unwrap()["areas"],
            json!([])
        );
    }

    #[test]
    fn every_problem_at_once() {
        let given = [
            ("conut", "1"),
            ("count", "1.5"),
            ("deep", "yes"),
            ("areas", "[1]"),
            ("repo", ""),
            ("count", "2"),
            ("zzzz", "2"),
        ];
        assert_eq!(
            resolve(&given).unwrap_err(),
            [
                "error[unknown-input]: the scenario has no input `conut` | did you mean `count`?",
                "error[invalid-input]: input `count` is not a whole number: `1.5` | ",
                "error[invalid-input]: input `deep` is neither `true` nor `false`: `yes` | write `-i deep=true`",
                "error[invalid-input]: input `areas` is not a list of texts: `[1]` | separate items by commas, or write a JSON array of texts",
                "error[invalid-input]: input `repo` is an empty path | ",
                "error[duplicate-input]: input `count` is given twice | ",
                "error[unknown-input]: the scenario has no input `zzzz` | its inputs are `areas`, `count`, `deep`, `maybe`, `repo`, `text`",
                "error[missing-input]: input `text` is required | give it with `-i text=VALUE`: the text to use",
            ]
        );
    }

    #[test]
    fn a_missing_input_points_at_its_declaration() {
        let scenario = scenario(SOURCE);
        let problems = scenario
            .resolve(&[], Path::new("/c"), Path::new("/r"))
            .unwrap_err();
        assert_eq!(scenario.source.slice(problems[0].span.unwrap()), "text");
    }
}
