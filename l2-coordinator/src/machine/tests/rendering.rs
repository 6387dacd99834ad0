//! From plan to message: values in, and the task failed where one is missing.

use protocol::message::{FileSource, TaskMessage, TaskOutcome};
use protocol::plan::OutputType;
use serde_json::{Map, json};

use crate::testing::{TestEnv, artifact, config, ended, plan_of, task};

/// Runs `a` with an output and an artifact, then gives back what is published for `b`.
fn after_a(b: crate::testing::Tasks) -> (TestEnv, Vec<String>) {
    let a = task("a")
        .output("n", OutputType::Int)
        .output("s", OutputType::String)
        .output("m", OutputType::Int)
        .artifact("x", "out/x")
        .artifact("y", "out/y")
        .artifact("d", "out/d/");
    let mut env = TestEnv::new(config(), plan_of([a, b.needs(["a"])]));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::from_iter([
            ("n".to_owned(), json!(7)),
            ("s".to_owned(), json!("with\0nul")),
        ]),
        artifacts: vec![artifact("x", "artifacts/a/out/x"), directory()],
    };
    let seen = env.result(&token, "w1", outcome);
    let lines = seen.lines()[2..].to_vec();
    (env, lines)
}

/// A directory of two files, as the worker seals it: beneath the path it was declared with.
fn directory() -> protocol::artifact::Artifact {
    let mut directory = artifact("d", "artifacts/a/out/d/one");
    directory.directory = true;
    directory
        .files
        .extend(artifact("d", "artifacts/a/out/d/two").files);
    directory
}

fn message(b: crate::testing::Tasks) -> TaskMessage {
    let (env, lines) = after_a(b);
    assert_eq!(
        lines,
        ["> ack once synced", "> publish b 1-2 once 7 is synced"]
    );
    env.published["b"].clone()
}

#[test]
fn values_go_into_arguments_and_environment() {
    let b = task("b")
        .command(&["echo", "${{ tasks.a.outputs.n }}", "n=${{ inputs.n }}!"])
        .env("WHERE", "${{ tasks.a.artifacts.x.name }}");
    let message = message(b);
    assert_eq!(message.argv, ["echo", "7", "n=3!"]);
    assert_eq!(message.env["WHERE"], "x");
}

#[test]
fn a_script_is_never_a_template() {
    let mut b = task("b");
    b.0.run = Some("echo ${X}".into());
    b.0.shell = Some("bash".into());
    assert_eq!(message(b).argv, ["bash", "-c", "echo ${X}"]);
}

#[test]
fn files_name_digests_and_inputs() {
    let b = task("b")
        .file("in/x", "${{ tasks.a.artifacts.x }}")
        .file("in/p", "${{ inputs.path }}");
    let message = message(b);
    let FileSource::Artifact {
        files,
        directory,
        strip,
    } = &message.files[1].source
    else {
        panic!("{:?}", message.files)
    };
    assert_eq!(files[0].path, "artifacts/a/out/x");
    assert_eq!((*directory, strip.as_str()), (false, "artifacts/a/out/x"));
    let local = FileSource::Local { path: "/in".into() };
    assert_eq!(message.files[0].source, local);
}

/// What a consumer sees of a directory begins below the directory, wherever it was declared.
#[test]
fn a_directory_is_staged_without_the_path_it_was_declared_with() {
    let message = message(task("b").file("in/", "${{ tasks.a.artifacts.d }}"));
    let FileSource::Artifact {
        files,
        directory,
        strip,
    } = &message.files[0].source
    else {
        panic!("{:?}", message.files)
    };
    assert_eq!((*directory, strip.as_str()), (true, "artifacts/a/out/d"));
    let beneath = |path: &str| path.strip_prefix(strip).unwrap().to_owned();
    let seen: Vec<_> = files.iter().map(|file| beneath(&file.path)).collect();
    assert_eq!(seen, ["/one", "/two"]);
}

#[test]
fn every_delivery_of_a_task_has_the_same_span() {
    let one = message(task("b"));
    let two = message(task("b"));
    assert_eq!(one.traceparent, two.traceparent);
    let parts: Vec<_> = one.traceparent.split('-').collect();
    assert_eq!(parts[0], "00");
    assert_eq!(parts[1], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((parts[2].len(), parts[3]), (16, "01"));
}

/// What is said about `b` when a value is missing.
fn refused(b: crate::testing::Tasks) -> String {
    let (env, lines) = after_a(b);
    env.check_fold();
    assert_eq!(lines[1], "run.finished failed 1", "{lines:?}");
    assert_eq!(lines.len(), 4, "nothing is published: {lines:?}");
    lines[0]
        .strip_prefix("task.failed b after 0 input_missing: ")
        .expect("the class of missing values")
        .to_owned()
}

#[test]
fn a_value_that_is_not_there_fails_the_task() {
    let words = refused(task("b").command(&["echo", "${{ tasks.a.outputs.m }}"]));
    assert!(words.starts_with("`command` word 1: "), "{words}");
    let env = refused(task("b").env("M", "${{ tasks.a.outputs.m }}"));
    assert!(env.starts_with("`env` M: "), "{env}");
    let file = refused(task("b").file("in", "${{ tasks.a.artifacts.y }}"));
    assert_eq!(file, "`files` in: task `a` left no artifact `y`");
    let not_a_path = refused(task("b").file("in", "${{ inputs.n }}"));
    assert_eq!(not_a_path, "`files` in: input `n` is not a path");
}

#[test]
fn a_value_with_a_nul_never_reaches_a_process() {
    let words = refused(task("b").command(&["echo", "${{ tasks.a.outputs.s }}"]));
    assert_eq!(words, "`command` word 1: the value contains a NUL");
    let env = refused(task("b").env("S", "${{ tasks.a.outputs.s }}"));
    assert_eq!(env, "`env` S: the value contains a NUL");
}

#[test]
fn a_message_too_large_for_the_bus_fails_the_task() {
    let much = "x".repeat(100_000);
    let words = refused(task("b").env("A", &much).env("B", &much).env("C", &much));
    assert!(
        words.ends_with("more than 262144; pass big values as files"),
        "{words}"
    );
}

#[test]
fn a_tasks_own_timeout_replaces_the_default() {
    let mut b = task("b");
    b.0.timeout.wall_ms = Some(5_000);
    let message = message(b);
    assert_eq!(message.constraints.timeout.wall_ms, Some(5_000));
    assert_eq!(message.constraints.timeout.idle_ms, None);
}

#[test]
fn secrets_go_by_name_and_only_where_they_are_granted() {
    let b = message(task("b").secrets(["Z", "A"]));
    assert_eq!(b.secrets, ["A", "Z"]);
    assert!(b.env.is_empty(), "no value of theirs travels: {:?}", b.env);
    let without = serde_json::to_value(message(task("b"))).unwrap();
    assert_eq!(without.get("secrets"), None);
}
