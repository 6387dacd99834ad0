//! Settings: defaults < user < project < environment < flags, each value with its origin.

use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::run::HELLO;
use crate::support::Place;

/// Origin and value of a setting of the only run.
fn recorded(place: &Place, name: &str) -> (String, Value) {
    let record: Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    let setting = &record["settings"][name];
    let origin = setting["origin"].as_str().unwrap();
    let origin = origin.rsplit('/').next().unwrap();
    (origin.to_owned(), setting["value"].clone())
}

/// User's file, project's file, flags, variable; then origin and value.
type Case<'a> = (
    &'a str,
    &'a str,
    &'a [&'a str],
    Option<&'a str>,
    (&'a str, u32),
);

fn place(user: &str, project: &str) -> Place {
    let place = Place::with("hello.yaml", HELLO);
    place.write("../config/orchestra/config.yaml", user);
    place.write("orchestra.yaml", project);
    place
}

#[test]
fn each_layer_is_over_the_one_before() {
    let user = "max_parallel: 3\nlog_level: error\n";
    let cases: [Case<'_>; 5] = [
        (user, "", &[], None, ("config.yaml", 3)),
        (user, "max_parallel: 2\n", &[], None, ("orchestra.yaml", 2)),
        // A project's file only tightens.
        (user, "max_parallel: 9\n", &[], None, ("config.yaml", 3)),
        (
            user,
            "max_parallel: 2\n",
            &[],
            Some("5"),
            ("environment ORCHESTRA_MAX_PARALLEL", 5),
        ),
        (
            user,
            "",
            &["--max-parallel", "7"],
            Some("5"),
            ("flag --max-parallel", 7),
        ),
    ];
    for (user, project, flags, variable, (origin, value)) in cases {
        let place = place(user, project);
        let mut command = place.orchestra(["run", "hello.yaml"].iter().chain(flags));
        if let Some(variable) = variable {
            command = command.env("ORCHESTRA_MAX_PARALLEL", variable);
        }
        command.run().expect(0);
        let expected = (origin.to_owned(), Value::from(value));
        assert_eq!(
            recorded(&place, "max_parallel"),
            expected,
            "{project:?} {flags:?}"
        );
        assert_eq!(
            recorded(&place, "log_level"),
            ("config.yaml".into(), "error".into())
        );
    }
}

