//! What a task will expand into, as far as it is known before the run: by the code that expands it.
//! Pure.

use std::collections::BTreeMap;

use protocol::expr::{Scope, Template};
use protocol::outcome::Failure;
use protocol::plan::{FanOut, Items, MAX_ITEMS, Parameter, Uses};
use serde_json::Value;

use super::items::{bounded, default, evaluate, list, typed};
use super::render::is_known;

/// How many children a fan-out has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// At most so many.
    pub most: usize,
    /// And no fewer.
    pub is_fixed: bool,
}

/// How many children the fan-out has, as far as `scope` knows.
///
/// # Errors
/// It cannot expand, whatever the run brings.
pub fn width(fan_out: &FanOut, scope: &dyn Scope) -> Result<Width, Failure> {
    match fan_out {
        FanOut::ForEach(items) => count("`for_each`", items, scope),
        FanOut::Matrix(axes) => {
            let mut all = Width {
                most: 1,
                is_fixed: true,
            };
            for (axis, items) in axes {
                let one = count(&format!("axis `{axis}`"), items, scope)?;
                all.most = all.most.saturating_mul(one.most);
                all.is_fixed &= one.is_fixed;
                if all.is_fixed {
                    bounded("`matrix`", all.most)?;
                }
            }
            // An axis without items leaves none, however long the others are.
            all.is_fixed |= all.most == 0;
            all.most = all.most.min(MAX_ITEMS);
            Ok(all)
        }
    }
}

fn count(what: &str, items: &Items, scope: &dyn Scope) -> Result<Width, Failure> {
    let (most, is_fixed) = match items {
        Items::List(items) => (items.len(), true),
        Items::Expression(template) if is_known(template, scope) => {
            (list(what, items, scope)?.len(), true)
        }
        Items::Expression(_) => (MAX_ITEMS, false),
    };
    Ok(Width { most, is_fixed })
}

/// The inputs of a nested scenario whose values `scope` knows; paths are relative to `root`.
#[must_use]
pub fn known_inputs(uses: &Uses, scope: &dyn Scope, root: Option<&str>) -> BTreeMap<String, Value> {
    let value = |name: &str, parameter: &Parameter| {
        let value = match uses.with.get(name) {
            Some(given) if is_known_value(given, scope) => evaluate(given, scope).ok()?,
            Some(_) => return None,
            None => default(name, parameter).ok()?,
        };
        typed(parameter, value, root).ok()
    };
    let parameters = uses.scenario.parameters().iter();
    parameters
        .filter_map(|(name, parameter)| Some((name.clone(), value(name, parameter)?)))
        .collect()
}

fn is_known_value(value: &Value, scope: &dyn Scope) -> bool {
    match value {
        Value::String(text) => is_known(&Template::new(text.as_str()), scope),
        Value::Array(items) => items.iter().all(|item| is_known_value(item, scope)),
        Value::Object(map) => map.values().all(|value| is_known_value(value, scope)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}
