//! The JSON Schema (draft-07) of a scenario, for editors. Made from the table that the parser reads.

use serde_json::{Map, Value, json};

use super::keys::{Shape, Table};
use super::pack::PACK;
use super::words::{SCENARIO, SEGMENT};
use super::words_limits::BUDGET;
use super::words_policy::{EFFECTS, LIMITS, POLICY, SECRET};
use super::words_task::TASK;

/// The schema as `orchestra schema` prints it.
#[must_use]
pub fn schema() -> Value {
    titled(object(&SCENARIO), "orchestra scenario")
}

/// The schema of a policy pack.
#[must_use]
pub fn pack_schema() -> Value {
    titled(object(&PACK), "orchestra policy pack")
}

fn titled(mut schema: Value, title: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        map.insert("title".to_owned(), json!(title));
    }
    schema
}

fn object(table: &Table) -> Value {
    let mut properties = Map::new();
    for key in table.keys {
        let mut property = of(&key.shape);
        if let Some(map) = property.as_object_mut() {
            map.insert("description".to_owned(), json!(key.about));
            if key.name == "tasks" {
                map.insert("minProperties".to_owned(), json!(1));
            }
        }
        properties.insert(key.name.to_owned(), property);
    }
    for (alias, canonical) in table.aliases {
        // Valid, but nothing an editor should offer.
        let Some(mut property) = properties.get(*canonical).cloned() else {
            continue;
        };
        let fix = format!("Another word for `{canonical}`; `orchestra fmt` rewrites it.");
        property["description"] = json!(fix);
        property["deprecationMessage"] = json!(fix);
        property["doNotSuggest"] = json!(true);
        properties.insert((*alias).to_owned(), property);
    }
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let (Some(map), false) = (schema.as_object_mut(), required.is_empty()) {
        map.insert("required".to_owned(), json!(required));
    }
    if std::ptr::eq(table, &raw const SCENARIO) {
        schema["oneOf"] = json!([{ "required": ["tasks"] }, { "required": ["goal"] }]);
    }
    if std::ptr::eq(table, &raw const TASK) {
        task(&mut schema);
    }
    if std::ptr::eq(table, &raw const SECRET) {
        secret(&mut schema);
    }
    // Each of them without any key says nothing.
    if [
        &raw const POLICY,
        &raw const LIMITS,
        &raw const EFFECTS,
        &raw const BUDGET,
    ]
    .contains(&std::ptr::from_ref(table))
    {
        schema["minProperties"] = json!(1);
    }
    schema
}

/// What the keys of a task say about each other.
fn task(schema: &mut Value) {
    let kinds = ["run", "command", "prompt", "uses"];
    let kinds = kinds.map(|kind| json!({ "required": [kind] }));
    schema["oneOf"] = json!(kinds);
    schema["not"] = json!({ "required": ["for_each", "matrix"] });
    schema["dependencies"] = json!({ "with": ["uses"], "context_tokens": ["context"] });
    for asked in [
        "context",
        "output_schema",
        "response_schema",
        "parse",
        "model",
        "fallback",
    ] {
        schema["dependencies"][asked] = json!(["prompt"]);
    }
    schema["properties"]["as"]["pattern"] = json!(SEGMENT);
    schema["properties"]["matrix"]["minProperties"] = json!(1);
}

/// What each source of a secret takes.
fn secret(schema: &mut Value) {
    schema["oneOf"] = json!([
        { "properties": { "from": { "enum": ["env"] }, "path": false, "argv": false } },
        {
            "properties": { "from": { "enum": ["file"] }, "name": false, "argv": false },
            "required": ["path"],
        },
        {
            "properties": { "from": { "enum": ["command"] }, "name": false, "path": false },
            "required": ["argv"],
        },
    ]);
}

