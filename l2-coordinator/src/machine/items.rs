//! What a fan-out is repeated over, and what a nested scenario is given: values computed once, when the
//! task's turn comes, and kept in its event.

use protocol::event::{EventKind, MAX_CHUNK_BYTES, item_bytes};
use protocol::expr::{Condition, Scope, Target, Template};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::{
    FanOut, InputType, Items, MAX_ITEMS, MAX_RUN_TASKS, Parameter, TaskIndex, Uses,
};
use protocol::state::Role;
use serde_json::{Map, Value};

use super::effect::Decision;
use super::value::Machine;

/// Bytes of one item: it goes into its task's message, mostly through one variable.
const MAX_ITEM_BYTES: usize = MAX_CHUNK_BYTES;
/// Bytes of all items of one fan-out, which stay in memory: 320 for each of [`MAX_ITEMS`].
const MAX_ITEMS_BYTES: usize = 32 * 1024 * 1024;

pub(super) type Evaluated<T> = Result<T, Failure>;

impl Machine {
    /// A fan-out's turn: its children, or why there are none.
    pub(super) fn fan_out(&self, task: TaskIndex, fan_out: &FanOut) -> Decision {
        let items = items(fan_out, &self.scope(task)).and_then(|items| {
            self.room(task, items.len())?;
            small_enough(&items)?;
            Ok(items)
        });
        match items {
            Err(failure) => self.unexpandable(task, failure),
            Ok(items) => Decision {
                events: EventKind::expanded_into_items(&self.run.id(task), items),
                ..Decision::default()
            },
        }
    }

    /// A nested scenario's turn.
    pub(super) fn nest(&self, task: TaskIndex, uses: &Uses) -> Decision {
        let inputs = self
            .room(task, uses.scenario.len())
            .and_then(|()| inputs(uses, &self.scope(task), self.config.project.as_deref()));
        match inputs {
            Err(failure) => self.unexpandable(task, failure),
            Ok(inputs) => {
                let task = self.run.id(task);
                Decision::default().event(EventKind::expanded_into_scenario(task, inputs))
            }
        }
    }

    fn room(&self, task: TaskIndex, width: usize) -> Evaluated<()> {
        let there = self.run.tasks().len();
        if there.saturating_add(width) > MAX_RUN_TASKS {
            return Err(too_much(format!(
                "{width} more tasks; the run has {there} and may have {MAX_RUN_TASKS}"
            )));
        }
        let (id, total) = (self.run.id(task), there.saturating_add(width));
        let items = match self.run.role(task) {
            Role::FanOut(_) => width,
            Role::Nested(_) | Role::Work => 0,
        };
        let policy = self.config.policy.policy(&id);
        if let Err(finding) = policy.check_expansion(&id, items as u64, total as u64) {
            return Err(Failure::new(FailureClass::PolicyDenied, finding.message));
        }
        if !self.run.ids_fit(task, width) {
            let most = TaskId::MAX_BYTES;
            return Err(too_much(format!(
                "the ids of its children are longer than {most} bytes"
            )));
        }
        Ok(())
    }

    fn unexpandable(&self, task: TaskIndex, failure: Failure) -> Decision {
        Decision::default().event(EventKind::TaskFailed {
            task: self.run.id(task),
            attempts: 0,
            failure,
            tolerated: self.run.is_tolerated(task),
        })
    }
}

/// Whether a condition can only be decided for each item.
pub(super) fn names_item(condition: &Condition) -> bool {
    let of_item = |target: &Target| matches!(target, Target::Variable { .. });
    condition
        .references()
        .is_ok_and(|references| references.iter().any(|one| of_item(&one.target)))
}

fn too_much(message: String) -> Failure {
    Failure::new(FailureClass::LimitExceeded, message)
}

fn missing(message: String) -> Failure {
    Failure::new(FailureClass::InputMissing, message)
}

fn items(fan_out: &FanOut, scope: &dyn Scope) -> Evaluated<Vec<Value>> {
    match fan_out {
        FanOut::ForEach(items) => list("`for_each`", items, scope),
        FanOut::Matrix(axes) => {
            let mut rows = vec![Map::new()];
            for (axis, items) in axes {
                let values = list(&format!("axis `{axis}`"), items, scope)?;
                bounded("`matrix`", rows.len().saturating_mul(values.len()))?;
                let with = |row: &Map<String, Value>, value: &Value| {
                    let mut row = row.clone();
                    row.insert(axis.clone(), value.clone());
                    row
                };
                rows = rows
                    .iter()
                    .flat_map(|row| values.iter().map(move |value| with(row, value)))
                    .collect();
            }
            Ok(rows.into_iter().map(Value::Object).collect())
        }
    }
}

