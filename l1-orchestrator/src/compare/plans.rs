//! Two plans: tasks that came, went or changed, and in which fields. Compared by their canonical
//! JSON, so a field that plans learn later is compared too.

use std::collections::BTreeMap;
use std::fmt;

use protocol::plan::Plan;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::comparison::Change;

/// What differs between two plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanChanges {
    /// Tasks that only the second has.
    pub added: Vec<String>,
    /// Tasks that only the first has.
    pub removed: Vec<String>,
    /// Tasks of both that are not alike, with their fields.
    pub changed: Vec<(String, Vec<Change>)>,
    /// What is about no single task.
    pub other: Vec<Change>,
}

impl PlanChanges {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two plans; their inputs are compared elsewhere.
#[must_use]
pub fn compare(a: &Plan, b: &Plan) -> PlanChanges {
    if a.digest() == b.digest() {
        return PlanChanges::default();
    }
    let read = |plan: &Plan| -> Flat {
        serde_json::from_slice(&plan.to_json()).expect("the canonical form of a plan is an object")
    };
    let (a, b) = (read(a), read(b));
    let mut changes = PlanChanges {
        other: fields(&a.other, &b.other),
        ..PlanChanges::default()
    };
    for (id, before) in &a.tasks {
        match b.tasks.get(id) {
            None => changes.removed.push(id.clone()),
            Some(after) if after == before => {}
            Some(after) => {
                let fields = fields(&object(before), &object(after));
                changes.changed.push((id.clone(), fields));
            }
        }
    }
    let is_new = |id: &&String| !a.tasks.contains_key(*id);
    changes.added = b.tasks.keys().filter(is_new).cloned().collect();
    changes
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("it was written from an object")
}

/// Fields that differ; entries of maps one by one, as `env.NAME`.
pub fn fields(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    let only_b = b.keys().filter(|key| !a.contains_key(*key));
    for key in a.keys().chain(only_b) {
        match (a.get(key), b.get(key)) {
            (from, to) if from == to => {}
            (Some(Value::Object(from)), Some(Value::Object(to))) => {
                let inner = fields(from, to).into_iter();
                changes.extend(inner.map(|change| Change {
                    what: format!("{key}.{}", change.what),
                    ..change
                }));
            }
            (from, to) => changes.push(Change {
                what: key.clone(),
                from: from.cloned(),
                to: to.cloned(),
            }),
        }
    }
    changes
}

/// A plan as JSON, its tasks and those of nested scenarios by name, each as its own short text: a
/// plan of a hundred thousand tasks as values would take gigabytes.
#[derive(Default)]
struct Flat {
    tasks: BTreeMap<String, String>,
    other: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Flat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a plan")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut flat = Flat::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "tasks" => flat.tasks.extend(map.next_value::<Tasks>()?.0),
                        "scenarios" => {
                            for (file, nested) in
                                map.next_value::<BTreeMap<String, Self::Value>>()?
                            {
                                let inner = nested.tasks.into_iter();
                                flat.tasks.extend(
                                    inner.map(|(id, text)| (format!("{file}: {id}"), text)),
                                );
                                if !nested.other.is_empty() {
                                    flat.other.insert(file, Value::Object(nested.other));
                                }
                            }
                        }
                        // Inputs have their own part of the page.
                        "inputs" | "schema" | "name" => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        _ => {
                            flat.other.insert(key, map.next_value()?);
                        }
                    }
                }
                Ok(flat)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

struct Tasks(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Tasks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tasks")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tasks, A::Error> {
                let mut tasks = BTreeMap::new();
                while let Some(task) = seq.next_element::<Map<String, Value>>()? {
                    let id = task.get("id").and_then(Value::as_str).unwrap_or_default();
                    tasks.insert(id.to_owned(), Value::Object(task).to_string());
                }
                Ok(Tasks(tasks))
            }
        }
        deserializer.deserialize_seq(Items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(tasks: Value) -> Plan {
        let json =
            json!({ "name": "a", "tasks": tasks, "max_parallel": tasks.as_array().unwrap().len() });
        Plan::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn tasks_and_fields() {
        let a = plan(json!([
            { "id": "same", "run": "x" },
            { "id": "gone", "run": "x" },
            { "id": "changed", "run": "x", "env": { "A": "1", "B": "2" }, "needs": ["same"] },
        ]));
        let b = plan(json!([
            { "id": "same", "run": "x" },
            { "id": "changed", "run": "y", "env": { "A": "1", "C": "3" }, "needs": ["new"] },
            { "id": "new", "run": "x" },
            { "id": "other", "run": "x" },
        ]));
        let changes = compare(&a, &b);
        assert_eq!(changes.added, ["new", "other"]);
        assert_eq!(changes.removed, ["gone"]);
        let (task, fields) = &changes.changed[0];
        assert_eq!((task.as_str(), changes.changed.len()), ("changed", 1));
        let fields: Vec<&str> = fields.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(fields, ["env.B", "env.C", "needs", "run"]);
        assert_eq!(changes.other[0].what, "max_parallel");
        assert!(compare(&a, &a).is_empty());
    }
}
