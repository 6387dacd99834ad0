//! Where each value of an effective policy comes from. Told by `policy show --origin`; no part of the
//! policy's digest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bound::{BUDGETS, Bound, LIMITS};
use super::effective::Policy;
use super::limits::LimitsRequest;
use super::rule::Budgets;

/// Origins by the path of a value, such as `limits.pids` or `programs.git`.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, String>);

/// Two policies are the same policy wherever their values come from.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origins {}

impl Origins {
    pub(super) fn set(&mut self, key: impl Into<String>, origin: &str) {
        self.0.insert(key.into(), origin.to_owned());
    }

    /// Of a value: its own, or that of what it is part of, or those of its parts.
    fn of(&self, key: &str) -> Option<String> {
        let mut above = key;
        loop {
            if let Some(origin) = self.0.get(above) {
                return Some(origin.clone());
            }
            let Some((rest, _)) = above.rsplit_once('.') else {
                break;
            };
            above = rest;
        }
        let start = format!("{key}.");
        let parts = self.0.range(start.clone()..);
        let parts = parts.take_while(|(part, _)| part.starts_with(&start));
        let mut origins: Vec<&str> = parts.map(|(_, origin)| origin.as_str()).collect();
        origins.sort_unstable();
        origins.dedup();
        (!origins.is_empty()).then(|| origins.join(", "))
    }
}

/// One value of a policy, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLine {
    /// Its path: `limits.pids`, `programs.git`.
    pub key: String,
    /// The value as text.
    pub value: String,
    /// Where it comes from: `pack default@1`, `orchestra.yaml`, `scenario`.
    pub origin: String,
}

impl Policy {
    /// Every value with its origin, in the order of the file; lists item by item.
    #[must_use]
    pub fn lines(&self) -> Vec<PolicyLine> {
        let mut lines = Vec::new();
        let value = serde_json::to_value(self).expect("a policy serializes");
        let fields = value.as_object().into_iter().flatten();
        for (key, value) in fields.filter(|(key, _)| *key != "schema") {
            self.line(key, value, &mut lines);
        }
        for (group, all) in [
            ("limits", self.limit_lines()),
            ("budgets", self.budget_lines()),
        ] {
            let own = all.into_iter().map(|(name, value)| {
                let key = format!("{group}.{name}");
                let origin = self.origin(&key);
                PolicyLine { key, value, origin }
            });
            lines.extend(own);
        }
        lines
    }

    /// Where a value comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> String {
        let origin = self.known_origin(key);
        origin.unwrap_or_else(|| "not said".to_owned())
    }

    /// Where a value comes from, as far as this policy knows.
    pub(super) fn known_origin(&self, key: &str) -> Option<String> {
        self.origins.of(key)
    }

    fn line(&self, key: &str, value: &Value, lines: &mut Vec<PolicyLine>) {
        match value {
            Value::Object(_) if matches!(key, "limits" | "budgets") => {}
            Value::Object(map) if !key.starts_with("toolchains.") => {
                for (name, value) in map {
                    self.line(&format!("{key}.{name}"), value, lines);
                }
            }
            Value::Array(items) if items.is_empty() => {
                lines.push(self.told(key.to_owned(), "none".to_owned()));
            }
            Value::Array(items) => {
                for item in items {
                    let name = ["program", "match"]
                        .iter()
                        .find_map(|name| item[*name].as_str());
                    let key = match name.or(item.as_str()) {
                        Some(name) => format!("{key}.{name}"),
                        None => key.to_owned(),
                    };
                    lines.push(self.told(key, shown(item)));
                }
            }
            value => lines.push(self.told(key.to_owned(), shown(value))),
        }
    }

    fn told(&self, key: String, value: String) -> PolicyLine {
        let origin = self.origin(&key);
        PolicyLine { key, value, origin }
    }

    fn limit_lines(&self) -> Vec<(&'static str, String)> {
        let shown = |limit: &Bound<LimitsRequest>| limit.shown((limit.get)(&self.limits));
        LIMITS
            .iter()
            .map(|limit| (limit.name, shown(limit)))
            .collect()
    }

    fn budget_lines(&self) -> Vec<(&'static str, String)> {
        let shown = |bound: &Bound<Budgets>| bound.shown((bound.get)(&self.budgets));
        BUDGETS
            .iter()
            .map(|bound| (bound.name, shown(bound)))
            .collect()
    }
}

/// A value as one text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) if map.len() == 1 => map.values().map(shown).collect(),
        value => value.to_string(),
    }
}