#[test]
fn the_user_chooses_where_runs_are() {
    let place = place(
        "runs_dir: elsewhere\nprogress: none\ncolor: always\n",
        "# nothing\n",
    );
    let outcome = place.orchestra(["run", "hello.yaml"]).run().expect(0);
    assert_eq!(outcome.stdout, "elsewhere/<run-dir>\n");
    assert!(!outcome.stderr.contains("(1/1)"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    place.orchestra(["verify", "@last"]).run().expect(0);
}

/// What is said when these are the files, by paths from the place's own folder.
fn refused(place: &Place) -> String {
    let error = place.orchestra(["list"]).run().expect(3).stderr;
    error.replace(place.dir("").to_str().unwrap(), "")
}

#[test]
fn every_problem_of_a_file_is_told_at_its_place() {
    let text = "max_paralel: 2\nmax_parallel: 0\ncolor: blue\nlog_level: [debug]\nzzz: 1\n";
    assert_snapshot!(refused(&place(text, "")), @r#"
    error[unknown-key]: there is no setting `max_paralel`
     --> config/orchestra/config.yaml:1:1
      |
    1 | max_paralel: 2
      | ^^^^^^^^^^^
    help: did you mean `max_parallel`?

    error[invalid-value]: `max_parallel` cannot be `0`
     --> config/orchestra/config.yaml:2:15
      |
    2 | max_parallel: 0
      |               ^
    help: it is a number from 1 to 4096, or `auto`

    error[invalid-value]: `color` cannot be `blue`
     --> config/orchestra/config.yaml:3:8
      |
    3 | color: blue
      |        ^^^^
    help: it is one of `auto`, `always`, `never`

    error[wrong-type]: `log_level` holds a list or a map
     --> config/orchestra/config.yaml:4:12
      |
    4 | log_level: [debug]
      |            ^
    help: it is one of `off`, `error`, `warn`, `info`, `debug`, `trace`

    error[unknown-key]: there is no setting `zzz`
     --> config/orchestra/config.yaml:5:1
      |
    5 | zzz: 1
      | ^^^
    help: `orchestra config default` lists what there is

    error: 5 problems in config/orchestra/config.yaml; nothing was run
    "#);
    assert_snapshot!(refused(&place("", "[1, 2")), @r#"
    error[yaml-syntax]: unclosed bracket '['
     --> work/orchestra.yaml:1:1
      |
    1 | [1, 2
      | ^

    error: 1 problem in work/orchestra.yaml; nothing was run
    "#);
    assert_snapshot!(refused(&place("color: auto\ncolor: never\n", "")), @r#"
    error[duplicate-key]: `color` is there twice
     --> config/orchestra/config.yaml:2:1
      |
    2 | color: never
      | ^^^^^
    help: keep one of them

    error: 1 problem in config/orchestra/config.yaml; nothing was run
    "#);
}

#[test]
fn a_project_may_not_widen() {
    let place = place("", "color: never\nruns_dir: /tmp\nfail_fast: false\n");
    assert_snapshot!(refused(&place), @r#"
    error[untrusted-setting]: a project may not set `runs_dir: /tmp` unless you trust it
     --> work/orchestra.yaml:2:1
      |
    2 | runs_dir: /tmp
      | ^^^^^^^^
    help: read the file, then accept it with `orchestra trust work`

    error[untrusted-setting]: a project may not set `fail_fast: false` unless you trust it
     --> work/orchestra.yaml:3:1
      |
    3 | fail_fast: false
      | ^^^^^^^^^
    help: read the file, then accept it with `orchestra trust work`

    error: 2 problems in work/orchestra.yaml; nothing was run
    "#);
    // What helps to understand it goes on.
    for args in [
        ["doctor", "--quick"],
        ["config", "path"],
        ["config", "default"],
    ] {
        let outcome = place.orchestra(args).run();
        assert!([0, 7].contains(&outcome.code), "{}", outcome.render());
    }
}

#[test]
fn a_pipe_in_the_place_of_a_project_file_is_not_waited_for() {
    let place = Place::with("hello.yaml", HELLO);
    let pipe = place.work().join("orchestra.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = place.orchestra(["list"]).run().expect(3).stderr;
    assert!(error.contains("no regular file"), "{error}");
}

#[test]
fn a_project_file_holds_in_its_subfolders_up_to_the_repository() {
    let place = place("", "max_parallel: 1\n");
    place.write("deep/er/x.yaml", HELLO);
    let origin = |place: &Place| {
        let shown = place.orchestra(["config", "--json"]);
        let shown = shown.in_folder("deep/er").run().expect(0).json();
        shown["settings"][1]["origin"].as_str().unwrap().to_owned()
    };
    assert!(
        origin(&place).ends_with("/orchestra.yaml"),
        "{}",
        origin(&place)
    );
    fs_err::create_dir(place.work().join("deep/.git")).unwrap();
    assert_eq!(origin(&place), "default");
}

#[test]
fn a_variable_that_says_no_is_over_a_file_that_says_yes() {
    let place = place("fail_fast: true\n", "");
    let run = |variable: Option<&str>| {
        let mut command = place.orchestra(["run", "hello.yaml", "--runs-dir", "r"]);
        if let Some(variable) = variable {
            command = command.env("ORCHESTRA_FAIL_FAST", variable);
        }
        command.run().expect(0);
        let dir = fs_err::read_dir(place.work().join("r"))
            .unwrap()
            .next()
            .unwrap();
        let dir = dir.unwrap().path();
        let record = fs_err::read_to_string(dir.join("run.json")).unwrap();
        fs_err::remove_dir_all(dir).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        record["settings"]["fail_fast"]["value"].clone()
    };
    assert_eq!(run(None), true);
    assert_eq!(run(Some("no")), false);
}

#[test]
fn a_scenario_may_be_called_orchestra_yaml() {
    let place = Place::with("orchestra.yaml", HELLO);
    place.orchestra(["run", "orchestra.yaml"]).run().expect(0);
    place.orchestra(["list"]).run().expect(0);
}

#[test]
fn the_log_is_as_detailed_as_asked() {
    let place = Place::with("hello.yaml", HELLO);
    place
        .orchestra(["run", "hello.yaml", "--log-level", "trace"])
        .run()
        .expect(0);
    let log = place.run_file("log.jsonl");
    assert!(log.contains("\"message\":\"task.done\""), "{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(
            entry["level"].is_string() && entry["timestamp"].is_string(),
            "{line}"
        );
    }
    let usual = Place::with("hello.yaml", HELLO);
    usual.orchestra(["run", "hello.yaml"]).run().expect(0);
    let log = usual.run_file("log.jsonl");
    assert!(
        log.contains("\"message\":\"driving\"") && !log.contains("task.done"),
        "{log}"
    );
    let silent = Place::with("hello.yaml", HELLO);
    silent
        .orchestra(["run", "hello.yaml", "--log-level", "off"])
        .run()
        .expect(0);
    assert_eq!(silent.run_file("log.jsonl"), "");
}
