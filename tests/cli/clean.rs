//! `orchestra clean`: what goes, what stays whatever is said, and that nothing goes unasked.

use std::path::Path;

use insta::assert_snapshot;

use crate::support::Place;

/// Three runs of `a`, one of `b`, the first of each long ago.
fn past() -> Place {
    let place = Place::new();
    let old = place.past("a", "exit 0", 0);
    place.backdate(&old, "2025-01-01T00:00:00Z");
    let old = place.past("b", "exit 3", 1);
    place.backdate(&old, "2025-01-02T00:00:00Z");
    place.past("a", "exit 0", 0);
    place.past("a", "exit 0", 0);
    place
}

fn left(place: &Place) -> Vec<String> {
    let object = place.orchestra(["list", "--json"]).run().expect(0).json();
    let runs = object["runs"].as_array().unwrap().iter();
    runs.map(|run| format!("{} {}", run["scenario"], run["status"]).replace('"', ""))
        .collect()
}

#[test]
fn without_a_rule_nothing_is_chosen() {
    let place = past();
    assert_snapshot!(place.orchestra(["clean"]).run().render(), @r#"
    exit 2
    --- stderr
    error[nothing-chosen]: nothing says which runs are to be removed
    help: `orchestra clean --keep 50 --older-than 30d --dry-run` shows what would go
    "#);
    place
        .orchestra(["clean", "--yes", "--interrupted"])
        .run()
        .expect(2);
    assert_eq!(left(&place).len(), 4);
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = past();
    let before = place.listing();
    let dry = ["clean", "--keep", "1", "--older-than", "30d", "--dry-run"];
    assert_snapshot!(place.orchestra(dry).run().render(), @r#"
    exit 0
    --- stdout
    would remove  <run>  passed  <time>  <bytes>  a
    --- stderr
    would remove 1 run, <bytes>   staying: 3 to keep
    "#);
    assert_snapshot!(place.orchestra(["clean", "--keep", "1", "--dry-run"]).run().render(), @r#"
    exit 0
    --- stdout
    would remove  <run>  passed  <time>  <bytes>  a
    would remove  <run>  passed  <time>  <bytes>  a
    --- stderr
    would remove 2 runs, <bytes>   staying: 2 to keep
    "#);
    assert_eq!(place.listing(), before);
}

#[test]
fn without_a_terminal_somebody_has_said_yes() {
    let place = past();
    assert_snapshot!(place.orchestra(["clean", "--older-than", "30d"]).run().render(), @r#"
    exit 2
    --- stderr
    error[not-confirmed]: nobody can be asked whether to remove 2 runs, <bytes>
    help: add `--yes` to remove them, or `--dry-run` to see which
    "#);
    assert_eq!(left(&place).len(), 4);
    // Nothing to remove is nothing to ask about.
    assert_snapshot!(place.orchestra(["clean", "--keep", "9"]).run().render(), @r#"
    exit 0
    --- stderr
    nothing to remove   staying: 4 to keep
    "#);
}

#[test]
fn old_runs_go_and_are_named() {
    let place = past();
    let yes = ["clean", "--older-than", "30d", "--yes"];
    assert_snapshot!(place.orchestra(yes).run().render(), @r#"
    exit 0
    --- stdout
    removed  <run>  failed  <time>  <bytes>  b
    removed  <run>  passed  <time>  <bytes>  a
    --- stderr
    removed 2 runs, <bytes>   staying: 2 to keep
    "#);
    assert_eq!(left(&place), ["a passed", "a passed"]);
}

#[test]
fn the_newest_of_each_scenario_stay() {
    let place = past();
    place
        .orchestra(["clean", "--keep", "1", "-y"])
        .run()
        .expect(0);
    assert_eq!(left(&place), ["a passed", "b failed"]);
    let all = ["clean", "--keep", "0", "--scenario", "b", "-y"];
    place.orchestra(all).run().expect(0);
    assert_eq!(left(&place), ["a passed"]);
}

#[test]
fn for_machines() {
    let place = past();
    let args = [
        "clean",
        "--keep",
        "1",
        "--older-than",
        "1d",
        "--dry-run",
        "--json",
    ];
    let object = place.orchestra(args).run().expect(0).json();
    assert_eq!(object["schema"], "orchestra.clean/v1");
    assert_eq!(object["runs"].as_array().unwrap().len(), 1);
    assert_eq!(object["runs"][0]["removed"], false);
    assert!(object["bytes"].as_u64().unwrap() > 0);
    assert_eq!(object["kept"]["wanted"], 3);
    let args = ["clean", "--keep", "1", "--yes", "-o", "jsonl"];
    let lines = place.orchestra(args).run().expect(0).jsonl();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["removed"] == true));
    assert_eq!(lines[0]["schema"], "orchestra.clean-entry/v1");
    let object = place.orchestra(["clean", "--json"]).run().expect(2).json();
    assert_eq!(object["error"]["code"], "nothing-chosen");
}

#[test]
fn runs_that_can_go_on_stay_unless_they_are_named() {
    let place = Place::new();
    let cut = place.past("cut", "exit 0", 0);
    place.interrupt(&cut, 3);
    let all = ["clean", "--keep", "0", "--yes"];
    assert_snapshot!(place.orchestra(all).run().render(), @r#"
    exit 0
    --- stderr
    nothing to remove   staying: 1 could be resumed (`--interrupted` takes them too)
    "#);
    assert_eq!(left(&place), ["cut interrupted"]);
    let named = ["clean", "--keep", "0", "--yes", "--interrupted"];
    place.orchestra(named).run().expect(0);
    assert!(left(&place).is_empty());
}

#[test]
fn a_run_that_is_driven_stays() {
    let place = Place::new();
    place.write(
        "wait.yaml",
        "version: 1\nname: wait\ntasks:\n  only:\n    run: sleep 600\n",
    );
    let driver = place.orchestra(["run", "wait.yaml"]).start();
    let begun = std::time::Instant::now();
    while left(&place) != ["wait running"] {
        assert!(begun.elapsed().as_secs() < 60, "it never began");
        std::thread::yield_now();
    }
    let all = ["clean", "--keep", "0", "--yes", "--interrupted"];
    let outcome = place.orchestra(all).run().expect(0);
    assert!(outcome.stderr.contains("1 running"), "{}", outcome.stderr);
    assert_eq!(left(&place), ["wait running"]);
    place.orchestra(["cancel", "@last"]).run().expect(0);
    let ended = driver.wait_with_output().unwrap();
    assert!(ended.status.code().is_some());
}

/// Everything else in the directory is somebody's.
#[test]
fn nothing_but_run_directories_is_touched() {
    let place = past();
    let runs = place.work().join("runs");
    let elsewhere = place.work().join("elsewhere");
    let name = "20250101T0000Z-c-4be1c07a";
    let kept = place.past("c", "exit 0", 0);
    fs_err::rename(kept, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, runs.join(name)).unwrap();
    fs_err::create_dir(runs.join("20250101T0000Z-d-4be1c07b")).unwrap();
    fs_err::create_dir(runs.join("notes")).unwrap();
    fs_err::write(runs.join("README.md"), "mine").unwrap();
    let all = ["clean", "--keep", "0", "--yes", "--interrupted"];
    place.orchestra(all).run().expect(0);
    let mut names: Vec<_> = fs_err::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [name, "20250101T0000Z-d-4be1c07b", "README.md", "notes"];
    assert_eq!(names, expected);
    assert!(elsewhere.join("events.jsonl").is_file());
}

/// A tree that tasks made hard to remove, and one that an earlier command left half removed.
#[test]
fn stubborn_trees_and_leftovers_go() {
    let place = Place::new();
    let dir = place.past("a", "exit 0", 0);
    let locked = dir.join("artifacts/locked");
    fs_err::create_dir(&locked).unwrap();
    fs_err::write(locked.join("x"), "x").unwrap();
    let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs_err::set_permissions(&locked, none).unwrap();
    let half = place.past("a", "exit 0", 0);
    let name = half.file_name().unwrap().to_str().unwrap().to_owned();
    fs_err::rename(&half, half.with_file_name(format!(".removing-{name}"))).unwrap();
    fs_err::remove_file(half.with_file_name(format!(".removing-{name}/run.json"))).unwrap();
    let all = ["clean", "--keep", "0", "--yes"];
    assert_snapshot!(place.orchestra(all).run().render(), @r#"
    exit 0
    --- stdout
    removed  <run>  passed  <time>  <bytes>  a
    --- stderr
    removed 1 run and 1 rest of an earlier removal, <bytes>   staying: none
    "#);
    assert!(is_empty(&place.work().join("runs")));
}

fn is_empty(dir: &Path) -> bool {
    fs_err::read_dir(dir).unwrap().next().is_none()
}

/// What cannot be removed is said, and the others go all the same.
#[test]
fn one_failure_is_no_reason_to_stop() {
    let place = past();
    let runs = place.work().join("runs");
    let object = place.orchestra(["list", "--json"]).run().json();
    let dir = object["runs"][0]["dir"].as_str().unwrap();
    // Something is in the way of the rename.
    let name = Path::new(dir).file_name().unwrap().to_str().unwrap();
    fs_err::write(runs.join(format!(".removing-{name}")), "x").unwrap();
    let all = ["clean", "--keep", "0", "--yes"];
    let outcome = place.orchestra(all).run().expect(7);
    assert!(
        outcome
            .stderr
            .contains("error[clean-incomplete]: 1 run could not be removed"),
        "{}",
        outcome.stderr
    );
    assert_eq!(left(&place), ["a passed"]);
}
