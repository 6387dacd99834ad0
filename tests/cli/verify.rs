//! `orchestra verify` through the binary; what it finds is tested with the library.

use insta::assert_snapshot;

use crate::cli::run::HELLO;
use crate::support::Place;

fn done() -> Place {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    place
}

#[test]
fn intact() {
    assert_snapshot!(done().orchestra(["verify"]).run().render(), @r#"
    exit 0
    --- stdout
    INTACT, sealed: run <run>, 8 events, 1 artifact file, 1 log checked; opened by you
    "#);
}

#[test]
fn a_changed_artifact() {
    let place = done();
    fs_err::write(
        place.run_dir().join("artifacts/greet/greeting.txt"),
        "hello, w0rld\n",
    )
    .unwrap();
    let outcome = place.orchestra(["verify"]).run().expect(8);
    assert!(
        outcome
            .stdout
            .contains("artifact-changed artifacts/greet/greeting.txt"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("CHANGED: run <run>"),
        "{}",
        outcome.stdout
    );
    let object = place.orchestra(["verify", "--json"]).run().expect(8).json();
    assert_eq!(object["intact"], false);
    assert_eq!(object["problems"][0]["code"], "artifact-changed");
}

#[test]
fn a_rewritten_report() {
    let place = done();
    let path = place.run_dir().join("report.md");
    let text = fs_err::read_to_string(&path)
        .unwrap()
        .replace("PASSED", "FAILED");
    fs_err::write(&path, text).unwrap();
    let outcome = place.orchestra(["verify"]).run().expect(8);
    assert!(
        outcome.stdout.contains("report-changed report.md"),
        "{}",
        outcome.stdout
    );
}

/// The reports are what they were: only what they would be compared with is not.
#[test]
fn a_changed_plan_does_not_accuse_the_reports() {
    let place = done();
    fs_err::write(place.run_dir().join("plan.json"), "{}").unwrap();
    let changed = place.orchestra(["verify", "--json"]).run().expect(8).json();
    let problems = changed["problems"].as_array().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, ["plan.json"]);
    assert_eq!(
        changed["notes"][0],
        "Not judged: report.html, report.json, report.md. They are made from plan.json, which is \
         not what it was."
    );
    // What is not made from it is judged.
    fs_err::write(place.run_dir().join("junit.xml"), "<testsuites/>").unwrap();
    fs_err::remove_file(place.run_dir().join("report.md")).unwrap();
    let outcome = place.orchestra(["verify"]).run().expect(8);
    for problem in ["report-changed junit.xml", "file-missing report.md"] {
        assert!(outcome.stdout.contains(problem), "{}", outcome.render());
    }
}

#[test]
fn a_run_of_somebody_else_is_intact_but_not_trusted() {
    let place = done();
    fs_err::remove_dir_all(place.dir("state")).unwrap();
    let outcome = place.orchestra(["verify", "--json"]).run().expect(8);
    assert_eq!(outcome.json()["problems"][0]["code"], "seal-unknown-key");
}

/// What only runs have makes a directory a run's, whatever is missing or damaged beside it.
#[test]
fn a_damaged_or_missing_record_is_a_changed_run_by_any_name() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let copy = place.work().join("copy");
    fs_err::rename(place.run_dir(), &copy).unwrap();
    for damage in ["run.json", "events.jsonl"] {
        let kept = fs_err::read(copy.join(damage)).unwrap();
        fs_err::write(copy.join(damage), "{").unwrap();
        place.orchestra(["verify", "./copy"]).run().expect(8);
        fs_err::remove_file(copy.join(damage)).unwrap();
        place.orchestra(["verify", "copy"]).run().expect(8);
        fs_err::write(copy.join(damage), kept).unwrap();
    }
    place.orchestra(["verify", "copy"]).run().expect(0);
}
