//! What the planner learns from is itself what it asks for.

use serde_json::{Value, json};

use super::scripted::{Around, run};
use super::scripted::{Scripted, codes, planner, reply};
use crate::planner::examples::{MOST, choose};
use crate::planner::{PlanExample, builtin_examples, prompt};

const EXAMPLE_SCHEMA: &str = include_str!("../../../prompts/example.v1.schema.json");

#[test]
fn every_example_is_of_its_schema() {
    let schema: Value = serde_json::from_str(EXAMPLE_SCHEMA).unwrap();
    let file = jsonschema::validator_for(&schema).unwrap();
    let form = jsonschema::validator_for(&prompt("plan@1").unwrap().schema).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/examples");
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs_err::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(file.is_valid(&value), "{name}");
        let example = PlanExample::from_json(&name, &text).unwrap();
        let errors: Vec<_> = form
            .iter_errors(&Value::Object(example.answer.clone()))
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        names.push(name);
    }
    names.sort();
    let embedded: Vec<_> = builtin_examples()
        .iter()
        .map(|one| one.name.clone())
        .collect();
    assert_eq!(names, embedded);
    assert!(PlanExample::from_json("x", "{}").is_err());
}

#[test]
fn every_example_passes_all_rules_in_one_round() {
    let around = Around::new();
    for example in builtin_examples() {
        let answer = Value::Object(example.answer.clone()).to_string();
        let caller = Scripted::new([reply(answer.clone()), reply(answer.clone()), reply(answer)]);
        let result = run(planner().plan(&caller, &around.goal(&example.goal)));
        match result {
            Ok(planned) => {
                assert_eq!(
                    planned.transcript.rounds.len(),
                    1,
                    "{}: {:?}",
                    example.name,
                    planned.transcript.rounds
                );
            }
            Err(_) => assert_eq!(
                (codes(&result), example.name.as_str()),
                (vec!["planner-unable"], "out-of-reach")
            ),
        }
    }
}

#[test]
fn the_nearest_examples_are_chosen_and_always_the_same() {
    let names = |goal: &str| -> Vec<_> {
        let chosen = choose(goal, builtin_examples(), MOST);
        chosen.iter().map(|one| one.name.as_str()).collect()
    };
    assert_eq!(names("Find broken links in our docs")[0], "check-links");
    assert_eq!(
        names("Summarize the git log since the last release")[0],
        "collect-and-report"
    );
    assert_eq!(names("Make the failing unit tests pass")[0], "fix-and-test");
    assert_eq!(
        names("Extract two columns of data into JSON")[0],
        "convert-files"
    );
    assert_eq!(names("zzz"), ["check-links", "collect-and-report"]);
    assert_eq!(choose("x", &[], MOST), Vec::<&PlanExample>::new());
}

#[test]
fn examples_of_another_version_are_refused() {
    let text =
        json!({"schema": "orchestra.plan-example/v2", "goal": "x", "answer": {}}).to_string();
    let error = PlanExample::from_json("x", &text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an example of schema `orchestra.plan-example/v2`; this build reads `orchestra.plan-example/v1`"
    );
}
