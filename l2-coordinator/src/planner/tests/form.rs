//! The schema of the reply and the reader of it say the same, and every provider takes the schema.

use serde_json::Value;

use crate::planner::form::{
    ARTIFACT_KEYS, FILE_KEYS, OUTPUT_KEYS, PLAN_KEYS, TASK_KEYS, VALUE_KEYS,
};
use crate::planner::prompt;

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn sorted<'k>(keys: &[&'k str]) -> Vec<&'k str> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys
}

#[test]
fn schema_and_reader_know_the_same_keys() {
    let schema = &prompt("plan@1").unwrap().schema;
    let task = &schema["properties"]["tasks"]["items"];
    let entry = |list: &str| &task["properties"][list]["items"];
    assert_eq!(keys(schema), sorted(PLAN_KEYS));
    assert_eq!(
        keys(&schema["properties"]["outputs"]["items"]),
        sorted(&VALUE_KEYS)
    );
    assert_eq!(keys(task), sorted(TASK_KEYS));
    assert_eq!(keys(entry("env")), sorted(&VALUE_KEYS));
    assert_eq!(keys(entry("files")), sorted(&FILE_KEYS));
    assert_eq!(keys(entry("outputs")), sorted(&OUTPUT_KEYS));
    assert_eq!(keys(entry("artifacts")), sorted(&ARTIFACT_KEYS));
    let words = |value: &Value| {
        value["enum"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(&entry("outputs")["properties"]["type"]),
        protocol::plan::OutputType::WORDS
    );
    assert_eq!(
        words(&task["properties"]["workspace"]),
        protocol::plan::Workspace::WORDS
    );
    assert_eq!(words(&task["properties"]["network"]), ["none", "full"]);
}

/// The subset that providers take: objects are closed and name all their keys, there is no range, no
/// pattern, no reference, and few types that may be null.
#[test]
fn every_provider_takes_the_schema() {
    fn walk(schema: &Value, nullable: &mut usize) {
        let object = schema.as_object().unwrap();
        for key in object.keys() {
            let known = [
                "type",
                "description",
                "properties",
                "required",
                "items",
                "enum",
                "additionalProperties",
                "anyOf",
            ];
            assert!(known.contains(&key.as_str()), "{key}");
        }
        assert!(schema["type"].is_string() != schema["anyOf"].is_array());
        if let Some([one, null]) = schema["anyOf"].as_array().map(Vec::as_slice) {
            *nullable += 1;
            walk(one, nullable);
            assert_eq!(null, &serde_json::json!({"type": "null"}));
        }
        if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false);
            let mut required: Vec<_> = schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key.as_str().unwrap())
                .collect();
            required.sort_unstable();
            assert_eq!(required, keys(schema));
            schema["properties"]
                .as_object()
                .unwrap()
                .values()
                .for_each(|one| walk(one, nullable));
        }
        if let Some(items) = object.get("items") {
            walk(items, nullable);
        }
    }
    let mut nullable = 0;
    walk(&prompt("plan@1").unwrap().schema, &mut nullable);
    assert_eq!(nullable, 4);
}

/// Whoever records or replays has to notice that the planner's words changed.
#[test]
fn each_version_is_known_by_a_digest_of_all_its_words() {
    let prompt = prompt("plan@1").unwrap();
    assert_eq!(prompt.version, "plan@1");
    assert!(super::super::prompt_versions().any(|version| version == "plan@1"));
    assert!(crate::planner::prompt("plan@0").is_none());
    assert!(prompt.system.contains("`${{ tasks.ID.outputs.NAME }}`"));
    assert!(prompt.system.contains("\"additionalProperties\": false"));
}
