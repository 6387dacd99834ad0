//! The form of a plan that a model writes, read strictly. Its JSON Schema is `prompts/plan.v1.schema.json`,
//! and a test holds both against each other. It has no maps, since providers take objects with fixed keys
//! only: what is a map in a plan is a list of pairs here. It has no word for secrets and none for a policy.
//!
//! A key that is empty may be left out: not every provider enforces a schema.

use std::collections::BTreeMap;

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::expr::Template;
use protocol::ids::TaskId;
use protocol::plan::{DraftPlan, DraftTask, OutputType, Workspace};
use protocol::policy::{Effects, Network, RetryPolicy, Timeout};
use serde_json::{Map, Value};

use super::caps::Caps;
use super::extract::shown;
use super::fields::Fields;

/// Keys of the plan.
pub(super) const PLAN_KEYS: &[&str] = &["summary", "unable", "tasks", "outputs"];
/// Keys of a task.
pub(super) const TASK_KEYS: &[&str] = &[
    "id",
    "description",
    "needs",
    "run",
    "command",
    "env",
    "files",
    "outputs",
    "artifacts",
    "workspace",
    "timeout_s",
    "retry",
    "network",
    "programs",
];
/// Keys of an entry of `env`, and of the plan's `outputs`.
pub(super) const VALUE_KEYS: [&str; 2] = ["name", "value"];
/// Keys of an entry of a task's `files`.
pub(super) const FILE_KEYS: [&str; 2] = ["path", "from"];
/// Keys of an entry of a task's `outputs`.
pub(super) const OUTPUT_KEYS: [&str; 2] = ["name", "type"];
/// Keys of an entry of `artifacts`.
pub(super) const ARTIFACT_KEYS: [&str; 2] = ["name", "path"];

/// Bytes of the model's own words about its plan.
const MAX_SUMMARY_BYTES: usize = 2 * 1024;

/// What the model wrote.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// A plan.
    Plan(Box<DraftPlan>),
    /// That it cannot make one, in its own words.
    Unable(String),
}

/// Reads the form into `base`, which has everything of the plan that is not the model's to say: name,
/// inputs, environment, policy.
///
/// # Errors
/// Every problem of its shape, up to a bound.
pub fn read(
    object: &Map<String, Value>,
    base: DraftPlan,
    caps: &Caps,
) -> Result<Written, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    let fields = Fields::of(object, PLAN_KEYS, Place::plan(), &mut problems);
    let summary = own_words(&fields, "summary", &mut problems);
    let unable = own_words(&fields, "unable", &mut problems);
    let tasks = fields.list("tasks", &mut problems);
    if let (Some(why), true, false) = (&unable, tasks.is_empty(), problems.has_errors()) {
        return Ok(Written::Unable(why.clone()));
    }
    if unable.is_some() {
        let message = "`unable` says that there is no plan, and `tasks` is one";
        problems.push(Diagnostic::error("unable-and-able", message));
    }
    if !object.contains_key("tasks") {
        problems.push(Diagnostic::error("missing-key", "`tasks` is missing"));
    } else if tasks.is_empty() && !problems.has_errors() {
        let help = "say in `unable` why the goal cannot be reached, if it cannot";
        problems.push(Diagnostic::error("no-tasks", "a plan without tasks").help(help));
    }
    let mut draft = base;
    if tasks.len() > caps.tasks {
        let message = format!("{} tasks; at most {} are allowed", tasks.len(), caps.tasks);
        let place = Place::plan().field("tasks");
        problems.push(Diagnostic::error("too-many-tasks", message).in_place(place));
    } else {
        let tasks = tasks.iter().enumerate();
        let tasks = tasks.filter_map(|(at, value)| task(at, value, &mut problems));
        draft.tasks = tasks.collect();
    }
    for (name, value) in fields.pairs("outputs", VALUE_KEYS, &mut problems) {
        // What the scenario itself hands out is not the model's to change.
        draft
            .outputs
            .entry(name.to_owned())
            .or_insert_with(|| Template::new(value));
    }
    if draft.description.is_none() {
        draft.description = summary;
    }
    match problems.has_errors() {
        true => Err(problems.into_vec()),
        false => Ok(Written::Plan(Box::new(draft))),
    }
}

