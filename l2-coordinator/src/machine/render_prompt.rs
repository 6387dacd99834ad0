//! From a planned question to the message that asks it: every expression evaluated, what the model gets
//! to see named by digest. Pure; whoever asks reads the files and cuts them to size.

use protocol::expr::{Scope, Template};
use protocol::ids::TaskId;
use protocol::message::{ContextItem, ContextSource, FallbackMessage, FileSource, PromptMessage};
use protocol::plan::{ContextRef, PlanTask};
use serde_json::Value;

use super::render::text;

/// Bytes of one question with its values: what a model is shown beyond it comes in through `context`, which
/// has a budget.
pub const MAX_PROMPT_TEXT_BYTES: usize = 64 * 1024;

/// What a task asks a model, if that is what it does; `artifacts` says what an artifact of a task comes
/// down to.
pub(super) fn prompt(
    task: &PlanTask,
    scope: &dyn Scope,
    artifacts: impl Fn(&TaskId, &str) -> Result<Vec<ContextItem>, String>,
) -> Result<Option<Box<PromptMessage>>, String> {
    let Some(prompt) = task.prompt() else {
        return Ok(None);
    };
    let mut context = Vec::with_capacity(prompt.context.len());
    for seen in &prompt.context {
        match seen {
            ContextRef::Artifact { task, name } => context.extend(artifacts(task, name)?),
            ContextRef::Output { task, name } => {
                context.push(of_value(seen, &output(scope, task, name)?));
            }
            // What was left out is not there to be seen.
            ContextRef::Input { name } | ContextRef::File { name }
                if scope.input(name).is_some_and(Value::is_null) => {}
            ContextRef::Input { name } => match scope.input(name) {
                Some(value) => context.push(of_value(seen, value)),
                None => return Err(format!("`context`: there is no input `{name}`")),
            },
            ContextRef::File { name } => match scope.input(name) {
                Some(Value::String(path)) => context.push(ContextItem {
                    label: seen.to_string(),
                    source: ContextSource::File {
                        source: FileSource::Local { path: path.clone() },
                    },
                }),
                _ => return Err(format!("`context`: input `{name}` is not a path")),
            },
        }
    }
    let model = prompt.model;
    let fallback = prompt.fallback.as_ref();
    let fallback = fallback.map(|fallback| {
        let other = fallback.prompt.as_ref();
        let other = other.map(|other| question(other, "fallback", scope));
        other.transpose().map(|text| FallbackMessage {
            text,
            tier: fallback.tier.unwrap_or(model.tier),
        })
    });
    Ok(Some(Box::new(PromptMessage {
        text: question(&prompt.text, "prompt", scope)?,
        context,
        context_tokens: prompt.context_tokens,
        schema: prompt.schema.clone(),
        parse: prompt.parse.clone(),
        tier: model.tier,
        max_tokens: model.max_tokens,
        effort: model.effort,
        fallback: fallback.transpose()?,
    })))
}

fn question(template: &Template, key: &str, scope: &dyn Scope) -> Result<String, String> {
    let text = text(template, scope).map_err(|e| format!("`{key}`: {e}"))?;
    if text.len() > MAX_PROMPT_TEXT_BYTES {
        let size = text.len();
        return Err(format!(
            "`{key}` has {size} bytes with its values; at most {MAX_PROMPT_TEXT_BYTES}: show the model big \
             values by `context`"
        ));
    }
    Ok(text)
}

/// An artifact as a model gets to see it. `item`: of which item of a repeated task it is.
pub(super) fn of_artifact(
    task: &TaskId,
    item: Option<usize>,
    name: &str,
    source: FileSource,
) -> ContextItem {
    let item = item.map(|item| format!("[{item}]")).unwrap_or_default();
    ContextItem {
        label: format!("tasks.{task}{item}.artifacts.{name}"),
        source: ContextSource::File { source },
    }
}

/// Files of this host that a message has a model see.
pub(super) fn local_files(message: &PromptMessage) -> impl Iterator<Item = &str> {
    message
        .context
        .iter()
        .filter_map(|item| match &item.source {
            ContextSource::File {
                source: FileSource::Local { path },
            } => Some(path.as_str()),
            ContextSource::File { .. } | ContextSource::Text { .. } => None,
        })
}

fn output(scope: &dyn Scope, task: &TaskId, name: &str) -> Result<Value, String> {
    match scope.output(task.as_str(), name) {
        Some(value) => Ok(value.into_owned()),
        // Nothing has run: its name stands for it.
        None if scope.is_ahead() => Ok(Value::from(format!("tasks.{task}.outputs.{name}"))),
        None => Err(format!("`context`: task `{task}` left no output `{name}`")),
    }
}

fn of_value(seen: &ContextRef, value: &Value) -> ContextItem {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    ContextItem {
        label: seen.to_string(),
        source: ContextSource::Text { text },
    }
}
