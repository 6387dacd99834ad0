//! The rules for schemas of structured output: what both providers refuse.

use serde_json::{Map, Value};

/// Keywords that are taken.
const KEYWORDS: &[&str] = &[
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
];

/// Formats of strings that are taken.
const FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

const TYPES: &[&str] = &[
    "object", "array", "string", "integer", "number", "boolean", "null",
];

/// More levels than this are taken for a circle.
const MAX_DEPTH: usize = 64;

/// What is wrong with a schema, if something is. `all_required`: of every object, each property.
pub(crate) fn check(schema: &Value, all_required: bool) -> Result<(), String> {
    let rules = Rules {
        root: schema,
        all_required,
    };
    if schema["type"] != "object" {
        return Err("the schema's root is no object".to_owned());
    }
    rules.check(schema, "schema", 0)
}

struct Rules<'a> {
    root: &'a Value,
    all_required: bool,
}

impl Rules<'_> {
    fn check(&self, schema: &Value, at: &str, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("{at}: recursive schemas are not supported"));
        }
        let Some(map) = schema.as_object() else {
            return Err(format!("{at}: a schema is an object"));
        };
        if let Some(unknown) = map.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
            return Err(format!("{at}: keyword `{unknown}` is not supported"));
        }
        self.check_words(map, at)?;
        if map.get("type").is_some_and(|kind| kind == "object") {
            self.check_object(map, at)?;
        }
        for (key, below) in beneath(map) {
            self.check(below, &format!("{at}.{key}"), depth + 1)?;
        }
        if let Some(reference) = map.get("$ref") {
            let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
            let target = pointer.and_then(|pointer| self.root.pointer(pointer));
            let Some(target) = target else {
                return Err(format!("{at}: `$ref` leads nowhere"));
            };
            self.check(target, at, depth + 1)?;
        }
        Ok(())
    }

    fn check_words(&self, map: &Map<String, Value>, at: &str) -> Result<(), String> {
        let is_of = |value: &Value, words: &[&str]| {
            value.as_str().is_some_and(|word| words.contains(&word))
        };
        let wrong = |what: &str| Err(format!("{at}: {what} is not supported"));
        match map.get("type") {
            Some(Value::Array(kinds)) if !kinds.iter().all(|kind| is_of(kind, TYPES)) => {
                return wrong("a type in `type`");
            }
            Some(kind) if !kind.is_array() && !is_of(kind, TYPES) => return wrong("`type`"),
            _ => {}
        }
        if map
            .get("format")
            .is_some_and(|format| !is_of(format, FORMATS))
        {
            return wrong("`format`");
        }
        if map
            .get("minItems")
            .is_some_and(|least| *least != 0 && *least != 1)
        {
            return wrong("`minItems` beyond 1");
        }
        Ok(())
    }

    fn check_object(&self, map: &Map<String, Value>, at: &str) -> Result<(), String> {
        if map.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!("{at}: `additionalProperties` must be false"));
        }
        let required = map.get("required").and_then(Value::as_array);
        let is_required = |name: &String| {
            required.is_some_and(|required| required.iter().any(|one| one == name.as_str()))
        };
        let properties = map.get("properties").and_then(Value::as_object);
        let missing = properties.and_then(|map| map.keys().find(|name| !is_required(name)));
        match missing.filter(|_| self.all_required) {
            Some(name) => Err(format!("{at}: `{name}` must be in `required`")),
            None => Ok(()),
        }
    }
}

/// The schemas inside a schema.
fn beneath(map: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let named = ["properties", "$defs"].into_iter().flat_map(|key| {
        let map = map.get(key).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(move |(name, below)| (format!("{key}.{name}"), below))
    });
    let listed = ["anyOf", "allOf"].into_iter().flat_map(|key| {
        let list = map.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(move |below| (key.to_owned(), below))
    });
    let items = map.get("items").map(|below| ("items".to_owned(), below));
    named.chain(listed).chain(items)
}
