//! Secrets of an attempt: in its environment, and in nothing that is left of it.

use std::sync::Arc;
use std::time::Duration;

use l3_worker::Stop;
use l3_worker::secrets::{Guard, Secret, SecretError, SecretStore, Why};
use protocol::message::TaskMessage;
use protocol::outcome::FailureClass;
use protocol::plan::OutputType;
use protocol::policy::SandboxLevel;

use super::support::bench::{Bench, artifacts, failed, message, sh};

const VALUE: &str = "p4ss \"word\"/ö&'1";
/// The same in the forms a shell can easily make.
const PRINT: &str = r#"
    printf '%s\n' "$TOKEN"
    printf %s "$TOKEN" | base64
    printf 'x%s' "$TOKEN" | base64
    printf 'xx%s-' "$TOKEN" | base64 | tr '+/' '-_'
    printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
    printf %s "$TOKEN" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; echo
    printf %s "$TOKEN" | sed 's/["\/]/\\&/g'; echo
"#;

struct Fixed;

impl SecretStore for Fixed {
    fn get(&self, name: &str, _stop: &Stop, _within: Duration) -> Result<Arc<Secret>, SecretError> {
        let error = |why| SecretError {
            name: name.to_owned(),
            why,
        };
        match name {
            "TOKEN" => Secret::new(VALUE.as_bytes()).map(Arc::new).map_err(error),
            _ => Err(error(Why::Unset(name.to_owned()))),
        }
    }
}

fn bench() -> Bench {
    Bench::guarded(Guard::new(Fixed))
}

fn granted(script: &str) -> TaskMessage {
    let mut task = sh(script);
    task.secrets = vec!["TOKEN".to_owned()];
    task
}

/// What must be nowhere: a piece of each form.
const PIECES: &[&str] = &[
    VALUE,
    "p4ss",
    "cDRzcyAid29",
    "NHNzICJ3b3",
    "0c3MgIndvc",
    "7034737320",
    "%70%34%73",
    "p4ss \\\"",
];

fn assert_untold(bench: &Bench) {
    let seen = String::from_utf8_lossy(&bench.seen.lock().unwrap()).into_owned();
    let files = bench.tree("").into_iter().filter_map(|path| {
        let bytes = fs_err::read(bench.path(&path)).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    });
    for (place, text) in files.chain([("live output".to_owned(), seen)]) {
        for piece in PIECES {
            assert!(!text.contains(piece), "{piece} in {place}: {text}");
            assert!(!place.contains(piece), "{place}");
        }
    }
}

#[test]
fn a_granted_secret_is_in_the_environment_and_in_no_output() {
    for level in SandboxLevel::ALL {
        let bench = bench();
        let script = format!(
            "test \"$TOKEN\" = 'p4ss \"word\"/ö&'\\''1' || exit 9; set -x; {PRINT} {{ {PRINT} }} >&2; exit 3"
        );
        let mut task = granted(&script);
        task.constraints.level = *level;
        let result = bench.run(&task);
        assert_eq!(result.end.exit, Some(3), "{level} {result:?}");
        let tail = result.end.tail.clone().unwrap();
        assert!(tail.contains("***"), "{tail}");
        let told = format!("{result:?}");
        assert!(!PIECES.iter().any(|piece| told.contains(piece)), "{told}");
        let out = String::from_utf8(bench.log("out")).unwrap();
        assert_eq!(out.matches("***").count(), 7, "{out}");
        assert_untold(&bench);
    }
}

#[test]
fn what_a_task_was_denied_is_told_without_secrets() {
    for level in [SandboxLevel::Strict, SandboxLevel::Landlock] {
        let bench = bench();
        let mut task = granted("echo x > \"/etc/$TOKEN\"");
        task.constraints.level = level;
        let result = bench.run(&task);
        let targets: Vec<&str> = result.end.denied.iter().map(|one| &*one.target).collect();
        assert_eq!(targets, ["/etc/***"], "{level} {result:?}");
        assert_untold(&bench);
    }
}

