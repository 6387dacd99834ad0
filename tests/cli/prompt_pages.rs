//! Plans that ask models, seen before they run: by what they would ask, what that may cost at most, and
//! what a policy has to say of it. Nobody is asked here.

use insta::assert_snapshot;

use crate::support::{Outcome, Place};

const NOTES: &str = "\
version: 1
name: notes
inputs:
  areas: { type: list, default: [api, console] }
  style: { type: path, default: style.md }
tasks:
  collect:
    run: 'true'
    outputs: { count: int }
    artifacts: { commits: commits.txt }
  summarize:
    needs: [collect]
    for_each: ${{ inputs.areas }}
    as: area
    prompt: Summarize what changes for users in ${{ area }}.
    context: [tasks.collect.artifacts.commits, inputs.style]
    context_tokens: 20000
    model: { tier: fast, max_tokens: 2000 }
    output_schema: schemas/bullets.json
    artifacts: { bullets: bullets.json }
    timeout: 5m
    retry: { max: 1, when: [invalid_output] }
  title:
    needs: [summarize]
    prompt: Name the release.
    context: [tasks.summarize.artifacts.bullets, tasks.collect.outputs.count]
    outputs: { title: string }
    timeout: 5m
";
const BULLETS: &str = r#"{"type": "object", "properties": {"bullets": {"type": "array", "items":
{"type": "string"}, "maxItems": 5}}, "required": ["bullets"], "additionalProperties": false}"#;

fn place() -> Place {
    let place = Place::with("notes.yaml", NOTES);
    place.write("schemas/bullets.json", BULLETS);
    place.write("style.md", "Short.\n");
    place.write("bin/sh", "");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(place.work().join("bin/sh"), mode).unwrap();
    place
}

/// The only program there is lies in the place itself, so that it is found alike everywhere.
fn run(place: &Place, args: &[&str]) -> Outcome {
    let bin = place.work().join("bin");
    place.orchestra(args).env("PATH", bin).run()
}

fn shown(place: &Place, args: &[&str]) -> String {
    let shown = run(place, args).render();
    let real = fs_err::canonicalize(place.work()).unwrap();
    let shown = shown.replace(real.to_str().unwrap(), "<work>");
    shown.replace(place.work().to_str().unwrap(), "<work>")
}

