//! Good replies with something changed: each is refused, or is a plan that passes every check there is.

use proptest::prelude::*;
use proptest::sample::Index;
use protocol::plan::{DraftPlan, Plan};
use serde_json::{Map, Value, json};

use super::scripted::{GOOD, codes, once, reply};
use crate::planner::builtin_examples;

/// Holds what came of a reply against what may come of any.
fn held(text: &str) -> Result<(), TestCaseError> {
    match once(reply(text)) {
        Err(refused) => {
            let codes = codes(&Err(refused));
            prop_assert!(!codes.is_empty() && codes[0] != "call");
        }
        Ok(planned) => {
            let json = planned.plan.to_json();
            prop_assert_eq!(&Plan::from_json(&json).unwrap(), &planned.plan);
            prop_assert!(planned.plan.len() <= 64 && planned.plan.len() > 0);
            prop_assert!(planned.plan.secrets().is_empty() && planned.plan.policy().is_none());
            prop_assert_eq!(planned.plan.name(), "notes");
            for (_, task) in planned.plan.tasks() {
                prop_assert!(task.secrets().is_empty());
                prop_assert!(task.description().is_some());
                prop_assert!(
                    task.effects()
                        .is_some_and(|effects| effects.network.is_some())
                );
            }
            let draft: DraftPlan = planned.draft;
            prop_assert!(draft.check(&protocol::plan::Limits::default()).is_ok());
        }
    }
    Ok(())
}

fn originals() -> impl Strategy<Value = String> {
    let examples = builtin_examples().iter();
    let examples = examples.map(|one| Value::Object(one.answer.clone()).to_string());
    let mut all: Vec<String> = examples.collect();
    all.push(GOOD.to_owned());
    prop::sample::select(all)
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no other", |n| n.is_finite())
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "a",
            "collect",
            "../x",
            "${{ inputs.since }}",
            "${{ tasks.collect.status }}",
            "echo done",
            "full",
            "project",
            "tasks.collect.artifacts.commits",
            "$HOME/.ssh/id_rsa",
            "",
        ])
        .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"name": "A", "value": "b"}])),
        Just(json!(["collect", "count"])),
    ]
}

/// Every place of a value, by its path.
fn places(value: &Value, at: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    all.push(at.clone());
    let mut inner = |key: String, value: &Value| {
        at.push(key);
        places(value, at, all);
        at.pop();
    };
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| inner(index.to_string(), item));
        }
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| inner(key.clone(), value)),
        _ => {}
    }
}

fn set(value: &mut Value, path: &[String], new: Option<Value>) {
    let Some((last, before)) = path.split_last() else {
        *value = new.unwrap_or(Value::Object(Map::new()));
        return;
    };
    let pointer = before
        .iter()
        .fold(String::new(), |all, key| format!("{all}/{key}"));
    match (value.pointer_mut(&pointer), new) {
        (Some(Value::Object(map)), Some(new)) => {
            map.insert(last.clone(), new);
        }
        (Some(Value::Object(map)), None) => {
            map.remove(last);
        }
        (Some(Value::Array(items)), new) => {
            let at: usize = last.parse().unwrap();
            match new {
                Some(new) => items[at] = new,
                None => {
                    let again = items[at].clone();
                    items.push(again);
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bytes_are_changed(
        text in originals(),
        changes in prop::collection::vec((any::<Index>(), 0_usize..3, "[\\PC\n\\x00-\\x1f{}\\[\\]\",:]{0,3}"), 1..4),
    ) {
        let mut text = text;
        for (at, remove, put) in changes {
            let from = text.floor_char_boundary(at.index(text.len() + 1));
            let to = text.ceil_char_boundary((from + remove).min(text.len()));
            text.replace_range(from..to, &put);
        }
        held(&text)?;
    }

    #[test]
    fn values_are_changed(
        text in originals(),
        changes in prop::collection::vec((any::<Index>(), prop::option::weighted(0.7, values())), 1..4),
    ) {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        for (at, new) in changes {
            let mut all = Vec::new();
            places(&value, &mut Vec::new(), &mut all);
            set(&mut value, &all[at.index(all.len())], new);
        }
        held(&value.to_string())?;
    }

    #[test]
    fn parts_are_cut(text in originals(), from in any::<Index>(), to in any::<Index>()) {
        let (one, other) = (from.index(text.len() + 1), to.index(text.len() + 1));
        let from = text.floor_char_boundary(one.min(other));
        let to = text.floor_char_boundary(one.max(other));
        held(&text[from..to])?;
    }
}
