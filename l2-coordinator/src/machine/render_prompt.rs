//! From a planned question to the message that asks it: every expression evaluated, what the model gets
//! to see named by digest. Pure; whoever asks reads the files and cuts them to size.

use protocol::expr::Scope;
use protocol::ids::TaskId;
use protocol::message::{ContextItem, ContextSource, FallbackMessage, FileSource, PromptMessage};
use protocol::plan::{ContextRef, PlanTask};
use serde_json::Value;

use super::render::text;

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
        let other = fallback.prompt.as_ref().map(|other| text(other, scope));
        let other = other.transpose().map_err(|e| format!("`fallback`: {e}"));
        other.map(|text| FallbackMessage {
            text,
            tier: fallback.tier.unwrap_or(model.tier),
        })
    });
    Ok(Some(Box::new(PromptMessage {
        text: text(&prompt.text, scope).map_err(|e| format!("`prompt`: {e}"))?,
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
