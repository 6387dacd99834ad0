//! Output for machines: one object, or the journal's events.

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

#[test]
fn run_as_json_is_one_object() {
    let place = Place::with("failing.yaml", FAILING);
    let object = place
        .orchestra(["run", "failing.yaml", "-o", "json"])
        .run()
        .expect(1)
        .json();
    assert_eq!(object["schema"], "orchestra.show/v1");
    assert_eq!(object["status"], "failed");
    let report = &object["report"];
    assert_eq!(report["schema"], "orchestra.report/v1");
    assert_eq!(report["exit_code"], 1);
    assert_eq!(report["counts"]["failed"], 1);
    assert_eq!(report["counts"]["skipped"], 2);
    assert_eq!(report["first_failure"]["task"], "build");
    assert_eq!(report["first_failure"]["attempts"][1]["exit"], 3);
    assert_eq!(
        report["first_failure"]["attempts"][1]["tail"],
        "main.c:3: error: expected ;"
    );
    assert_eq!(report["errors"][0]["class"], "tool_failed");
    assert_eq!(report["attempts"]["retries"], 1);
    assert_eq!(report["success_rate_percent"], 50);
    assert_eq!(report["approval"]["by"], "default");
}

#[test]
fn run_as_jsonl_is_the_journal_without_its_hashes() {
    let place = Place::with("hello.yaml", HELLO);
    let outcome = place
        .orchestra(["run", "hello.yaml", "-o", "jsonl"])
        .run()
        .expect(0);
    let shown = outcome.jsonl();
    let journal = place.run_file("events.jsonl");
    let mut journaled: Vec<serde_json::Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for event in &mut journaled {
        let event = event.as_object_mut().unwrap();
        event.remove("hash").unwrap();
        event.insert("schema".into(), "orchestra.event/v1".into());
    }
    assert_eq!(shown, journaled);
    assert_eq!(shown.last().unwrap()["type"], "run.finished");
    let again = place
        .orchestra(["report", "@last", "-o", "jsonl"])
        .run()
        .expect(0);
    assert_eq!(again.stdout, outcome.stdout);
}

#[test]
fn errors_are_one_object_for_every_command() {
    let place = Place::new();
    let commands: [&[&str]; 8] = [
        &["run", "none.yaml"],
        &["resume", "none"],
        &["cancel", "none"],
        &["validate", "none.yaml"],
        &["verify", "none"],
        &["show", "none"],
        &["logs", "none"],
        &["report", "none"],
    ];
    for args in commands {
        let mut args = args.to_vec();
        args.push("--json");
        let outcome = place.orchestra(&args).run();
        assert_eq!(outcome.stderr, "", "{args:?}");
        let object = outcome.json();
        assert_eq!(object["schema"], "orchestra.error/v1", "{args:?}");
        assert_eq!(object["error"]["exit_code"], outcome.code, "{args:?}");
    }
}

#[test]
fn invalid_scenarios_carry_their_problems() {
    let place = Place::with("bad.yaml", "version: 1\nname: bad\ntasks: {}\nsteps: []\n");
    let object = place
        .orchestra(["run", "bad.yaml", "--json"])
        .run()
        .expect(3)
        .json();
    assert!(!object["error"]["problems"].as_array().unwrap().is_empty());
    assert_eq!(object["error"]["problems"][0]["file"], "bad.yaml");
}

/// Each schema is one that a validator takes, and what we write fits it.
#[test]
fn what_is_written_fits_the_published_schemas() {
    let place = Place::with("failing.yaml", FAILING);
    let schema = |what: &str| {
        place
            .orchestra(["schema", what, "--json"])
            .run()
            .expect(0)
            .json()
    };
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    let events = jsonschema::validator_for(&schema("events")).unwrap();
    for line in place.run_file("events.jsonl").lines() {
        let event = serde_json::from_str(line).unwrap();
        assert!(events.is_valid(&event), "{line}");
    }
    let wrong = serde_json::json!({ "seq": 1, "type": "task.done" });
    assert!(!events.is_valid(&wrong), "it refuses something");
    for schema in schema("messages")["messages"].as_object().unwrap().values() {
        jsonschema::validator_for(schema).unwrap();
    }
    jsonschema::validator_for(&schema("scenario")).unwrap();
}
