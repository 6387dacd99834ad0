//! The words of a request: templates by version, embedded. What never changes between requests is the system
//! text, which a provider may cache by its bytes; everything of one goal is in the question. No clock, no
//! dice: the same goal asks with the same bytes.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use protocol::diagnostic::Diagnostic;
use protocol::digest::Digest;
use serde_json::{Map, Value};

use super::data::{Data, fenced, fenced_goal};
use super::examples::PlanExample;
use super::form::{PLAN_KEYS, TASK_KEYS};
use super::surroundings::Surroundings;

/// Texts that go with one question; more are dropped, and it says so.
pub(super) const MAX_DATA: usize = 32;
/// Problems that go back to the model at once.
pub(crate) const MAX_PROBLEMS: usize = 20;
/// Characters of one problem that goes back.
const MAX_PROBLEM_CHARS: usize = 400;

/// The version that is used unless another is asked for.
pub const DEFAULT_PROMPT: &str = "plan@1";

/// Templates of this build by version: system, question, repair, schema of the reply.
const VERSIONS: &[(&str, [&str; 4])] = &[(
    DEFAULT_PROMPT,
    [
        include_str!("../../prompts/plan.v1.system.md"),
        include_str!("../../prompts/plan.v1.question.md"),
        include_str!("../../prompts/plan.v1.repair.md"),
        include_str!("../../prompts/plan.v1.schema.json"),
    ],
)];

/// One version of the planner's words.
pub struct Prompt {
    /// Its name.
    pub version: &'static str,
    /// SHA-256 over all of it.
    pub digest: Digest,
    /// The same bytes for every goal.
    pub system: String,
    /// JSON Schema of the reply.
    pub schema: Value,
    templates: Environment<'static>,
}

/// The names of all versions.
pub fn prompt_versions() -> impl Iterator<Item = &'static str> {
    VERSIONS.iter().map(|(version, _)| *version)
}

/// A version by its name.
#[must_use]
pub fn prompt(version: &str) -> Option<&'static Prompt> {
    static ALL: LazyLock<Vec<Prompt>> = LazyLock::new(|| {
        let all = VERSIONS.iter();
        all.map(|(version, texts)| Prompt::new(version, texts))
            .collect()
    });
    ALL.iter().find(|prompt| prompt.version == version)
}

/// What a question is made of.
pub(super) struct Question<'a> {
    pub(super) goal: &'a str,
    pub(super) inputs: &'a std::collections::BTreeMap<String, Value>,
    pub(super) data: &'a [Data],
    pub(super) examples: &'a [&'a PlanExample],
    pub(super) at: &'a Surroundings,
}

impl Prompt {
    fn new(version: &'static str, texts: &[&'static str; 4]) -> Self {
        let [system, question, repair, form] = *texts;
        let mut templates = Environment::empty();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let lines = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        templates.set_syntax(lines.expect("the delimiters are the usual ones"));
        for (name, text) in [
            ("system", system),
            ("question", question),
            ("repair", repair),
        ] {
            templates
                .add_template(name, text)
                .expect("a test renders every template of this build");
        }
        let template = templates.get_template("system").expect("it was added");
        let system = template
            .render(context! { form => form.trim() })
            .expect("a test renders every template of this build");
        let digest = Digest::of_canonical("planner-prompt/v1", texts).expect("texts are texts");
        Self {
            version,
            digest,
            system,
            schema: serde_json::from_str(form).expect("a test reads the schema of this build"),
            templates,
        }
    }

    fn render(&self, name: &str, values: minijinja::Value) -> String {
        let template = self
            .templates
            .get_template(name)
            .expect("every version has all templates");
        template
            .render(values)
            .expect("templates use nothing but what they are given")
    }

    pub(super) fn question(&self, question: &Question<'_>) -> String {
        let examples = question.examples.iter();
        let examples: Vec<_> = examples
            .map(|example| context! { goal => example.goal.as_str(), answer => answer(&example.answer) })
            .collect();
        let inputs = (!question.inputs.is_empty()).then(|| {
            let lines = question.inputs.iter();
            let lines: Vec<_> = lines
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            fenced("inputs", &lines.join("\n"))
        });
        let data = question.data.iter().take(MAX_DATA);
        let data: Vec<_> = data.map(|data| fenced(&data.label, &data.text)).collect();
        self.render(
            "question",
            context! {
                examples,
                at => minijinja::Value::from(Serde(question.at)),
                inputs,
                data,
                dropped => question.data.len().saturating_sub(MAX_DATA),
                goal => fenced_goal(question.goal),
            },
        )
    }

    pub(super) fn repair(&self, problems: &[Diagnostic]) -> String {
        let lines = problems.iter().take(MAX_PROBLEMS);
        let lines: Vec<_> = lines.map(problem_line).collect();
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        self.render(
            "repair",
            context! { count => problems.len(), problems => lines, more },
        )
    }
}

/// One problem on one line, and what to do about it.
pub(crate) fn problem_line(problem: &Diagnostic) -> String {
    let help = problem
        .help
        .as_ref()
        .map(|help| format!(". {help}"))
        .unwrap_or_default();
    let line = format!("{problem}{help}");
    line.chars()
        .take(MAX_PROBLEM_CHARS)
        .flat_map(|c| match c.is_control() {
            true => c.escape_debug().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect()
}

/// An answer with its keys in the order of the form, one task a line.
fn answer(plan: &Map<String, Value>) -> String {
    let ordered = |map: &Map<String, Value>, keys: &[&str], value: &dyn Fn(&Value) -> String| {
        let pairs = keys.iter().filter_map(|key| Some((key, map.get(*key)?)));
        let pairs: Vec<_> = pairs
            .map(|(key, of)| format!("\"{key}\": {}", value(of)))
            .collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let task = |task: &Value| match task {
        Value::Object(task) => ordered(task, TASK_KEYS, &Value::to_string),
        other => other.to_string(),
    };
    let tasks = |value: &Value| match value {
        Value::Array(items)
            if items.first().is_some_and(Value::is_object) && items[0].get("id").is_some() =>
        {
            let tasks: Vec<_> = items.iter().map(task).collect();
            format!("[\n{}\n]", tasks.join(",\n"))
        }
        other => other.to_string(),
    };
    ordered(plan, PLAN_KEYS, &tasks)
}
