//! Secrets from end to end: granted to tasks, and afterwards in no byte that is kept or shown.

mod forms;

use std::path::Path;

use crate::support::{Outcome, Place};

/// With what quoting and encoding change.
const FROM_ENV: &str = "env p4ss/\"wörd\"&'1?";
/// Lines, as in a key.
const FROM_FILE: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF+/==\n  9w0second-line?of it~\n-----END KEY-----";
/// Holds another one.
const FROM_COMMAND: &str = "command:env p4ss/\"wörd\"&'1?:\u{1f600}/tail";

const SCENARIO: &str = r#"version: 1
name: told
secrets:
  FROM_ENV: { from: env, name: GIVEN }
  FROM_FILE: { from: file, path: ~/key }
  FROM_COMMAND: { from: command, argv: [cat, ../home/command] }
tasks:
  uses:
    secrets: [FROM_ENV, FROM_FILE, FROM_COMMAND]
    run: |
      env | grep -c FROM_ > count
      printf '%s\n--\n%s\n--\n%s' "$FROM_ENV" "$FROM_FILE" "$FROM_COMMAND" | cksum > sum
    artifacts: { count: count, sum: sum }
  prints:
    needs: [uses]
    secrets: [FROM_ENV, FROM_FILE, FROM_COMMAND]
    workspace: project
    run: |
      cat forms
      cat forms >&2
      set -x
      : "$FROM_ENV" "$FROM_FILE" "$FROM_COMMAND"
      printf 'user:%s' "$FROM_FILE" | base64
      printf 'user:%s' "$FROM_FILE" | base64 | tr '+/' '-_' >&2
      exit 3
  ungranted:
    needs: [uses]
    workspace: project
    run: |
      cat forms
      test -z "$FROM_ENV$FROM_FILE$FROM_COMMAND"
  tells:
    needs: [uses]
    secrets: [FROM_COMMAND]
    run: printf 'value<<END\nx%s\nEND\n' "$FROM_COMMAND" >> "$ORCHESTRA_OUTPUT"
    outputs: { value: string }
  encodes:
    needs: [uses]
    secrets: [FROM_FILE]
    run: printf 'value=%s' "$(printf '{"key":"%s"}' "$FROM_FILE" | base64 -w 0)" >> "$ORCHESTRA_OUTPUT"
    outputs: { value: string }
  mistypes:
    needs: [uses]
    secrets: [FROM_ENV]
    run: printf 'value=%s\n%s=1\n%s' "$FROM_ENV" "$FROM_ENV" "$FROM_ENV" >> "$ORCHESTRA_OUTPUT"
    outputs: { value: int }
  writes:
    needs: [uses]
    secrets: [FROM_ENV]
    run: mkdir out && echo fine > out/fine && printf %s "$FROM_ENV" | base64 > out/file
    artifacts: { out: out/ }
  names:
    needs: [uses]
    secrets: [FROM_FILE]
    run: mkdir out && touch "out/$(printf %s "$FROM_FILE" | tail -n 2 | head -n 1)"
    artifacts: { out: out/ }
  missing:
    needs: [uses]
    secrets: [FROM_ENV]
    run: exec "./$FROM_ENV"
"#;

/// A pack that grants every secret there is, from wherever it comes.
const TRUSTING: &str = "\
version: 1
pack: trusting
use: default
secrets: { allow: ['*'], sources: [env, file, command] }
";

fn place() -> Place {
    let place = Place::with("told.yaml", SCENARIO);
    fs_err::write(place.dir("home").join("key"), format!("{FROM_FILE}\n")).unwrap();
    fs_err::write(place.dir("home").join("command"), FROM_COMMAND).unwrap();
    place.write("forms", all_forms().join("\n\n"));
    place.write("../config/orchestra/policies/trusting.yaml", TRUSTING);
    place
}

fn all_forms() -> Vec<String> {
    let values = [FROM_ENV, FROM_FILE, FROM_COMMAND];
    let mut all: Vec<String> = values.into_iter().flat_map(forms::of).collect();
    // What two values share is found once.
    all.sort();
    all.dedup();
    all
}

fn run(place: &Place, more: &[&str]) -> Outcome {
    let policy = ["--policy", "trusting"];
    let arguments = [&["run", "told.yaml", "--sandbox", "none"], &policy[..]].concat();
    let command = place.orchestra([&arguments, more].concat());
    command.env("GIVEN", FROM_ENV).unredacted().run()
}

/// Names and contents of all there is beneath a directory.
fn everything(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs_err::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            into.push((name, Vec::new()));
            everything(&path, into);
        } else {
            into.push((name, fs_err::read(&path).unwrap()));
        }
    }
}

/// Where the forms are found: of which, and in what.
fn found<'f>(forms: &'f [String], outcomes: &[&Outcome], dir: &Path) -> Vec<(&'f str, String)> {
    let mut texts = Vec::new();
    everything(dir, &mut texts);
    for outcome in outcomes {
        texts.push(("stdout".to_owned(), outcome.stdout.clone().into()));
        texts.push(("stderr".to_owned(), outcome.stderr.clone().into()));
    }
    let mut found = Vec::new();
    for (name, bytes) in &texts {
        let text = String::from_utf8_lossy(bytes);
        let inside = |form: &&String| text.contains(*form) || name.contains(*form);
        found.extend(
            forms
                .iter()
                .filter(inside)
                .map(|form| (form.as_str(), name.clone())),
        );
    }
    found
}

