//! The page of scenario words, from the JSON Schema that `orchestra schema` prints.

use serde_json::Value;

use super::table;

/// How deep maps lie in each other at most; a schema that goes on is a circle.
const MAX_DEPTH: usize = 8;

pub fn page() -> String {
    let schema = protocol::scenario::schema();
    let mut text = String::from(
        "Every word that a scenario may hold. `orchestra validate FILE` says everything that is wrong \
         with one, `orchestra fmt FILE` rewrites other accepted words to these, and `orchestra schema` \
         prints the same as JSON Schema for an editor.\n",
    );
    section(&mut text, "A scenario", "", &schema, 0);
    text
}

/// One map with known keys, and those within it.
fn section(text: &mut String, title: &str, path: &str, object: &Value, depth: usize) {
    assert!(depth < MAX_DEPTH, "{path}");
    let Some(properties) = object["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    text.push_str(&format!("\n## {title}\n\n"));
    let rows: Vec<Vec<String>> = properties
        .iter()
        .map(|(name, property)| {
            let must = if required.contains(&name.as_str()) {
                " (required)"
            } else {
                ""
            };
            let about = property["description"].as_str().unwrap_or_default();
            vec![format!("`{name}`{must}"), shape(property), about.to_owned()]
        })
        .collect();
    text.push_str(&table(&["key", "value", "meaning"], &rows));
    for (name, property) in properties {
        for (part, inner) in inner_objects(property) {
            let path = match path {
                "" => format!("{name}{part}"),
                path => format!("{path}.{name}{part}"),
            };
            section(text, &format!("`{path}`"), &path, inner, depth + 1);
        }
    }
}

/// Maps with known keys that a value may be or hold.
fn inner_objects(value: &Value) -> Vec<(&'static str, &Value)> {
    let mut found = Vec::new();
    if value["properties"].is_object() {
        found.push(("", value));
    }
    if value["additionalProperties"]["properties"].is_object() {
        found.push((".NAME", &value["additionalProperties"]));
    }
    if value["items"]["properties"].is_object() {
        found.push(("[]", &value["items"]));
    }
    for option in value["anyOf"].as_array().into_iter().flatten() {
        found.extend(inner_objects(option));
    }
    found
}

/// What a value looks like, in words.
fn shape(value: &Value) -> String {
    if let Some(options) = value["anyOf"].as_array() {
        let options: Vec<String> = options.iter().map(shape).collect();
        return options.join(", or ");
    }
    if let Some(words) = value["enum"].as_array() {
        let mut words: Vec<String> = words
            .iter()
            .map(|word| match word {
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            })
            .collect();
        words.dedup();
        return words.join(", ");
    }
    match value["type"].as_str() {
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => match (value["minimum"].as_i64(), value["maximum"].as_i64()) {
            (Some(min), Some(max)) if min > i64::from(i32::MIN) => {
                format!("a whole number from {min} to {max}")
            }
            _ => "a whole number".to_owned(),
        },
        Some("string") if value["minLength"] == 2 => {
            "a duration with its unit, such as `5m`".to_owned()
        }
        Some("string") if value["examples"][0] == "512MiB" => {
            "a size with its unit, such as `512MiB`".to_owned()
        }
        Some("string") => "text".to_owned(),
        Some("array") => format!("a list of {}", shape(&value["items"])),
        Some("object") if value["properties"].is_object() => "a map, see below".to_owned(),
        Some("object") => match &value["additionalProperties"] {
            Value::Object(_) => format!("a map: name to {}", shape(&value["additionalProperties"])),
            _ => "a map".to_owned(),
        },
        _ if value["type"].is_array() => "text".to_owned(),
        _ => "any value".to_owned(),
    }
}
