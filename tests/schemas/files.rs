//! Files of a run directory, and the scenarios that ship.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::schemas::published::{check, schema, validator};
use crate::support::Place;

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let paths = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    assert!(found.len() >= 5, "{found:?}");
    found
}

fn as_json(path: &Path) -> Value {
    serde_saphyr::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// Runs a shipped scenario to whatever end it has.
fn ran(name: &str, inputs: &[&str]) -> Place {
    let file = shipped()
        .into_iter()
        .find(|path| path.ends_with(name))
        .unwrap();
    run(&file, inputs)
}

fn run(file: &Path, inputs: &[&str]) -> Place {
    let place = Place::new();
    let mut args = vec!["run", file.to_str().unwrap()];
    inputs.iter().for_each(|input| args.extend(["-i", input]));
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../evals/recorded");
    let name = file.file_stem().unwrap().to_str().unwrap();
    let fixture = recorded.join(format!("{name}.jsonl"));
    if fixture.exists() {
        args.extend(["--yes", "--replay", fixture.to_str().unwrap()]);
    }
    let code = place.orchestra(args).run().code;
    assert!([0, 1].contains(&code), "{}: {code}", file.display());
    place
}

/// Whatever ships, once each; with smaller inputs where its own take long.
fn shipped_runs() -> Vec<Place> {
    let inputs = |path: &Path| -> &'static [&'static str] {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("diamond.yaml") => &["words=10"],
            Some("timeout.yaml") => &["patience=60"],
            _ => &[],
        }
    };
    let mut places: Vec<_> = shipped()
        .iter()
        .map(|path| run(path, inputs(path)))
        .collect();
    places.push(ran("flaky.yaml", &["failures=3"]));
    places
}

/// One run of everything that ships and one of what does not: children, nested tasks, outputs.
fn runs() -> Vec<Place> {
    let mut places = shipped_runs();
    let place = Place::with("words.yaml", WORDS);
    place.write("inner.yaml", INNER);
    let code = place.orchestra(["run", "words.yaml"]).run().code;
    assert_eq!(code, 0);
    places.push(place);
    places
}

const WORDS: &str = "version: 1\nname: words\ntasks:\n  each: { for_each: [a, b, c], as: x, env: { X: \"${{ x }}\" }, continue_on_error: true, run: '[ \"$X\" != b ]' }\n  inner: { uses: ./inner.yaml, with: { n: 2 } }\n  after: { needs: [each], run: 'true' }\noutputs: { made: \"${{ tasks.inner.outputs.n }}\" }\n";
const INNER: &str = "version: 1\nname: inner\ninputs: { n: { type: int, default: 1 } }\ntasks:\n  one: { run: 'echo x > a.txt; echo \"n=$N\" >> \"$ORCHESTRA_OUTPUT\"', env: { N: \"${{ inputs.n }}\" }, outputs: { n: int }, artifacts: { log: a.txt }, retry: 1 }\n  two: { needs: [one], run: 'true' }\noutputs: { n: \"${{ tasks.one.outputs.n }}\" }\n";

#[test]
fn every_line_of_real_journals_is_an_event() {
    let validator = validator("events");
    let mut types = std::collections::BTreeSet::new();
    for place in runs() {
        for line in place.run_file("events.jsonl").lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            check(&validator, &event);
            types.insert(event["type"].as_str().unwrap().to_owned());
            // Of a finding some know no task and no remedy.
            let kind = event["type"].as_str().unwrap().to_owned();
            // Nor does a call that is made for a whole plan.
            let is_finding = kind == "finding.raised" || kind.starts_with("budget.");
            // Every key is needed, but what is left out when empty or is newer than some journals.
            for key in event.as_object().unwrap().keys() {
                let mut poorer = event.clone();
                poorer.as_object_mut().unwrap().remove(key);
                let is_needed = !validator.is_valid(&poorer);
                let may_lack = [
                    "outputs",
                    "artifacts",
                    "tolerated",
                    "because",
                    "policy_file",
                    "run_file",
                    "signed",
                    "items",
                    "inputs",
                    "examples",
                    "unplanned",
                ];
                assert!(
                    is_needed || is_finding || may_lack.contains(&key.as_str()),
                    "{key} of {line}"
                );
            }
        }
    }
    assert!(types.len() >= 12, "{types:?}");
}

#[test]
fn every_shipped_scenario_fits_the_schema_and_a_misspelled_key_does_not() {
    let validator = validator("scenario");
    for path in shipped() {
        let scenario = as_json(&path);
        check(&validator, &scenario);
        let mut wrong = scenario.clone();
        if let Some(tasks) = wrong["tasks"].as_object_mut() {
            let first = tasks.values_mut().next().unwrap().as_object_mut().unwrap();
            first.insert("retires".into(), json!(2));
            assert!(!validator.is_valid(&wrong), "{}", path.display());
        }
        let mut wrong = scenario;
        wrong
            .as_object_mut()
            .unwrap()
            .insert("nmae".into(), json!("x"));
        assert!(!validator.is_valid(&wrong), "{}", path.display());
    }
}

/// A schema in which no key is allowed that it does not name: what is written has no key that nobody
/// published.
fn closed(mut schema: Value) -> Value {
    fn close(value: &mut Value) {
        if let Some(object) = value.as_object_mut() {
            let is_shape = object.get("properties").is_some_and(Value::is_object);
            if is_shape && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".into(), false.into());
            }
            object.values_mut().for_each(close);
        } else if let Some(list) = value.as_array_mut() {
            list.iter_mut().for_each(close);
        }
    }
    close(&mut schema);
    schema
}

const WRITTEN: [(&str, &str); 5] = [
    ("run.json", "run"),
    ("policy.json", "policy"),
    ("report.json", "report"),
    ("artifacts.json", "artifacts"),
    ("seal.json", "seal"),
];

#[test]
fn files_of_every_run_fit_what_is_published_and_hold_nothing_else() {
    let validators = WRITTEN.map(|(file, name)| {
        let validator = jsonschema::validator_for(&closed(schema(name))).unwrap();
        (file, name, validator)
    });
    for place in runs() {
        for (file, name, validator) in &validators {
            let value: Value = serde_json::from_str(&place.run_file(file)).unwrap();
            check(validator, &value);
            let says = value["schema"].as_str().unwrap();
            assert!(says.ends_with(&format!("{name}/v1")), "{file}: {says}");
            // Each has keys that it may not lack.
            assert!(!validator.is_valid(&json!({ "schema": says })), "{file}");
            let mut renamed = value.clone();
            renamed["schema"] = json!("orchestra.other/v1");
            assert!(!validator.is_valid(&renamed), "{file}");
        }
    }
}

#[test]
fn the_report_within_show_and_the_schemas_themselves_are_sound() {
    let place = ran("diamond.yaml", &["words=10"]);
    let shown = place.orchestra(["show", "--json"]).run().expect(0).json();
    check(&validator("report"), &shown["report"]);
    for name in [
        "scenario",
        "events",
        "run",
        "policy",
        "report",
        "artifacts",
        "seal",
    ] {
        let schema = schema(name);
        jsonschema::draft7::meta::validate(&schema).unwrap();
        assert_eq!(
            schema["$schema"], "http://json-schema.org/draft-07/schema#",
            "{name}"
        );
    }
}
