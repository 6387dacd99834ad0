//! Rules for the schema of a reply: JSON Schema as far as providers take it. What only we can check of a
//! reply is noted; what nobody would check is refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::nearest::nearest;

use super::limits::{MAX_INTEGER, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH};

/// Keywords that providers take.
const TAKEN: &[&str] = &[
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
/// Keywords that a reply is held against here: a provider gets them as words of the description.
const HELD: &[&str] = &[
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "oneOf",
    "uniqueItems",
];
/// Keywords that say nothing about a reply.
const REMARKS: &[&str] = &["$comment", "$schema", "examples"];
const TYPES: &[&str] = &[
    "object", "array", "string", "integer", "number", "boolean", "null",
];
/// Formats of strings that providers take.
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

/// Schemas within one, each as often as it is referred to.
const MAX_SCHEMAS: usize = 5_000;

pub(super) fn check_schema(schema: &Value, place: &Place, problems: &mut Problems) {
    let size = serde_json::to_vec(schema).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_SCHEMA_BYTES {
        let message = format!("a schema of {size} bytes; at most {MAX_SCHEMA_BYTES}");
        problems.push(Diagnostic::error("schema-too-big", message).in_place(place.clone()));
        return;
    }
    let mut check = Check {
        root: schema,
        place,
        held: BTreeSet::new(),
        looked_at: 0,
        problems,
    };
    check.schema(schema, "#", &mut Vec::new());
    if schema.is_object() && schema["type"] != "object" {
        check.refuse(
            "schema-shape",
            "the schema of a reply is of type `object`".to_owned(),
            "make the list or the value a member of an object",
        );
    }
    if check.looked_at > MAX_SCHEMAS {
        let message = format!("a schema of more than {MAX_SCHEMAS} parts, references followed");
        check.refuse("schema-too-big", message, "");
    }
    if !check.held.is_empty() {
        let names: Vec<String> = check.held.iter().map(|key| format!("`{key}`")).collect();
        let (is, they) = match names.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let message = format!(
            "{} of the schema {is} checked when the reply is there: providers read {they} as a wish",
            names.join(", ")
        );
        problems.push(Diagnostic::note("schema-reduced", message).in_place(place.clone()));
    }
}

struct Check<'a> {
    root: &'a Value,
    place: &'a Place,
    held: BTreeSet<&'static str>,
    /// References make many of few.
    looked_at: usize,
    problems: &'a mut Problems,
}

impl<'a> Check<'a> {
    fn refuse(&mut self, code: &'static str, message: String, help: &str) {
        let problem = Diagnostic::error(code, message).in_place(self.place.clone());
        self.problems.push(match help {
            "" => problem,
            help => problem.help(help),
        });
    }

    fn wrong(&mut self, at: &str, what: &str) {
        self.refuse("schema-shape", format!("schema, at `{at}`: {what}"), "");
    }

