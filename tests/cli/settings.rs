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

#[test]
fn files_that_are_no_settings_name_the_reason() {
    let wrong = |user: &str, project: &str| {
        let place = place(user, project);
        let error = place.orchestra(["list"]).run().expect(3).stderr;
        let (before, after) = error.split_once(place.dir("").to_str().unwrap()).unwrap();
        format!("{before}{after}")
    };
    assert_snapshot!(wrong("max_paralel: 2\n", ""), @"error[settings-invalid]: config/orchestra/config.yaml is no settings file: line 1 column 1: unknown field `max_paralel`, expected one of runs_dir, max_parallel, color, progress, log_level");
    assert_snapshot!(wrong("max_parallel: 0\n", ""), @"error[settings-invalid]: config/orchestra/config.yaml has `max_parallel: 0`; it is between 1 and 4096");
    assert_snapshot!(wrong("color: blue\n", ""), @"error[settings-invalid]: config/orchestra/config.yaml has `color: blue`; it is one of auto, always, never");
    assert_snapshot!(wrong("", "runs_dir: /tmp\n"), @"error[settings-invalid]: work/orchestra.yaml is no settings file: line 1 column 1: unknown field `runs_dir`, expected one of max_parallel, color, progress, log_level");
    assert_snapshot!(wrong("", "[1, 2"), @"error[settings-invalid]: work/orchestra.yaml is no settings file: line 1 column 1: unclosed bracket '['");
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