fn of(shape: &Shape) -> Value {
    match shape {
        // Scalars are taken as they are written, so a port need not be quoted.
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Duration => {
            json!({ "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2 })
        }
        Shape::Dollars => json!({
            "type": ["number", "string"],
            "minimum": 0,
            "pattern": "^\\$?[0-9]+(\\.[0-9]{1,9})?$",
            "examples": ["1.50"],
        }),
        Shape::Size => {
            json!({ "type": "string", "pattern": "^[0-9]+([KMGT]i)?B$", "examples": ["512MiB"] })
        }
        Shape::Word { now: ["1"], .. } => json!({ "enum": [1, "1"] }),
        Shape::Word { now, .. } => json!({ "enum": now }),
        Shape::ListOf(items) => json!({ "type": "array", "items": of(items) }),
        Shape::MapOf { keys, values } => json!({
            "type": "object",
            "propertyNames": { "pattern": keys },
            "additionalProperties": of(values),
        }),
        Shape::Object(table) => object(table),
        Shape::Either(scalar, map) => json!({ "anyOf": [of(scalar), of(map)] }),
        Shape::OrNone(scalar) => json!({ "anyOf": [of(scalar), { "const": "none" }] }),
        Shape::Any => json!({}),
        Shape::Items => json!({
            "anyOf": [
                { "type": "array" },
                { "type": "string", "pattern": "\\$\\{\\{" },
            ],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_object(value: &Value, seen: &mut usize) {
        let Some(map) = value.as_object() else { return };
        if let Some(properties) = map.get("properties").and_then(Value::as_object) {
            *seen += 1;
            assert_eq!(map["additionalProperties"], json!(false));
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{name}");
                every_object(property, seen);
            }
        }
        for key in ["additionalProperties", "items"] {
            map.get(key)
                .into_iter()
                .for_each(|inner| every_object(inner, seen));
        }
        let any = map.get("anyOf").and_then(Value::as_array);
        any.into_iter()
            .flatten()
            .for_each(|inner| every_object(inner, seen));
    }

    #[test]
    fn every_object_is_closed_and_every_key_described() {
        let schema = schema();
        let mut seen = 0;
        every_object(&schema, &mut seen);
        assert_eq!(
            seen, 17,
            "scenario, input, task, defaults, secret, policy, limits, budget, twice timeout, retry and effects, \
             model, parse, fallback"
        );
        assert_eq!(schema["oneOf"].as_array().map(Vec::len), Some(2));
        assert!(accepts("goal: Count the files."));
        assert!(!accepts(
            "goal: Count the files.\ntasks: { a: { run: ls } }"
        ));
    }

    /// A YAML text as the JSON an editor would hold against the schema.
    fn value(text: &str) -> Value {
        serde_saphyr::from_str(text).expect("YAML")
    }

    fn accepts(text: &str) -> bool {
        let validator = jsonschema::draft7::new(&schema()).expect("a schema");
        validator.is_valid(&value(text))
    }

    #[test]
    fn it_is_a_schema() {
        assert!(jsonschema::draft7::meta::is_valid(&schema()));
    }

    #[test]
    fn shipped_scenarios_are_accepted() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
        let files = fs_err::read_dir(folder).expect("the shipped scenarios");
        let mut seen = 0;
        for file in files.map(|file| file.expect("an entry").path()) {
            if file.extension().is_some_and(|end| end == "yaml") {
                let text = fs_err::read_to_string(&file).expect("a text");
                let validator = jsonschema::draft7::new(&schema()).expect("a schema");
                let wrong: Vec<_> = validator
                    .iter_errors(&value(&text))
                    .map(|e| e.to_string())
                    .collect();
                assert_eq!(wrong, Vec::<String>::new(), "{}", file.display());
                seen += 1;
            }
        }
        assert!(seen >= 5, "{seen}");
    }

    #[test]
    fn wrong_keys_and_values_are_refused() {
        for right in [
            "tasks: { a: { run: x, timeout: 5m, retry: { max: 2 } } }",
            "tasks: { a: { run: x, for_each: [1, { a: b }], as: area, max_parallel: 2 } }",
            "tasks: { a: { command: [x], for_each: \"${{ inputs.x }}\" } }",
            "tasks: { a: { run: x, matrix: { os: [linux], n: \"${{ inputs.x }}\" } } }",
            "tasks: { a: { uses: ./x.yaml, with: { a: 1, b: [c], d: { e: f } } } }",
            "tasks: { a: { run: x, depends_on: [b], working-directory: y, when: always() } }",
            "defaults: { timeout: 5m, retry: { max: 1 } }\ntasks: { a: { run: x, refers: [a] } }",
            "outputs: { a: \"${{ tasks.a.status }}\" }\ntasks: { a: { run: x, priority: -5 } }",
            "secrets: { A: { from: env }, B: { from: env, name: C }, D: { from: file, path: x }, E: \
             { from: command, argv: [x] } }\ntasks: { a: { run: x, secrets: [A] } }",
            "policy: { use: strict, programs: [git], read: [.], write: [], network: none, limits: { wall: 5m, \
             memory: 2GiB, pids: 64 } }\ntasks: { a: { run: x, effects: { network: full } } }",
            "defaults: { effects: { write: [] } }\ntasks: { a: { run: x } }",
            "tasks: { a: { prompt: x, context: [inputs.a], context_tokens: 9, model: { tier: fast } } }",
            "tasks: { a: { prompt: x, output_schema: a.json, parse: json, fallback: { tier: fast } } }",
            "tasks: { a: { prompt: x, response_schema: { type: object }, parse: { code_block: c } } }",
        ] {
            assert!(accepts(right), "{right}");
        }
        for wrong in [
            "taskz: { a: { run: x } }",
            "tasks: {}",
            "tasks: { a: { run: x, tiemout: 5m } }",
            "tasks: { a: { run: x, retry: { mxa: 2 } } }",
            "tasks: { a: { run: x, timeout: 5 } }",
            "tasks: { a: { run: x, needs: b } }",
            "tasks: { A-b: { run: x } }",
            "inputs: { x: { type: integer } }\ntasks: { a: { run: x } }",
            "tasks: { a: { needs: [b] } }",
            "tasks: { a: { run: x, uses: y } }",
            "tasks: { a: { run: x, with: { a: 1 } } }",
            "tasks: { a: { run: x, for_each: [1], matrix: { a: [1] } } }",
            "tasks: { a: { run: x, for_each: plain } }",
            "tasks: { a: { run: x, for_each: [1], as: Area } }",
            "tasks: { a: { run: x, matrix: {} } }",
            "tasks: { a: { run: x, matrix: { os: linux } } }",
            "tasks: { a: { run: x, priority: 1001 } }",
            "tasks: { a: { run: x, workspace: guarded } }",
            "defaults: { env: { A: b } }\ntasks: { a: { run: x } }",
            "outputs: { a: [b] }\ntasks: { a: { run: x } }",
            "secrets: [A]\ntasks: { a: { run: x } }",
            "secrets: { A: hunter2 }\ntasks: { a: { run: x } }",
            "secrets: { A: { from: vault } }\ntasks: { a: { run: x } }",
            "secrets: { A: { from: file } }\ntasks: { a: { run: x } }",
            "secrets: { A: { from: env, path: x } }\ntasks: { a: { run: x } }",
            "secrets: { a-b: { from: env } }\ntasks: { a: { run: x } }",
            "policy: {}\ntasks: { a: { run: x } }",
            "policy: { network: [\"x:443\"] }\ntasks: { a: { run: x } }",
            "policy: { limits: { memory: 5 } }\ntasks: { a: { run: x } }",
            "tasks: { a: { run: x, effects: {} } }",
            "tasks: { a: { run: x, effects: { hosts: [] } } }",
            "tasks: { a: { run: x, secrets: A } }",
            "tasks: { a: { run: x, prompt: y } }",
            "tasks: { a: { run: x, context: [inputs.a] } }",
            "tasks: { a: { run: x, response_schema: a.json } }",
            "tasks: { a: { prompt: x, context_tokens: 9 } }",
            "tasks: { a: { prompt: x, model: fast } }",
            "tasks: { a: { prompt: x, model: { name: claude } } }",
            "tasks: { a: { prompt: x, model: { max_tokens: 128001 } } }",
            "tasks: { a: { prompt: x, parse: yaml } }",
            "tasks: { a: { prompt: x, parse: {} } }",
            "tasks: { a: { prompt: x, output_schema: [a] } }",
            "tasks: { a: { prompt: x, fallback: { run: y } } }",
        ] {
            assert!(!accepts(wrong), "{wrong}");
        }
    }
}