    /// `line`: the schemas it is within, for circles.
    fn schema(&mut self, schema: &'a Value, at: &str, line: &mut Vec<*const Value>) {
        let Some(map) = schema.as_object() else {
            return self.wrong(at, "a schema is a map");
        };
        if line.len() >= MAX_SCHEMA_DEPTH {
            let message = format!("schema, at `{at}`: more than {MAX_SCHEMA_DEPTH} levels");
            return self.refuse("schema-too-deep", message, "");
        }
        if line.contains(&std::ptr::from_ref(schema)) {
            let message = format!("schema, at `{at}`: it is within itself");
            return self.refuse(
                "schema-circle",
                message,
                "providers take no schema that refers to itself: write out as many levels as you need",
            );
        }
        self.looked_at += 1;
        if self.looked_at > MAX_SCHEMAS {
            return;
        }
        line.push(schema);
        for (key, value) in map {
            self.keyword(key, value, at);
        }
        self.object(map, at);
        for (key, below) in beneath(map) {
            self.schema(below, &format!("{at}/{key}"), line);
        }
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            match reference
                .strip_prefix('#')
                .map(|path| self.root.pointer(path))
            {
                Some(Some(target)) => self.schema(target, reference, line),
                Some(None) => self.wrong(at, "`$ref` leads nowhere"),
                None => self.wrong(at, "`$ref` leads out of the schema; write `#/$defs/NAME`"),
            }
        }
        line.pop();
    }

    fn keyword(&mut self, key: &str, value: &Value, at: &str) {
        let is_text = value.is_string();
        let is_count = value
            .as_u64()
            .is_some_and(|n| n <= MAX_INTEGER.unsigned_abs());
        let is_number = value.as_i64().is_some_and(|n| n.abs() <= MAX_INTEGER);
        let is_list = value.as_array().is_some_and(|list| !list.is_empty());
        let right = match key {
            "type" => return self.types(value, at),
            "format" => return self.format(value, at),
            "properties" | "$defs" => value.is_object(),
            "anyOf" | "allOf" | "oneOf" | "enum" | "examples" => is_list,
            "required" => {
                let names = value.as_array();
                names.is_some_and(|names| names.iter().all(Value::is_string) && are_unlike(names))
            }
            "title" | "description" | "$ref" | "$comment" | "$schema" => is_text,
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => is_count,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => is_number,
            "multipleOf" => is_count && *value != 0,
            "uniqueItems" => value.is_boolean(),
            "additionalProperties" => {
                if *value != Value::Bool(false) {
                    let message = format!("schema, at `{at}`: an object with members of any name");
                    self.refuse(
                        "schema-open",
                        message,
                        "providers take closed objects only: write `additionalProperties: false`, and a \
                         list of pairs for names that are not known",
                    );
                }
                true
            }
            "const" | "items" => true,
            other => return self.unknown(other, at),
        };
        if !right {
            self.wrong(at, &format!("the value of `{key}` is not one it can have"));
        }
        if has_fraction(value) && matches!(key, "const" | "enum" | "examples") {
            self.wrong(
                at,
                &format!("`{key}` holds a fraction; a plan has whole numbers only"),
            );
        }
        let held = HELD.iter().find(|held| **held == key);
        self.held.extend(held.copied());
        if key == "minItems" && value.as_u64().is_some_and(|least| least > 1) {
            self.held.insert("minItems");
        }
    }

    fn types(&mut self, value: &Value, at: &str) {
        let kinds = match value {
            Value::Array(kinds) if !kinds.is_empty() => kinds.as_slice(),
            one => std::slice::from_ref(one),
        };
        if !are_unlike(kinds) {
            self.wrong(at, "`type` names the same twice");
        }
        for kind in kinds {
            let Some(word) = kind.as_str() else {
                self.wrong(at, "`type` is a word, or a list of words");
                continue;
            };
            if !TYPES.contains(&word) {
                let message = format!("schema, at `{at}`: there is no type `{}`", shown(word));
                let near = match word {
                    "int" => Some("integer"),
                    "bool" => Some("boolean"),
                    "list" => Some("array"),
                    "map" | "dict" => Some("object"),
                    "text" | "str" => Some("string"),
                    "float" => Some("number"),
                    word => nearest(word, TYPES.iter().copied()),
                };
                let help = near.map(|near| format!("did you mean `{near}`?"));
                self.refuse("schema-shape", message, &help.unwrap_or_default());
            }
        }
    }

    fn format(&mut self, value: &Value, at: &str) {
        if !value.as_str().is_some_and(|word| FORMATS.contains(&word)) {
            let message = format!("schema, at `{at}`: a format that providers do not take");
            let help = format!("one of {}", FORMATS.join(", "));
            self.refuse("schema-unsupported", message, &help);
        }
    }

    fn unknown(&mut self, key: &str, at: &str) {
        if REMARKS.contains(&key) {
            return;
        }
        let known = TAKEN.iter().chain(HELD).copied();
        let shown = shown(key);
        let near = nearest(key, known);
        let message = format!("schema, at `{at}`: `{shown}` is not supported");
        let help = match (key, near) {
            ("definitions", _) => "write `$defs`".to_owned(),
            ("pattern", _) => "say in `description` what the text looks like".to_owned(),
            ("default", _) => "a reply has all its members; remove it".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            (_, None) => "remove it; providers do not take it".to_owned(),
        };
        self.refuse("schema-unsupported", message, &help);
    }

    /// What the keywords of an object say about each other.
    fn object(&mut self, map: &Map<String, Value>, at: &str) {
        let properties = map.get("properties").and_then(Value::as_object);
        let required = map.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if properties.is_none_or(|properties| !properties.contains_key(name)) {
                let name = shown(name);
                self.wrong(
                    at,
                    &format!("`required` names `{name}`, which is no member"),
                );
            }
        }
    }
}

/// The schemas inside a schema.
fn beneath(map: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let named = ["properties", "$defs"].into_iter().flat_map(|key| {
        let map = map.get(key).and_then(Value::as_object);
        let map = map.into_iter().flatten();
        map.map(move |(name, below)| (format!("{key}/{}", shown(name)), below))
    });
    let listed = ["anyOf", "allOf", "oneOf"].into_iter().flat_map(|key| {
        let list = map.get(key).and_then(Value::as_array);
        let list = list.into_iter().flatten().enumerate();
        list.map(move |(place, below)| (format!("{key}/{place}"), below))
    });
    let items = map.get("items").map(|below| ("items".to_owned(), below));
    named.chain(listed).chain(items)
}

/// A plan is canonical JSON, which has whole numbers only.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_none_or(|n| n.abs() > MAX_INTEGER),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn are_unlike(values: &[Value]) -> bool {
    let twice = |(at, value): (usize, &Value)| values[..at].contains(value);
    !values.iter().enumerate().any(twice)
}

/// A name from outside, short and on one line.
fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}
