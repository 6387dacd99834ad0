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
    place
}

fn run(place: &Place, args: &[&str]) -> Outcome {
    place.orchestra(args).env("PATH", "/nowhere").run()
}

fn shown(place: &Place, args: &[&str]) -> String {
    let work = fs_err::canonicalize(place.work()).unwrap();
    let shown = run(place, args).render();
    shown.replace(work.to_str().unwrap(), "<work>")
}

#[test]
fn a_plan_page_counts_and_prices_what_is_asked() {
    let place = place();
    assert_snapshot!(shown(&place, &["run", "notes.yaml", "--plan-only"]), @"");
}

#[test]
fn a_budget_stands_beside_what_is_asked_and_an_unpriced_model_is_named() {
    let place = place();
    place.write(
        "notes.yaml",
        &format!("{NOTES}budget: {{ usd: 0.5, tokens: 2000000 }}\n"),
    );
    let args = ["run", "notes.yaml", "--plan-only", "--model", "openai/own"];
    let page = shown(&place, &args);
    let asked = page.lines().find(|line| line.contains("models are asked"));
    assert_snapshot!(asked.unwrap_or(&page), @"");
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
    assert_snapshot!(shown(&place, &["run", "notes.yaml", "--dry-run"]), @"");
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
    assert_snapshot!(shown(&place, &explain), @"");
}

#[test]
fn a_pack_without_calls_lets_nobody_be_asked() {
    let place = place();
    place.write(
        "mute.yaml",
        "version: 1\npack: mute\nuse: default\nbudgets: { calls: 0 }\n",
    );
    let args = ["validate", "notes.yaml", "--policy", "mute.yaml"];
    assert_snapshot!(shown(&place, &args), @"");
}

#[test]
fn a_schema_that_is_not_there_is_told_where_it_is_named() {
    let place = Place::with("notes.yaml", NOTES);
    assert_snapshot!(shown(&place, &["validate", "notes.yaml"]), @"");
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
    let changed = run(&place, &["run", "plan.json", "--plan-only"]);
    assert_snapshot!(changed.render().lines().take(4).collect::<Vec<_>>().join("\n"), @"");
}
