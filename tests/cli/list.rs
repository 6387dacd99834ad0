//! `orchestra list`: every filter, every width, and directories that are not what their name says.

use insta::assert_snapshot;

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

fn two() -> Place {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    place.write("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    place
}

fn scenarios(place: &Place, args: &[&str]) -> Vec<String> {
    let args = [&["list", "--json"], args].concat();
    let object = place.orchestra(args).run().expect(0).json();
    assert_eq!(object["schema"], "orchestra.list/v1");
    let runs = object["runs"].as_array().unwrap();
    let names = runs
        .iter()
        .map(|run| run["scenario"].as_str().unwrap().into());
    names.collect()
}

#[test]
fn of_nothing() {
    assert_snapshot!(Place::new().orchestra(["list"]).run().render(), @r#"
    exit 0
    --- stderr
    no runs in runs
    help: `orchestra run SCENARIO` makes one; `--runs-dir` looks elsewhere
    "#);
    let object = Place::new()
        .orchestra(["list", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["runs"].as_array().unwrap().len(), 0);
}

#[test]
fn newest_first() {
    let place = two();
    assert_snapshot!(place.orchestra(["list"]).run().render(), @r#"
    exit 0
    --- stdout
    <run>  passed       <time>      <s>  hello
    <run>  failed       <time>      <s>  failing
    "#);
    let lines = place
        .orchestra(["list", "-o", "jsonl"])
        .run()
        .expect(0)
        .jsonl();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["schema"], "orchestra.list-entry/v1");
    assert_eq!(lines[0]["scenario"], "hello");
    assert_eq!(lines[1]["status"], "failed");
    assert!(lines[1]["wall_ms"].is_u64(), "{}", lines[1]);
}

#[test]
fn filters_add_up() {
    let place = two();
    let old = place.past("hello", "exit 0", 0);
    place.backdate(&old, "2025-01-01T00:00:30Z");
    assert_eq!(scenarios(&place, &[]), ["hello", "failing", "hello"]);
    assert_eq!(scenarios(&place, &["hello"]), ["hello", "hello"]);
    assert_eq!(
        scenarios(&place, &["hello", "--scenario", "failing"]).len(),
        3
    );
    assert_eq!(scenarios(&place, &["--scenario", "failing"]), ["failing"]);
    assert_eq!(scenarios(&place, &["failing.yaml"]), ["failing"]);
    assert_eq!(scenarios(&place, &["--status", "failed"]), ["failing"]);
    assert_eq!(scenarios(&place, &["--status", "failed,passed"]).len(), 3);
    assert_eq!(scenarios(&place, &["--since", "2d"]), ["hello", "failing"]);
    assert_eq!(scenarios(&place, &["--since", "2025-01-01"]).len(), 3);
    assert_eq!(
        scenarios(&place, &["--since", "2025-01-01T00:00:31Z"]).len(),
        2
    );
    assert_eq!(scenarios(&place, &["--limit", "1"]), ["hello"]);
    assert_eq!(scenarios(&place, &["--limit", "0"]).len(), 3);
    let both = [
        "hello", "--status", "passed", "--since", "1h", "--limit", "5",
    ];
    assert_eq!(scenarios(&place, &both), ["hello"]);
}

#[test]
fn filters_by_environment() {
    let place = two();
    let listed = place
        .orchestra(["list", "--json"])
        .env("ORCHESTRA_STATUS", "failed");
    let runs = listed.run().expect(0).json()["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!(runs[0]["scenario"], "failing");
}

#[test]
fn nothing_fits() {
    let place = two();
    assert_snapshot!(place.orchestra(["list", "helo"]).run().render(), @r#"
    exit 0
    --- stderr
    no run of `helo` in runs
    help: did you mean `hello`?
    "#);
    assert_snapshot!(place.orchestra(["list", "--status", "running"]).run().render(), @r#"
    exit 0
    --- stderr
    no run in runs fits
    help: `orchestra list` shows what there is
    "#);
}

#[test]
fn wrong_words() {
    let place = Place::new();
    assert_snapshot!(place.orchestra(["list", "--since", "yesterday"]).run().render(), @r#"
    exit 2
    --- stderr
    error[bad-value]: --since cannot be `yesterday`: expected a span such as 2d or 12h, a day such as 2026-11-20, or an RFC 3339 time
    "#);
    assert_snapshot!(place.orchestra(["list", "--status", "faild"]).run().render(), @r#"
    exit 2
    --- stderr
    error[bad-value]: --status cannot be `faild`
    help: did you mean `failed`?
    "#);
}

#[test]
fn narrow_terminals() {
    let place = two();
    let at = |columns: &str| {
        let listed = place.orchestra(["list"]).env("COLUMNS", columns);
        listed.run().expect(0).stdout
    };
    assert_snapshot!(at("40"), @r#"
    <run>  passed       <time>  hello
    <run>  failed       <time>  failing
    "#);
    assert_snapshot!(at("28"), @r#"
    <run>  passed       hello
    <run>  failed       failing
    "#);
}

#[test]
fn colors_only_where_they_are_wanted() {
    let place = two();
    let listed = |color: &str| place.orchestra(["list", "--color", color]);
    let colored = listed("always").run().expect(0).stdout;
    assert!(colored.contains("\u{1b}["), "{colored:?}");
    let auto = place
        .orchestra(["list"])
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "1");
    assert!(!auto.run().expect(0).stdout.contains('\u{1b}'));
}

/// Directories that a crash, a copy or a person left half.
#[test]
fn what_is_half_is_called_so() {
    let place = Place::new();
    let cut = place.past("cut", "exit 0", 0);
    place.interrupt(&cut, 3);
    let paused = place.past("held", "exit 0", 0);
    place.interrupt(&paused, 3);
    let journal = paused.join("events.jsonl");
    let mut text = fs_err::read_to_string(&journal).unwrap();
    text.push_str(r#"{"seq":4,"ts":"2026-01-01T00:00:00Z","type":"run.paused","cause":"x"}"#);
    fs_err::write(&journal, text + "\n").unwrap();
    let gone = place.past("gone", "exit 0", 0);
    fs_err::remove_file(gone.join("events.jsonl")).unwrap();
    let garbage = place.past("garbage", "exit 0", 0);
    fs_err::write(garbage.join("events.jsonl"), "x\n".repeat(9000)).unwrap();
    let runs = place.work().join("runs");
    fs_err::create_dir(runs.join("20261120T0751Z-shell-4be1c07a")).unwrap();
    fs_err::write(runs.join("20261120T0751Z-file-4be1c07b"), "x").unwrap();
    fs_err::create_dir(runs.join("notes")).unwrap();
    std::os::unix::fs::symlink("nowhere", runs.join("20261120T0751Z-link-4be1c07c")).unwrap();
    let object = place.orchestra(["list", "--json"]).run().expect(0).json();
    let mut states: Vec<String> = object["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| format!("{}: {}", run["scenario"], run["status"]).replace('"', ""))
        .collect();
    states.sort();
    let expected = [
        "cut: interrupted",
        "garbage: damaged",
        "gone: damaged",
        "held: paused",
        "link: damaged",
        "shell: damaged",
    ];
    assert_eq!(states, expected);
}
