//! From a planned question to its message: values in, what the model gets to see by digest, and the task
//! failed where something is missing.

use std::sync::Arc;

use protocol::budget::Budget;
use protocol::expr::Template;
use protocol::message::{ContextItem, ContextSource, FileSource, PromptMessage, TaskOutcome};
use protocol::plan::{DraftContext, Effort, Fallback, ModelChoice, OutputType, Parse, Plan, Tier};
use serde_json::{Map, json};

use crate::machine::MAX_PROMPT_TEXT_BYTES;
use crate::testing::{ASKER, Tasks, TestEnv, artifact, asking, ended, plan_of, prompt, task};

fn sees(mut task: Tasks, all: &[(&str, bool)]) -> Tasks {
    let all = all.iter().map(|(reference, file)| DraftContext {
        file: *file,
        reference: (*reference).to_owned(),
    });
    task.0.context = all.collect();
    task
}

/// `a`, which leaves an output and an artifact.
fn a() -> Tasks {
    task("a")
        .output("n", OutputType::Json)
        .artifact("x", "out/x")
}

/// Runs `a`, then gives back the lines that follow and what `b` is asked.
fn after_a(plan: Arc<Plan>, n: serde_json::Value) -> (Vec<String>, Option<PromptMessage>) {
    let mut env = TestEnv::new(asking(Budget::default()), plan);
    env.hello("w1", "life1", 1).skip();
    env.hello(ASKER, "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::from_iter([("n".to_owned(), n)]),
        artifacts: vec![artifact("x", "artifacts/a/out/x")],
    };
    let lines = env.result(&token, "w1", outcome).lines().to_vec();
    let published = env.published.get("b");
    let asked = published.map(|message| {
        assert_eq!((message.argv.len(), message.env.len()), (0, 0));
        message.prompt.as_deref().expect("a question").clone()
    });
    (lines, asked)
}

fn text(label: &str, text: &str) -> ContextItem {
    ContextItem {
        label: label.to_owned(),
        source: ContextSource::Text {
            text: text.to_owned(),
        },
    }
}

#[test]
fn values_and_what_is_seen_go_into_the_message() {
    let mut b = sees(
        prompt("b", "About ${{ inputs.n }}: why?").needs(["a"]),
        &[
            ("tasks.a.artifacts.x", false),
            ("${{ tasks.a.outputs.n }}", false),
            ("inputs.n", false),
            ("inputs.path", false),
            ("inputs.path", true),
        ],
    );
    b.0.context_tokens = Some(500);
    b.0.output_schema = Some(json!({"type": "object"}));
    b.0.model = Some(ModelChoice {
        tier: Tier::Fast,
        max_tokens: Some(9),
        effort: Some(Effort::Low),
    });
    b.0.fallback = Some(Fallback {
        prompt: Some(Template::new("${{ tasks.a.outputs.n }}?")),
        tier: None,
    });
    let (_, asked) = after_a(plan_of([a(), b]), json!({"k": [1]}));
    let asked = asked.unwrap();
    let left = artifact("x", "artifacts/a/out/x");
    let file = |source| ContextSource::File { source };
    assert_eq!(
        asked.context,
        [
            ContextItem {
                label: "tasks.a.artifacts.x".into(),
                source: file(FileSource::Artifact {
                    files: left.files,
                    directory: false,
                    strip: "artifacts/a/out/x".into(),
                }),
            },
            text("tasks.a.outputs.n", "{\"k\":[1]}"),
            text("inputs.n", "3"),
            text("inputs.path", "/in"),
            ContextItem {
                label: "inputs.path".into(),
                source: file(FileSource::Local { path: "/in".into() }),
            },
        ]
    );
    assert_eq!(asked.text, "About 3: why?");
    assert_eq!((asked.tier, asked.max_tokens), (Tier::Fast, Some(9)));
    assert_eq!(
        (asked.effort, asked.context_tokens),
        (Some(Effort::Low), Some(500))
    );
    assert_eq!(
        (asked.schema, asked.parse),
        (Some(json!({"type": "object"})), Parse::Json)
    );
    let fallback = asked.fallback.unwrap();
    assert_eq!(fallback.text.as_deref(), Some("{\"k\":[1]}?"));
    assert_eq!(fallback.tier, Tier::Fast);
}

#[test]
fn every_item_of_a_repeated_task_is_seen_by_its_place() {
    let each = task("a").for_each(json!([1, 2])).artifact("x", "x");
    let b = sees(
        prompt("b", "Why?").needs(["a"]),
        &[("tasks.a.artifacts.x", false)],
    );
    let mut env = TestEnv::new(asking(Budget::default()), plan_of([each, b]));
    env.hello("w1", "life1", 2).skip();
    env.hello(ASKER, "life1", 1).skip();
    for (item, sealed) in [("a[0]", "artifacts/a-0/x"), ("a[1]", "artifacts/a-1/x")] {
        let token = env.token(item);
        env.claim(&token, "w1", "life1").skip();
        let outcome = TaskOutcome::Done {
            attempt: 1,
            end: Box::new(ended()),
            outputs: Map::new(),
            artifacts: vec![artifact("x", sealed)],
        };
        env.result(&token, "w1", outcome).skip();
    }
    let asked = env.published["b"].prompt.clone().unwrap();
    let labels: Vec<&str> = asked
        .context
        .iter()
        .map(|item| item.label.as_str())
        .collect();
    assert_eq!(labels, ["tasks.a[0].artifacts.x", "tasks.a[1].artifacts.x"]);
}

#[test]
fn a_question_too_big_with_its_values_fails_before_anybody_is_asked() {
    let b = prompt("b", "${{ tasks.a.outputs.n }}${{ tasks.a.outputs.n }}").needs(["a"]);
    let half = "x".repeat(MAX_PROMPT_TEXT_BYTES / 2);
    let (_, fits) = after_a(plan_of([a(), b.clone()]), json!(half));
    assert_eq!(fits.unwrap().text.len(), MAX_PROMPT_TEXT_BYTES);
    let (lines, asked) = after_a(plan_of([a(), b]), json!(format!("{half}x")));
    assert_eq!(asked, None);
    let failed = lines.iter().find(|line| line.contains("task.failed b"));
    assert!(failed.is_some(), "{lines:?}");
}

#[test]
fn what_was_never_left_fails_the_task() {
    let b = sees(
        prompt("b", "Why?").needs(["a"]),
        &[("tasks.a.artifacts.y", false)],
    );
    let (lines, asked) = after_a(plan_of([a().artifact("y", "y"), b]), json!(1));
    assert_eq!(asked, None);
    let failed = lines.iter().find(|line| line.contains("task.failed b"));
    assert!(
        failed.is_some_and(|line| line.contains("input_missing")),
        "{lines:?}"
    );
}