#[test]
fn no_byte_of_a_run_holds_a_secret_in_any_form() {
    let place = place();
    let lines = run(&place, &["-vv", "--log-level", "trace"]).expect(1);
    let dir = place.run_dir();
    let id = dir
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .rsplit_once('-')
        .unwrap()
        .1
        .to_owned();
    let verb = |words: &[&str]| place.orchestra(words).unredacted().run();
    let looks = [
        verb(&["report", &id]),
        verb(&["report", &id, "--format", "html"]),
        verb(&["show", &id, "-o", "json"]),
        verb(&["logs", &id]),
        verb(&["explain", &id, "prints"]),
        verb(&["verify", &id]).expect(0),
    ];
    let mut outcomes = vec![&lines];
    outcomes.extend(&looks);
    let forms = all_forms();
    assert_eq!(found(&forms, &outcomes, &dir), []);
    let second = run(&place, &["--runs-dir", "second", "-o", "jsonl"]).expect(1);
    assert_eq!(found(&forms, &[&second], &place.work().join("second")), []);

    // It was there: used, counted and hidden.
    let sum = std::process::Command::new("sh")
        .args([
            "-c",
            "printf '%s\n--\n%s\n--\n%s' \"$0\" \"$1\" \"$2\" | cksum",
        ])
        .args([FROM_ENV, FROM_FILE, FROM_COMMAND])
        .output()
        .unwrap();
    assert_eq!(place.run_file("artifacts/uses/sum").as_bytes(), sum.stdout);
    assert_eq!(place.run_file("artifacts/uses/count"), "3\n");
    for log in [
        "logs/prints.1.out",
        "logs/prints.1.err",
        "logs/ungranted.1.out",
    ] {
        let hidden = place.run_file(log).matches("***").count();
        assert!(
            hidden >= forms.len() - 10,
            "{hidden} of {} in {log}",
            forms.len()
        );
    }
    assert!(lines.stderr.contains("***"), "{}", lines.stderr);
}

#[test]
fn what_tells_a_secret_fails_and_says_which() {
    let place = place();
    run(&place, &[]).expect(1);
    let events = place.run_file("events.jsonl");
    let failure = |task: &str| {
        let events = events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut of_task = events.filter(|event: &serde_json::Value| {
            event["type"] == "attempt.finished" && event["task"] == task
        });
        let event = of_task.next().unwrap();
        let text = |key: &str| {
            event
                .pointer(key)
                .and_then(|v| v.as_str())
                .map(str::to_owned)
        };
        [text("/end/failure/class"), text("/end/failure/message")].map(Option::unwrap_or_default)
    };
    let output =
        "output `value` holds a secret; secrets go to programs through the environment only";
    for task in ["tells", "encodes", "mistypes"] {
        assert_eq!(failure(task), ["invalid_output", output], "{task}");
    }
    let artifact = "artifact `out` holds a secret, in a file or in the name of one";
    for task in ["writes", "names"] {
        assert_eq!(failure(task), ["policy_denied", artifact], "{task}");
        assert!(!place.run_dir().join("artifacts").join(task).exists());
    }
    assert_eq!(failure("prints"), ["tool_failed", "exit 3"]);
    assert_eq!(failure("uses"), ["", ""]);
    assert_eq!(failure("ungranted"), ["", ""]);
}

#[test]
fn the_search_finds_what_is_not_declared_a_secret() {
    let place = place();
    let text = "version: 1\nname: open\ntasks:\n  prints: { run: cat forms, workspace: project }\n";
    place.write("told.yaml", text);
    let outcome = run(&place, &["-v"]).expect(0);
    let forms = all_forms();
    let found = found(&forms, &[&outcome], &place.run_dir());
    let in_log = found
        .iter()
        .filter(|(_, place)| place.ends_with("prints.1.out"));
    assert_eq!(in_log.count(), forms.len());
}

#[test]
fn a_secret_that_cannot_be_had_has_its_name_and_a_remedy() {
    let place = place();
    fs_err::remove_file(place.dir("home").join("key")).unwrap();
    let scenario = "version: 1
name: told
secrets:
  FROM_ENV: { from: env }
  FROM_FILE: { from: file, path: ~/key }
  SHORT: { from: command, argv: [echo, 1234567] }
tasks:
  variable: { run: 'true', secrets: [FROM_ENV] }
  file: { run: 'true', secrets: [FROM_FILE] }
  short: { run: 'true', secrets: [SHORT] }
  other: { run: 'true' }
";
    place.write("told.yaml", scenario);
    let outcome = run(&place, &[]).expect(1);
    for said in [
        "FAIL file   attempt 1 of 1   input_missing
         secret `FROM_FILE`: `~/key` cannot be read: No such file or directory (os error 2)",
        "FAIL short   attempt 1 of 1   input_missing
         secret `SHORT`: has fewer than 8 bytes, too few to be found in output; use a longer one",
        "FAIL variable   attempt 1 of 1   input_missing
         secret `FROM_ENV`: the variable `FROM_ENV` is not set where orchestra runs; export it",
        "1 passed · 3 failed",
    ] {
        assert!(
            outcome.stderr.contains(said),
            "{said} in {}",
            outcome.stderr
        );
    }
    assert!(!outcome.stderr.contains("1234567"), "{}", outcome.stderr);
}

#[test]
fn a_key_to_nothing_is_not_read_by_looking_ahead() {
    let place = place();
    let secrets = "secrets: { TOKEN: { from: command, argv: [touch, ran] } }";
    let tasks = "tasks:\n  a: { run: 'true', secrets: [TOKEN] }\n";
    place.write(
        "told.yaml",
        format!("version: 1\nname: told\n{secrets}\n{tasks}"),
    );
    place.orchestra(["validate", "told.yaml"]).run().expect(0);
    run(&place, &["--dry-run"]);
    run(&place, &["--plan-only"]);
    assert!(!place.work().join("ran").exists());
    run(&place, &[]).expect(1);
    assert!(place.work().join("ran").exists());
}
