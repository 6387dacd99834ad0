//! The words of a request: one system text for every task, which a provider may cache by its bytes, and a
//! question that holds everything of one. No clock, no dice: the same task asks with the same bytes.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
use protocol::diagnostic::Diagnostic;
use protocol::plan::Parse;
use serde_json::Value;

use super::context::Context;
use super::task::PromptTask;
use crate::planner::{MAX_PROBLEMS, fenced_task, problem_line};

/// The same for every task.
pub(super) const SYSTEM: &str = include_str!("../../prompts/task.v1.system.md");
const QUESTION: &str = include_str!("../../prompts/task.v1.question.md");
const REPAIR: &str = include_str!("../../prompts/task.v1.repair.md");

fn render(name: &str, values: minijinja::Value) -> String {
    static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut templates = Environment::empty();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let lines = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        templates.set_syntax(lines.expect("the delimiters are the usual ones"));
        for (name, text) in [("question", QUESTION), ("repair", REPAIR)] {
            templates
                .add_template(name, text)
                .expect("a test renders every template of this build");
        }
        templates
    });
    let template = TEMPLATES.get_template(name).expect("both were added");
    template
        .render(values)
        .expect("templates use nothing but what they are given")
}

/// The question of a task; `text` is what it is asked to do. A schema that the provider enforces in full
/// is not told once more.
pub(super) fn question(
    text: &str,
    work: &PromptTask<'_>,
    context: &Context,
    schema: Option<&Value>,
) -> String {
    let schema = schema.map(|schema| format!("{schema:#}"));
    render(
        "question",
        context! {
            material => &context.pieces,
            dropped => context.dropped,
            form => form(work),
            schema,
            task => fenced_task(text),
        },
    )
}

/// What goes back to the model about an answer that cannot be used.
pub(super) fn repair(problems: &[Diagnostic]) -> String {
    let lines = problems.iter().take(MAX_PROBLEMS);
    let lines: Vec<_> = lines.map(problem_line).collect();
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    render(
        "repair",
        context! { count => problems.len(), problems => lines, more },
    )
}

fn form(work: &PromptTask<'_>) -> String {
    match &work.prompt.parse {
        Parse::Text => "Plain text, Markdown where it helps. No fence around the whole.".to_owned(),
        Parse::CodeBlock(language) => {
            let language = language.as_deref().unwrap_or_default();
            format!(
                "Exactly one fenced block of code: a line \"```{language}\", the code, a line \"```\". \
                 What stands outside of it is not kept."
            )
        }
        Parse::Json => {
            let mut form = "Exactly one JSON value, and nothing around it.".to_owned();
            let outputs = work.outputs.iter();
            let outputs = outputs.map(|(name, kind)| format!("- `{name}`: {kind}"));
            // One artifact alone may hold the whole.
            let artifacts = work.artifacts.keys().filter(|_| work.artifacts.len() > 1);
            let artifacts = artifacts.filter(|name| !work.outputs.contains_key(*name));
            let artifacts = artifacts.map(|name| format!("- `{name}`: the content of a file"));
            let members: Vec<_> = outputs.chain(artifacts).collect();
            if !members.is_empty() {
                form.push_str(" It is an object with at least these members:\n\n");
                form.push_str(&members.join("\n"));
            }
            form
        }
    }
}