fn own_words(fields: &Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<String> {
    let text = fields.text(key, problems)?.trim();
    if text.len() > MAX_SUMMARY_BYTES {
        let message = format!(
            "`{key}` has {} bytes; at most {MAX_SUMMARY_BYTES}",
            text.len()
        );
        problems.push(Diagnostic::error("value-too-long", message));
    }
    // One paragraph, whatever it was: it stands on one line of messages and pages.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

fn task(at: usize, value: &Value, problems: &mut Problems) -> Option<DraftTask> {
    let id = value.get("id").and_then(Value::as_str);
    // An id is part of every place; one that is none must not fill a page there.
    let place = match id.filter(|id| !id.is_empty() && id.len() <= 80) {
        Some(id) => Place::task(id),
        None => Place::plan().field("tasks").index(at),
    };
    let fields = Fields::open(value, TASK_KEYS, place.clone(), problems)?;
    let id = fields.required("id", problems)?;
    if !TaskId::is_segment(id) {
        let message = format!("`{}` cannot be a task's id", shown(id));
        let help = "lower-case letters, digits and `_`, at most 63, a letter first";
        problems.push(
            Diagnostic::error("invalid-id", message)
                .in_place(place.clone())
                .help(help),
        );
    }
    let description = fields.required("description", problems).unwrap_or_default();
    let command = fields.texts("command", problems);
    let outputs = outputs(&fields, &place, problems);
    Some(DraftTask {
        id: id.to_owned(),
        description: Some(description.trim().to_owned()),
        needs: fields.texts("needs", problems),
        run: fields
            .text("run", problems)
            .filter(|run| !run.is_empty())
            .map(str::to_owned),
        command: (!command.is_empty()).then(|| command.into_iter().map(Template::new).collect()),
        env: templates(fields.pairs("env", VALUE_KEYS, problems)),
        files: sources(fields.pairs("files", FILE_KEYS, problems)),
        outputs,
        artifacts: owned(fields.pairs("artifacts", ARTIFACT_KEYS, problems)),
        workspace: word(&fields, "workspace", Workspace::from_word, &place, problems)
            .unwrap_or_default(),
        timeout: Timeout {
            wall_ms: fields
                .number("timeout_s", problems)
                .map(|s: u64| s.saturating_mul(1000)),
            idle_ms: None,
        },
        retry: retry(&fields, problems),
        effects: Some(effects(&fields, &place, problems)),
        ..DraftTask::default()
    })
}

fn retry(fields: &Fields<'_>, problems: &mut Problems) -> Option<RetryPolicy> {
    let max = fields.number("retry", problems).filter(|max| *max > 0)?;
    Some(RetryPolicy {
        max,
        ..RetryPolicy::default()
    })
}

/// What a planned task does not ask for it does not get, however much the policy would grant.
fn effects(fields: &Fields<'_>, place: &Place, problems: &mut Problems) -> Effects {
    let network = |word: &str| word.parse::<Network>().ok();
    let programs = fields.texts("programs", problems);
    Effects {
        network: Some(word(fields, "network", network, place, problems).unwrap_or(Network::None)),
        programs: (!programs.is_empty()).then_some(programs),
        ..Effects::NONE
    }
}

fn word<T>(
    fields: &Fields<'_>,
    key: &'static str,
    of: impl Fn(&str) -> Option<T>,
    place: &Place,
    problems: &mut Problems,
) -> Option<T> {
    let text = fields.text(key, problems)?;
    let found = of(text);
    if found.is_none() {
        let message = format!("`{key}` cannot be `{}`", shown(text));
        let place = place.clone().field(key);
        problems.push(Diagnostic::error("unknown-word", message).in_place(place));
    }
    found
}

fn outputs(
    fields: &Fields<'_>,
    place: &Place,
    problems: &mut Problems,
) -> BTreeMap<String, OutputType> {
    let mut outputs = BTreeMap::new();
    for (name, kind) in fields.pairs("outputs", OUTPUT_KEYS, problems) {
        if let Some(kind) = OutputType::from_word(kind) {
            outputs.insert(name.to_owned(), kind);
        } else {
            let message = format!("`{}` is no type of an output", shown(kind));
            let help = format!("one of {}", OutputType::WORDS.join(", "));
            let place = place.clone().field("outputs");
            problems.push(
                Diagnostic::error("unknown-word", message)
                    .in_place(place)
                    .help(help),
            );
        }
    }
    outputs
}

fn owned(pairs: Vec<(&str, &str)>) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn templates(pairs: Vec<(&str, &str)>) -> BTreeMap<String, Template> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), Template::new(value)))
        .collect()
}

/// `tasks.a.artifacts.x` and `inputs.x`, which are references with or without their delimiters.
fn sources(pairs: Vec<(&str, &str)>) -> BTreeMap<String, Template> {
    let whole = |from: &str| match from.contains("${{") {
        true => Template::new(from),
        false => Template::new(format!("${{{{ {} }}}}", from.trim())),
    };
    let pairs = pairs.into_iter();
    pairs
        .map(|(path, from)| (path.to_owned(), whole(from)))
        .collect()
}
