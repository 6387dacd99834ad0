//! What tasks declare that they touch, beside what was seen while they ran.

use std::time::Duration;

use insta::assert_snapshot;

use crate::support::Place;

const DECLARING: &str = "\
version: 1
name: declaring
tasks:
  build:
    workspace: project
    effects: { read: [src], write: [out, idle], network: none, programs: [sh, cp] }
    run: cp src/a out/a
  each:
    workspace: project
    for_each: [1, 2, 3]
    as: n
    effects: { write: [idle] }
    run: 'true'
  silent:
    run: 'true'
";

fn declaring() -> Place {
    let place = Place::with("declaring.yaml", DECLARING);
    place.write("orchestra.yaml", "{}");
    for name in ["src/a", "out/old", "idle/old"] {
        place.write(name, "a");
    }
    settle(&place);
    place
}

/// Files that are there count as old once the clock of files is well past them.
fn settle(place: &Place) {
    let mark = place.dir("home").join("mark");
    let touched = || {
        fs_err::write(&mark, "x").unwrap();
        fs_err::metadata(&mark).unwrap().modified().unwrap()
    };
    let begun = touched();
    while touched().duration_since(begun).unwrap_or_default() < Duration::from_millis(50) {}
    fs_err::remove_file(mark).unwrap();
}

/// The part of the report about effects.
fn told(place: &Place) -> String {
    let report = place.run_file("report.md");
    let rows = report
        .lines()
        .skip_while(|line| !line.starts_with("Declared `effects`"));
    rows.skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_was_declared_and_not_written_is_told_and_what_was_not_seen_is_called_so() {
    let place = declaring();
    place.orchestra(["run", "declaring.yaml"]).run().expect(0);
    assert_snapshot!(told(&place), @r"
    | task | effect | declared | observed |
    |---|---|---|---|
    | `build` | read | src | not observed |
    | `build` | write | out, idle | idle: nothing changed; out: written |
    | `build` | network | none | not observed |
    | `build` | programs | sh, cp | not observed: looked at when the plan was checked |
    | `each` | write | idle | idle: nothing changed |
    ");
    let report: serde_json::Value = serde_json::from_str(&place.run_file("report.json")).unwrap();
    let tasks = report["tasks"].as_array().unwrap();
    let build = tasks.iter().find(|task| task["task"] == "build").unwrap();
    assert_eq!(
        build["attempts"][0]["writes"],
        serde_json::json!([
            { "path": "idle", "seen": "unchanged" },
            { "path": "out", "seen": "changed" },
        ])
    );
    // Once, and not for every item of the fan-out.
    let journal = place.run_file("events.jsonl");
    let unused: Vec<&str> = journal
        .lines()
        .filter(|line| line.contains("unused-grant"))
        .collect();
    assert_eq!(unused.len(), 1, "{unused:?}");
    let said = "its `effects.write` opens idle, and nothing there changed";
    assert!(unused[0].contains(said), "{unused:?}");
    assert!(
        place
            .run_file("report.html")
            .contains("idle: nothing changed; out: written")
    );
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn it_is_seen_in_the_sandbox_as_well() {
    let place = declaring();
    let ran = place.orchestra(["run", "declaring.yaml"]).sandboxed().run();
    if ran.code == 7 {
        // No sandbox can be had here, which other tests tell.
        return;
    }
    assert_eq!(ran.code, 0, "{}", ran.render());
    let told = told(&place);
    let build = "| `build` | write | out, idle | idle: nothing changed; out: written |";
    assert!(told.contains(build), "{told}");
    assert!(
        told.contains("| `build` | network | none | closed; nothing tried |"),
        "{told}"
    );
}

#[test]
fn a_task_that_failed_is_not_told_what_it_did_not_use() {
    let failing = "version: 1\nname: failing\ntasks:\n  build:\n    workspace: project\n    \
                   effects: { write: [out] }\n    run: exit 1\n";
    let place = Place::with("failing.yaml", failing);
    place.write("orchestra.yaml", "{}");
    place.write("out/old", "a");
    settle(&place);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    assert!(!place.run_file("events.jsonl").contains("unused-grant"));
    assert_snapshot!(told(&place), @r"
    | task | effect | declared | observed |
    |---|---|---|---|
    | `build` | write | out | out: nothing changed |
    ");
}