#[test]
fn a_plan_page_counts_and_prices_what_is_asked() {
    let place = place();
    assert_snapshot!(shown(&place, &["run", "notes.yaml", "--plan-only"]), @r#"
    exit 0
    --- stdout
    Plan <digest> notes
    3 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets · 2 tasks ask models
      areas = ["api","console"]
      style = "<work>/style.md"

      collect
      └─ summarize   2 items
         └─ title

         task       kind    timeout  attempts  needs
      1  collect    run        none         1
      2  summarize  prompt    5m00s         2  collect
      3  title      prompt    5m00s         1  summarize

    Worst case: 4 tasks, 6 attempts
      one after the other   unbounded (more than 25m02s)
      longest path          unbounded (more than 15m01s)
      models are asked      15 calls · 1070721 tokens · $3.08
      without a timeout     collect
      plan digest           <sha256>
    next: orchestra run notes.yaml --sandbox none --approve <digest>@<digest>
    --- stderr
    note: notes.yaml:19:20: `maxItems` of the schema is checked when the reply is there: providers read it as a wish
    "#);
}

#[test]
fn a_budget_stands_beside_what_is_asked_and_an_unpriced_model_is_named() {
    let place = place();
    place.write(
        "notes.yaml",
        format!("{NOTES}budget: {{ usd: 0.5, tokens: 2000000 }}\n"),
    );
    let args = ["run", "notes.yaml", "--plan-only", "--model", "openai/own"];
    let page = shown(&place, &args);
    let asked = page.lines().find(|line| line.contains("models are asked"));
    assert_snapshot!(asked.unwrap_or(&page), @"  models are asked      15 calls · 1070721 of 2000000 tokens · no known price of own");
    let worst = run(&place, &[&args[..], &["-o", "json"]].concat())
        .expect(0)
        .json();
    let models = &worst["worst_case"]["models"];
    assert_eq!(models["unpriced"], serde_json::json!(["own"]));
    assert_eq!(models["calls"], 15);
}

#[test]
fn a_dry_run_says_who_would_be_asked_and_asks_nobody() {
    let place = place();
    let before = place.listing();
    assert_snapshot!(shown(&place, &["run", "notes.yaml", "--dry-run"]), @r#"
    exit 0
    --- stdout
    Plan <digest> notes
    3 tasks · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets · 2 tasks ask models
      areas = ["api","console"]
      style = "<work>/style.md"

      would run  at 0s  collect    <work>/bin/sh
      would run  later  summarize  asks the fast model, which sees 2 pieces · 2 items
      would run  later  title      asks the smart model, which sees 2 pieces

    Dry run: 3 would run; nothing was started
      of `run:` texts only the shell was looked up, not what they call
    --- stderr
    note: notes.yaml:19:20: `maxItems` of the schema is checked when the reply is there: providers read it as a wish
    "#);
    let object = run(&place, &["run", "notes.yaml", "--dry-run", "-o", "json"]);
    let object = object.expect(0).json();
    let tasks = object["tasks"].as_array().unwrap();
    let asked = tasks.iter().find(|task| task["id"] == "title").unwrap();
    let title = serde_json::json!({
        "text": "Name the release.",
        "tier": "smart",
        "context": ["tasks.summarize.artifacts.bullets", "tasks.collect.outputs.count"],
        "schema": null,
        "parse": "text",
    });
    assert_eq!(asked["prompt"], title);
    assert_eq!(asked["kind"], "prompt");
    assert_eq!(place.listing(), before, "nothing was written");
}

#[test]
fn a_policy_explains_a_question_without_a_sandbox() {
    let place = place();
    let explain = ["policy", "explain", "notes.yaml", "summarize"];
    assert_snapshot!(shown(&place, &explain), @"
    exit 0
    --- stdout
    summarize under default@1
      asks         the fast model   (the scenario)
      sees         the prompt, tasks.collect.artifacts.commits, inputs.style; at most 20000 tokens   (the scenario)
      reply        json, held against a schema   (the scenario)
      calls        unbounded   (not said)
      tokens       unbounded   (not said)
      usd          unbounded   (not said)
    --- stderr
    note: notes.yaml:19:20: `maxItems` of the schema is checked when the reply is there: providers read it as a wish
    ");
}

#[test]
fn a_pack_without_calls_lets_nobody_be_asked() {
    let place = place();
    place.write(
        "mute.yaml",
        "version: 1\npack: mute\nuse: default\nbudgets: { calls: 0 }\n",
    );
    let args = ["validate", "notes.yaml", "--policy", "mute.yaml"];
    assert_snapshot!(shown(&place, &args), @"
    exit 4
    --- stdout
    notes.yaml: notes is valid; mute@1: 2 refused
      refused[budget-exceeded] summarize: it asks a model, and mute@1 lets a run make no model call
          fix: Make the plan smaller, or choose a pack with a larger budget.
      refused[budget-exceeded] title: it asks a model, and mute@1 lets a run make no model call
          fix: Make the plan smaller, or choose a pack with a larger budget.
    --- stderr
    note: notes.yaml:19:20: `maxItems` of the schema is checked when the reply is there: providers read it as a wish
    ");
}

#[test]
fn a_schema_that_is_not_there_is_told_where_it_is_named() {
    let place = Place::with("notes.yaml", NOTES);
    assert_snapshot!(shown(&place, &["validate", "notes.yaml"]), @"
    exit 3
    --- stderr
    error[schema-unreadable]: there is no file schemas/bullets.json
      --> notes.yaml:19:20
       |
    19 |     output_schema: schemas/bullets.json
       |                    ^^^^^^^^^^^^^^^^^^^^

    error: 1 problem in notes.yaml; nothing was run
    ");
}

#[test]
fn what_a_model_is_shown_is_part_of_a_saved_plan() {
    let place = place();
    run(
        &place,
        &["run", "notes.yaml", "--plan-only", "--save", "plan.json"],
    )
    .expect(0);
    place.write("style.md", "Long.\n");
    assert_snapshot!(shown(&place, &["run", "plan.json", "--plan-only"]), @"
    exit 4
    --- stderr
    error[plan-not-approved]: `<work>/style.md`, input `style`, is not what plan.json was saved with
    help: put it back, or save the plan again with `--plan-only --save FILE`
    ");
}
