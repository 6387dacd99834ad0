//! A schema as providers take it: the keywords they enforce, every object closed. What they do not enforce
//! becomes a remark in `description`; the whole schema is held against the reply afterwards.

use serde_json::{Map, Value};

/// More levels than this are a circle, which no provider takes.
const MAX_DEPTH: usize = 32;
/// Schemas within a schema: more, and following references takes too long to be worth it.
const MAX_SCHEMAS: usize = 10_000;
/// Characters of what is remarked of one schema.
const MAX_REMARK: usize = 400;

const KEPT: &[&str] = &["$ref", "description", "required", "title"];
/// Words about a schema that say nothing about a value.
const SILENT: &[&str] = &[
    "$comment",
    "$id",
    "$schema",
    "default",
    "examples",
    "definitions",
];
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

/// What of a schema is sent.
pub(super) struct Sent {
    /// As a provider takes it; none where it cannot be said that way.
    pub(super) schema: Option<Value>,
    /// Everything of it is enforced.
    pub(super) is_whole: bool,
}

/// Reduces a schema. It is not checked to be one.
pub(super) fn reduce(schema: &Value) -> Sent {
    let mut reducing = Reducing {
        root: schema,
        is_whole: true,
        seen: 0,
    };
    let is_object = schema["type"] == "object";
    let reduced = reducing.reduce(schema, 0).filter(|_| is_object);
    Sent {
        is_whole: reducing.is_whole && reduced.is_some(),
        schema: reduced,
    }
}

struct Reducing<'a> {
    root: &'a Value,
    is_whole: bool,
    seen: usize,
}

impl Reducing<'_> {
    /// `None`: it cannot be said to a provider at all.
    fn reduce(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        self.seen += 1;
        let map = schema.as_object()?;
        if depth > MAX_DEPTH || self.seen > MAX_SCHEMAS {
            return None;
        }
        let mut kept = Map::new();
        let mut remarks = Vec::new();
        for (key, value) in map {
            match key.as_str() {
                "properties" | "$defs" => {
                    let below = value.as_object()?.iter();
                    let below = below
                        .map(|(name, below)| Some((name.clone(), self.reduce(below, depth + 1)?)));
                    kept.insert(key.clone(), Value::Object(below.collect::<Option<_>>()?));
                }
                "anyOf" | "allOf" | "oneOf" => {
                    let below = value.as_array()?.iter();
                    let below = below.map(|below| self.reduce(below, depth + 1));
                    let below = Value::Array(below.collect::<Option<_>>()?);
                    self.is_whole &= key != "oneOf";
                    let key = if key == "oneOf" { "anyOf" } else { key };
                    // Both words at once cannot be told apart any more.
                    if kept.insert(key.to_owned(), below).is_some() {
                        return None;
                    }
                }
                "items" => {
                    kept.insert(key.clone(), self.reduce(value, depth + 1)?);
                }
                "additionalProperties" if *value == Value::Bool(false) => {}
                // A map with names of its own cannot be closed.
                "additionalProperties"
                | "patternProperties"
                | "unevaluatedProperties"
                | "prefixItems" => return None,
                key if KEPT.contains(&key) || is_enforced(key, value) => {
                    kept.insert(key.to_owned(), value.clone());
                }
                key if SILENT.contains(&key) => {}
                _ => remarks.push(format!("{key}: {value}")),
            }
        }
        if let Some(target) = map.get("$ref") {
            let pointer = target.as_str()?.strip_prefix('#')?;
            // A circle is found here, by its depth; what it leads to is sent once.
            let target = pointer.strip_prefix("/$defs/").map(|_| pointer)?;
            let target = self.root.pointer(target)?;
            self.reduce(target, depth + 1)?;
        }
        let is_object = map.get("type").is_some_and(|kind| kind == "object");
        let may_be_object = kept.contains_key("properties") || names_object(map);
        match (is_object, may_be_object) {
            (true, _) => {
                // Open objects are narrowed to what is named: fewer answers, all of them right.
                self.is_whole &= map.contains_key("additionalProperties");
                kept.insert("additionalProperties".to_owned(), Value::Bool(false));
                if !kept.contains_key("properties") {
                    return None;
                }
            }
            (false, true) => return None,
            (false, false) => {}
        }
        if !remarks.is_empty() {
            self.is_whole = false;
            remark(&mut kept, &remarks.join("; "));
        }
        Some(Value::Object(kept))
    }
}

fn names_object(map: &Map<String, Value>) -> bool {
    let kinds = map.get("type").and_then(Value::as_array);
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
}

/// Whether providers hold a reply to this keyword with this value.
fn is_enforced(key: &str, value: &Value) -> bool {
    let is_primitive = |value: &Value| !value.is_object() && !value.is_array();
    match key {
        "type" => true,
        "const" => is_primitive(value),
        "enum" => value
            .as_array()
            .is_some_and(|all| all.iter().all(is_primitive)),
        "format" => value.as_str().is_some_and(|word| FORMATS.contains(&word)),
        "minItems" => *value == 0 || *value == 1,
        _ => false,
    }
}

fn remark(kept: &mut Map<String, Value>, remarks: &str) {
    let said = kept.get("description").and_then(Value::as_str);
    let remarks: String = remarks.chars().take(MAX_REMARK).collect();
    let text = match said {
        Some(said) => format!("{said} ({remarks})"),
        None => remarks,
    };
    kept.insert("description".to_owned(), Value::String(text));
}