#[test]
fn a_value_known_from_another_task_is_hidden_too_and_not_granted() {
    let bench = bench();
    assert!(bench.run(&granted("true")).end.failure.is_none());
    let result = bench.run(&sh(
        "echo \"${TOKEN-none}\"; printf 'p4ss \"word\"/ö&'; printf \"'1\"",
    ));
    assert!(result.end.failure.is_none());
    assert_eq!(bench.log("out"), b"none\n***");
    assert_untold(&bench);
}

#[test]
fn what_is_held_back_at_the_end_is_shown_live() {
    let bench = bench();
    bench.run(&granted("printf 'ends p4s'"));
    assert!(bench.has_seen("ends p4s"));
    assert_eq!(bench.log("out"), b"ends p4s");
}

#[test]
fn a_secret_that_cannot_be_had_stops_the_attempt_before_it_starts() {
    let bench = bench();
    let mut task = granted("touch \"$ORCHESTRA_OUTPUT\"");
    task.secrets.push("ABSENT".to_owned());
    let result = bench.run(&task);
    assert_eq!(failed(&result), (FailureClass::InputMissing, None));
    let wanted =
        "secret `ABSENT`: the variable `ABSENT` is not set where orchestra runs; export it";
    assert_eq!(message(&result), wanted);
    assert_eq!(result.end.exit, None);
}

#[test]
fn a_secret_in_an_output_fails_the_attempt() {
    for write in [
        "echo \"text=$TOKEN\"",
        "printf 'text=%s' \"$(printf %s \"$TOKEN\" | base64)\"",
    ] {
        let bench = bench();
        let mut task = granted(&format!("{write} >> \"$ORCHESTRA_OUTPUT\""));
        task.outputs = [("text".to_owned(), OutputType::String)].into();
        let result = bench.run(&task);
        assert_eq!(failed(&result), (FailureClass::InvalidOutput, None));
        let wanted =
            "output `text` holds a secret; secrets go to programs through the environment only";
        assert_eq!(message(&result), wanted);
        assert!(result.outputs.is_empty());
        assert_untold(&bench);
    }
}

#[test]
fn a_secret_in_an_artifact_or_in_its_name_fails_the_attempt() {
    let scripts = [
        // Across the chunks in which a file is copied.
        "mkdir o; { head -c 131068 /dev/zero; printf %s \"$TOKEN\"; } > o/f; echo fine > o/a",
        "mkdir o; printf %s \"$TOKEN\" | base64 -w 0 > o/f",
        "mkdir o; touch \"o/$(printf %s \"$TOKEN\" | base64 | tr '/+' '_-')\"",
        "mkdir -p \"o/$TOKEN/x\"; echo fine > o/a",
    ];
    for script in scripts {
        let bench = bench();
        let result = bench.run(&artifacts(granted(script), [("made", "o/")]));
        assert_eq!(
            failed(&result),
            (FailureClass::PolicyDenied, None),
            "{script}"
        );
        let wanted = "artifact `made` holds a secret, in a file or in the name of one";
        assert_eq!(message(&result), wanted);
        assert!(result.artifacts.is_empty());
        let left: [&str; 0] = [];
        assert_eq!(bench.tree("artifacts"), left);
        assert_untold(&bench);
    }
    let bench = bench();
    let result = bench.run(&artifacts(granted("echo fine > f"), [("made", "f")]));
    assert_eq!(result.artifacts.len(), 1);
}

#[test]
fn a_task_does_not_replace_the_marks_of_its_run_by_a_secret() {
    struct Marks;
    impl SecretStore for Marks {
        fn get(
            &self,
            _name: &str,
            _stop: &Stop,
            _within: Duration,
        ) -> Result<Arc<Secret>, SecretError> {
            Ok(Arc::new(Secret::new(b"forged-run-id").unwrap()))
        }
    }
    let bench = Bench::guarded(Guard::new(Marks));
    let mut task = sh("test \"$ORCHESTRA_TASK\" = t");
    task.secrets = vec!["ORCHESTRA_TASK".to_owned()];
    assert!(bench.run(&task).end.failure.is_none());
}
