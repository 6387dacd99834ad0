//! Schemas in the strict form, where every property of every object is required: what may be left out
//! becomes something that may be null, and such nulls are taken out of the reply again.

use serde_json::{Map, Value, json};

/// More levels than this are passed on as they are; the server refuses a circle by itself.
const MAX_DEPTH: usize = 64;

/// A schema, and its strict form.
pub(super) struct Strict {
    asked: Value,
    strict: Value,
}

impl Strict {
    pub(super) fn of(schema: &Value) -> Self {
        let mut strict = schema.clone();
        tighten(&mut strict, 0);
        Self {
            asked: schema.clone(),
            strict,
        }
    }

    /// What is sent.
    pub(super) const fn schema(&self) -> &Value {
        &self.strict
    }

    /// A reply without the nulls that stand for what was left out. A text that is no JSON, or needs
    /// nothing taken out, stays as it came.
    pub(super) fn without_stand_ins(&self, text: String) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
            return text;
        };
        let mut taken = 0;
        self.loosen(&self.asked, &mut value, &mut taken, 0);
        if taken == 0 { text } else { value.to_string() }
    }

    fn loosen(&self, schema: &Value, value: &mut Value, taken: &mut u32, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let pointer = schema["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        if let Some(target) = pointer.and_then(|pointer| self.asked.pointer(pointer)) {
            self.loosen(target, value, taken, depth + 1);
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.loosen(&schema["items"], item, taken, depth + 1);
                }
            }
            Value::Object(fields) => {
                let Some(properties) = schema["properties"].as_object() else {
                    return;
                };
                let before = fields.len();
                fields.retain(|name, field| {
                    let of = properties.get(name);
                    !field.is_null() || is_required(schema, name) || of.is_none_or(takes_null)
                });
                *taken += u32::try_from(before - fields.len()).unwrap_or(u32::MAX);
                for (name, field) in fields {
                    let of = &schema["properties"][name.as_str()];
                    self.loosen(of, field, taken, depth + 1);
                }
            }
            _ => {}
        }
    }
}

fn tighten(schema: &mut Value, depth: usize) {
    let Some(map) = schema.as_object_mut().filter(|_| depth <= MAX_DEPTH) else {
        return;
    };
    for key in ["properties", "$defs"] {
        let below = map.get_mut(key).and_then(Value::as_object_mut);
        for (_, schema) in below.into_iter().flatten() {
            tighten(schema, depth + 1);
        }
    }
    for key in ["anyOf", "allOf"] {
        let below = map.get_mut(key).and_then(Value::as_array_mut);
        for schema in below.into_iter().flatten() {
            tighten(schema, depth + 1);
        }
    }
    if let Some(items) = map.get_mut("items") {
        tighten(items, depth + 1);
    }
    require_all(map);
}

fn require_all(map: &mut Map<String, Value>) {
    let whole = Value::Object(map.clone());
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, property) in properties.iter_mut() {
        if !is_required(&whole, name) && !takes_null(property) {
            let asked = property.take();
            *property = json!({"anyOf": [asked, {"type": "null"}]});
        }
    }
    let names: Vec<&String> = properties.keys().collect();
    let required = json!(names);
    map.insert("required".to_owned(), required);
    map.insert("additionalProperties".to_owned(), json!(false));
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|required| required.iter().any(|one| one == name))
}

/// Whether null is a value of its own there, and stands for nothing.
fn takes_null(schema: &Value) -> bool {
    let kinds = &schema["type"];
    let listed = |value: &Value| {
        value
            .as_array()
            .is_some_and(|all| all.contains(&json!("null")))
    };
    let any = schema["anyOf"].as_array();
    *kinds == "null"
        || listed(kinds)
        || any.is_some_and(|any| any.iter().any(takes_null))
        || schema["enum"]
            .as_array()
            .is_some_and(|all| all.contains(&Value::Null))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked() -> Value {
        json!({"type": "object", "required": ["id"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string"},
                "note": {"type": "string"},
                "of": {"type": ["string", "null"]},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}}},
            "$defs": {"part": {"type": "object", "properties": {"n": {"type": "integer"}}}}})
    }

    #[test]
    fn every_property_is_required_and_what_was_not_may_be_null() {
        let strict = Strict::of(&asked());
        let schema = strict.schema();
        assert_eq!(schema["required"], json!(["id", "note", "of", "parts"]));
        assert_eq!(schema["properties"]["id"], json!({"type": "string"}));
        assert_eq!(
            schema["properties"]["note"],
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]})
        );
        assert_eq!(schema["properties"]["of"], asked()["properties"]["of"]);
        let part = &schema["$defs"]["part"];
        assert_eq!(
            (&part["required"], &part["additionalProperties"]),
            (&json!(["n"]), &json!(false))
        );
    }

    #[test]
    fn nulls_that_stand_for_nothing_are_taken_out_and_no_others() {
        let strict = Strict::of(&asked());
        let loosened = |text: &str| strict.without_stand_ins(text.to_owned());
        assert_eq!(
            loosened(r#"{"id":null,"note":null,"of":null,"parts":[{"n":null},{"n":1}],"x":null}"#),
            r#"{"id":null,"of":null,"parts":[{},{"n":1}],"x":null}"#
        );
        for same in [r#"{ "id": "a" }"#, "prose", "[null]", "{\"id\":", ""] {
            assert_eq!(loosened(same), same);
        }
    }

    proptest! {
        #[test]
        fn any_reply_to_any_schema_is_taken(schema in value(), reply in value()) {
            let strict = Strict::of(&schema);
            strict.without_stand_ins(reply.to_string());
            Strict::of(&asked()).without_stand_ins(reply.to_string());
        }
    }

    /// JSON of the words that schemas and replies to them are made of.
    fn value() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            Just("properties"),
            Just("items"),
            Just("required"),
            Just("anyOf"),
            Just("$defs"),
            Just("$ref"),
            Just("type"),
            Just("null"),
            Just("id"),
            Just("parts"),
            Just("#/items"),
        ];
        let leaf = prop_oneof![
            Just(json!(null)),
            word.clone().prop_map(|word| json!(word)),
            Just(json!(1))
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((word.clone(), inner), 0..4).prop_map(|fields| {
                    fields
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect()
                }),
            ]
        })
    }

    #[test]
    fn a_circle_ends() {
        let circle = json!({"type": "object", "properties": {"a": {"$ref": "#"}}});
        let strict = Strict::of(&circle);
        let deep = "{\"a\":".repeat(100) + "null" + &"}".repeat(100);
        assert!(strict.without_stand_ins(deep.clone()).len() <= deep.len());
        let itself = Strict::of(&json!({"$ref": "#"}));
        assert_eq!(itself.without_stand_ins("{}".to_owned()), "{}");
    }
}