pub(super) fn list(what: &str, items: &Items, scope: &dyn Scope) -> Evaluated<Vec<Value>> {
    let values = match items {
        Items::List(items) => {
            let item = |(at, item)| {
                evaluate(item, scope).map_err(|e| missing(format!("{what}, item {at}: {e}")))
            };
            items
                .iter()
                .enumerate()
                .map(item)
                .collect::<Evaluated<Vec<_>>>()?
        }
        Items::Expression(template) => {
            let value = template.render(scope);
            match value.map_err(|error| missing(format!("{what}: {error}")))? {
                Value::Array(items) => items,
                other => {
                    return Err(missing(format!(
                        "{what} needs a list, found {}",
                        kind(&other)
                    )));
                }
            }
        }
    };
    bounded(what, values.len())?;
    Ok(values)
}

pub(super) fn bounded(what: &str, count: usize) -> Evaluated<()> {
    if count <= MAX_ITEMS {
        Ok(())
    } else {
        Err(too_much(format!(
            "{what} has {count} items; at most {MAX_ITEMS} are allowed"
        )))
    }
}

fn small_enough(items: &[Value]) -> Evaluated<()> {
    let mut all = 0;
    for (at, item) in items.iter().enumerate() {
        let bytes = item_bytes(item);
        if bytes > MAX_ITEM_BYTES {
            return Err(too_much(format!(
                "item {at} has {bytes} bytes; at most {MAX_ITEM_BYTES}"
            )));
        }
        all += bytes;
        if all > MAX_ITEMS_BYTES {
            return Err(too_much(format!(
                "the items have more than {MAX_ITEMS_BYTES} bytes"
            )));
        }
    }
    Ok(())
}

/// The value with all its texts rendered.
pub(super) fn evaluate(value: &Value, scope: &dyn Scope) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            let template = Template::new(text.as_str());
            template.render(scope).map_err(|error| error.to_string())
        }
        Value::Array(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        Value::Object(entries) => {
            let entry = |(name, value): (&String, &Value)| {
                evaluate(value, scope).map(|value| (name.clone(), value))
            };
            entries.iter().map(entry).collect()
        }
        plain => Ok(plain.clone()),
    }
}

fn inputs(uses: &Uses, scope: &dyn Scope, root: Option<&str>) -> Evaluated<Map<String, Value>> {
    let mut inputs = Map::new();
    for (name, parameter) in uses.scenario.parameters() {
        let value = match uses.with.get(name) {
            Some(given) => {
                let value = evaluate(given, scope);
                value.map_err(|error| missing(format!("`with` {name}: {error}")))?
            }
            None => default(name, parameter)?,
        };
        let value = typed(parameter, value, root)
            .map_err(|wrong| missing(format!("input `{name}` of {}: {wrong}", uses.file)))?;
        inputs.insert(name.clone(), value);
    }
    Ok(inputs)
}

pub(super) fn default(name: &str, parameter: &Parameter) -> Evaluated<Value> {
    match &parameter.default {
        Some(value) => Ok(value.clone()),
        None if parameter.optional => Ok(Value::Null),
        None => Err(missing(format!("`with` gives no `{name}`"))),
    }
}

pub(super) fn typed(
    parameter: &Parameter,
    value: Value,
    root: Option<&str>,
) -> Result<Value, String> {
    let wrong = |value: &Value| {
        Err(format!(
            "expected {}, found {}",
            parameter.kind,
            kind(value)
        ))
    };
    match (parameter.kind, value) {
        (_, Value::Null) if parameter.optional => Ok(Value::Null),
        (InputType::Path, Value::String(path)) => absolute(&path, root).map(Value::String),
        (InputType::String, value @ Value::String(_))
        | (InputType::Bool, value @ Value::Bool(_)) => Ok(value),
        (InputType::Int, Value::Number(number)) if number.is_i64() => Ok(Value::Number(number)),
        (InputType::List, Value::Array(items)) => {
            let nested = |item: &&Value| item.is_array() || item.is_object();
            match items.iter().find(nested) {
                Some(item) => Err(format!(
                    "expected a list of texts, found {} in it",
                    kind(item)
                )),
                None => Ok(Value::Array(items)),
            }
        }
        (_, value) => wrong(&value),
    }
}

fn absolute(path: &str, root: Option<&str>) -> Result<String, String> {
    match root {
        _ if path.starts_with('/') => Ok(path.to_owned()),
        _ if path.is_empty() => Err("an empty path".to_owned()),
        Some(root) => Ok(format!("{}/{path}", root.trim_end_matches('/'))),
        None => Err(format!("`{path}` is not an absolute path")),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
