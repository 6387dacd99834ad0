//! `orchestra init`: every template validates, runs and verifies as it is; no file is overwritten.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Place;

/// Names of all templates.
fn templates() -> Vec<String> {
    let listed = Place::new()
        .orchestra(["init", "--list", "--json"])
        .run()
        .expect(0)
        .json();
    let templates = listed["templates"].as_array().unwrap();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    templates.iter().map(name).collect()
}

/// A place with a few files to look at, and a scenario of this template.
fn started(template: &str) -> Place {
    let place = Place::with("src/main.c", "int main(void) { return 0; } // TODO: more\n");
    let made = place
        .orchestra(["init", "mine", "--template", template])
        .run();
    assert_eq!(made.expect(0).stdout, "mine.yaml\n");
    place
}

#[test]
fn the_list() {
    let outcome = Place::new().orchestra(["init", "--list"]).run().expect(0);
    assert_snapshot!(outcome.stdout, @r#"
    minimal        Two tasks, a value and a file handed on.
    build-matrix   A build for every combination, then tests and one package.
    map-reduce     Work split into parts at run time, done at once, put together.
    data-pipeline  Rows fetched, checked, transformed, summed up; retries and a guard.
    release        Version, tests, package, smoke test; publishing only when told so.
    repo-audit     Several looks at a source tree at once, on one page.
    "#);
    assert!(templates().len() >= 6);
}

#[test]
fn the_first_minute() {
    let place = Place::new();
    assert_snapshot!(place.orchestra(["init"]).run().render(), @r#"
    exit 0
    --- stdout
    minimal.yaml
    --- stderr
    Two tasks, a value and a file handed on. Editors complete it by .orchestra/scenario-v1.json.
      next: orchestra run minimal.yaml
    "#);
    place.orchestra(["run", "minimal.yaml"]).run().expect(0);
    let again = place.orchestra(["init"]).run();
    assert_snapshot!(again.render(), @r#"
    exit 2
    --- stderr
    error[file-exists]: minimal.yaml is there already; nothing was written
    help: give another name, or move that file away
    "#);
    let json = place
        .orchestra(["init", "other", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["schema"], "orchestra.init/v1");
    assert_eq!(
        (&json["file"], &json["next"]),
        (&"other.yaml".into(), &"orchestra run other.yaml".into())
    );
}

/// Each one, as a newcomer would: check it, see the plan, run it, look whether the record holds.
fn works(template: &str) -> Place {
    let place = started(template);
    let checked = place.orchestra(["validate", "mine.yaml"]).run().expect(0);
    assert_eq!(checked.stderr, "", "{template}");
    place
        .orchestra(["run", "mine.yaml", "--dry-run"])
        .run()
        .expect(0);
    place.orchestra(["run", "mine.yaml"]).run().expect(0);
    place.orchestra(["verify"]).run().expect(0);
    let text = || fs_err::read_to_string(place.work().join("mine.yaml")).unwrap();
    let before = text();
    place.orchestra(["fmt", "mine.yaml"]).run().expect(0);
    assert_eq!(text(), before, "{template} is written in canonical words");
    place
}

#[test]
fn minimal_works() {
    works("minimal");
}

#[test]
fn build_matrix_works() {
    let place = works("build-matrix");
    assert!(
        place
            .run_file("artifacts/package/package.sha256")
            .ends_with("package.tar.gz\n")
    );
}

#[test]
fn map_reduce_works() {
    let place = works("map-reduce");
    assert_eq!(
        place
            .run_file("artifacts/reduce/totals.txt")
            .lines()
            .count(),
        97
    );
}

#[test]
fn data_pipeline_works_and_refuses_bad_data() {
    let place = works("data-pipeline");
    let summary = place.run_file("artifacts/publish/summary.md");
    assert!(summary.contains("471 good rows, 29 bad ones."), "{summary}");
    let strict = started("data-pipeline");
    let refused = strict
        .orchestra(["run", "mine.yaml", "-i", "limit=3"])
        .run()
        .expect(1);
    assert!(
        refused.stderr.contains("29 bad rows are too many"),
        "{}",
        refused.stderr
    );
    assert!(!strict.run_dir().join("artifacts/publish").exists());
}

#[test]
fn release_works_and_packs_the_same_bytes_every_time() {
    let (one, two) = (works("release"), works("release"));
    let sums = |place: &Place| place.run_file("artifacts/pack/SHA256SUMS");
    assert_eq!(sums(&one), sums(&two));
    let wrong = started("release");
    wrong
        .orchestra(["run", "mine.yaml", "-i", "version=1.x"])
        .run()
        .expect(1);
}

#[test]
fn repo_audit_works() {
    let page = works("repo-audit").run_file("artifacts/page/audit.md");
    for part in [
        "## Kinds of files",
        ".c",
        "## Largest files",
        "./src/main.c",
        "## Open ends",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// A template without a test of its own would ship untried.
#[test]
fn every_template_is_tried() {
    let source = include_str!("init.rs");
    for name in templates() {
        assert!(source.contains(&format!("works(\"{name}\")")), "{name}");
    }
}

#[test]
fn the_editor_finds_a_schema_that_takes_the_template() {
    for template in templates() {
        let place = started(&template);
        let text = fs_err::read_to_string(place.work().join("mine.yaml")).unwrap();
        let line = text.lines().next().unwrap();
        let (_, schema) = line.split_once("$schema=").unwrap();
        let schema = fs_err::read_to_string(place.work().join(schema)).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|one| one.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{template}");
    }
}

#[test]
fn names_and_places() {
    let place = Place::new();
    let told = |args: &[&str], code: i32| {
        let outcome = place
            .orchestra(["init"].iter().chain(args))
            .run()
            .expect(code);
        outcome.stderr
    };
    assert_snapshot!(told(&["My Build"], 2), @r#"
    error[bad-name]: `My Build` is no name of a scenario: it has `a-z`, `0-9`, `_` and `-`
    help: write `my-build`
    "#);
    assert_snapshot!(told(&["no/where"], 2), @r#"
    error[no-such-folder]: there is no folder no
    help: make it: `mkdir -p no`
    "#);
    assert_snapshot!(told(&["x", "--template", "build-matrx"], 2), @r#"
    error[unknown-template]: there is no template `build-matrx`
    help: did you mean `build-matrix`?
    "#);
    assert_snapshot!(told(&["x/"], 2), @r#"
    error[bad-name]: `x/` names no file
    help: give it a name, such as `nightly`
    "#);
    assert!(
        !place.work().join(".orchestra").exists(),
        "nothing was written"
    );
    place.write("scenarios/x", "");
    told(&["scenarios/nightly.yaml"], 0);
    assert!(
        place
            .work()
            .join("scenarios/.orchestra/scenario-v1.json")
            .is_file()
    );
    // An older schema of ours is renewed, anything else is left alone.
    let schema = place.work().join("scenarios/.orchestra/scenario-v1.json");
    fs_err::write(&schema, "{\"title\":\"orchestra scenario\"}").unwrap();
    told(&["scenarios/other"], 0);
    assert!(fs_err::metadata(&schema).unwrap().len() > 1000);
    fs_err::write(&schema, "mine").unwrap();
    told(&["scenarios/third"], 2);
    assert_eq!(fs_err::read_to_string(&schema).unwrap(), "mine");
}

#[test]
fn nothing_is_written_through_a_link() {
    let place = Place::new();
    let target = place.dir("home").join("target");
    fs_err::os::unix::fs::symlink(&target, place.work().join("minimal.yaml")).unwrap();
    place.orchestra(["init"]).run().expect(2);
    assert!(!Path::new(&target).exists());
}
