//! Schemas: what a provider is sent, and what an answer is held against.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ai_task::schema::Schema;
use crate::ai_task::subset::reduce;

#[test]
fn what_providers_enforce_is_sent_as_it_is() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["a"],
        "properties": {
            "a": {"type": "string", "enum": ["x", "y"], "title": "A"},
            "b": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1},
            "c": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]},
        },
        "$defs": {"n": {"type": "integer"}},
    });
    let sent = reduce(&schema);
    assert!(sent.is_whole);
    assert_eq!(sent.schema, Some(schema));
}

#[test]
fn what_they_do_not_becomes_a_remark() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": ["a"],
        "properties": {
            "a": {"type": "string", "maxLength": 5, "pattern": "^x", "description": "A"},
            "b": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        },
    });
    let sent = reduce(&schema);
    assert!(!sent.is_whole);
    assert_eq!(
        sent.schema.unwrap(),
        json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {
                "a": {"type": "string", "description": "A (maxLength: 5; pattern: \"^x\")"},
                "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
        })
    );
}

#[test]
fn what_cannot_be_said_to_a_provider_is_not_sent() {
    for schema in [
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"a": true}}),
        json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/x"}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {
            "a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}}),
        json!({"type": "object", "properties": {"a": {"type": ["object", "null"]}}}),
        json!(true),
    ] {
        let sent = reduce(&schema);
        assert!(sent.schema.is_none() && !sent.is_whole, "{schema}");
    }
}

#[test]
fn many_references_end() {
    let mut defs = serde_json::Map::new();
    for n in 0..30 {
        let next = format!("#/$defs/d{}", n + 1);
        let two = json!({"anyOf": [{"$ref": next}, {"$ref": next}]});
        defs.insert(format!("d{n}"), two);
    }
    defs.insert("d30".into(), json!({"type": "null"}));
    let schema =
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    assert!(reduce(&schema).schema.is_none());
}

#[test]
fn a_schema_that_is_none_is_named_and_problems_are_short() {
    assert!(Schema::new(&json!({"type": "strnig"})).is_err());
    assert!(Schema::new(&json!({"$ref": "https://example.com/x"})).is_err());
    let schema = Schema::new(&json!({"type": "array", "items": {"type": "string"}})).unwrap();
    let problems = schema.check(&json!(vec![1; 100]));
    assert_eq!(problems.len(), 20);
    let long = Schema::new(&json!({"type": "integer"})).unwrap();
    let problems = long.check(&json!("x\n".repeat(1000)));
    assert!(problems[0].message.len() < 700 && !problems[0].message.contains('\n'));
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string", "maxLength": 3})),
        Just(json!({"type": "integer", "minimum": 1})),
        Just(json!({"enum": ["a", 1, null]})),
        Just(json!({"type": "string", "format": "email"})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::btree_map("[a-c]", inner.clone(), 1..3)
                .prop_map(|properties| json!({"type": "object", "properties": properties})),
            inner
                .clone()
                .prop_map(|items| json!({"type": "array", "items": items, "maxItems": 2})),
            proptest::collection::vec(inner, 1..3).prop_map(|all| json!({"anyOf": all})),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_sent_is_what_providers_take(below in any_schema()) {
        let schema = json!({"type": "object", "properties": {"a": below}});
        let sent = reduce(&schema).schema.unwrap();
        prop_assert_eq!(crate::testing::stub_api::check_schema(&sent, false), Ok(()));
        prop_assert!(jsonschema::validator_for(&sent).is_ok());
        prop_assert_eq!(reduce(&sent).schema, Some(sent));
    }
}
