//! `orchestra run`: what a person sees, what a script reads, what is left behind.

use insta::assert_snapshot;

use crate::support::Place;

pub const HELLO: &str = "\
version: 1
name: hello
inputs:
  name: { type: string, default: world }
tasks:
  greet:
    env: { NAME: \"${{ inputs.name }}\" }
    run: echo \"hello, $NAME\" | tee greeting.txt
    artifacts: { greeting: greeting.txt }
";

pub const FAILING: &str = "\
version: 1
name: failing
tasks:
  prepare:
    run: echo ready
  build:
    needs: [prepare]
    run: |
      echo compiling
      echo 'main.c:3: error: expected ;' >&2
      exit 3
    retry: { max: 1, delay: 10ms }
  test:
    needs: [build]
    run: echo never
  publish:
    needs: [test]
    run: echo never
";

#[test]
fn success() {
    let place = Place::with("hello.yaml", HELLO);
    assert_snapshot!(place.orchestra(["run", "hello.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> hello   plan <digest>   runs/<run-dir>
    Plan: 1 task · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/1) greet
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   1 passed
        no sandbox: tasks ran with your user's rights
        greeting   runs/<run-dir>/artifacts/greet/greeting.txt   13 B
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "#);
    let name = place.run_dir();
    let mut files: Vec<_> = fs_err::read_dir(&name)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_snapshot!(files.join(" "), @"artifacts artifacts.json events.jsonl junit.xml log.jsonl logs plan.json policy.json report.html report.json report.md run.json run.lock scenario.yaml seal.json");
    assert_eq!(
        place.run_file("artifacts/greet/greeting.txt"),
        "hello, world\n"
    );
    assert_eq!(place.run_file("logs/greet.1.out"), "hello, world\n");
    assert_eq!(place.run_file("scenario.yaml"), HELLO);
}

#[test]
fn failure_is_last_with_its_tail_and_the_next_command() {
    let place = Place::with("failing.yaml", FAILING);
    assert_snapshot!(place.orchestra(["run", "failing.yaml"]).run().render(), @r#"
    exit 1
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> failing   plan <digest>   runs/<run-dir>
    Plan: 4 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/4) prepare
       RETRY [   <s>] (1/4) build   exit 3; attempt 2 of 2 in <s>
        FAIL [   <s>] (2/4) build   exit 3; attempt 2 of 2
        SKIP          (3/4) test   because build failed
        SKIP          (4/4) publish   because build failed
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   1 passed · 1 failed · 2 skipped
        FAIL build   attempt 2 of 2   exit 3   logs/build.2.err
             | main.c:3: error: expected ;
             sandbox: none
        SKIP test, publish   because build failed
        no sandbox: tasks ran with your user's rights
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> build · orchestra explain <run> build · orchestra retry <run> build --downstream
    "#);
}

#[test]
fn quiet_and_without_progress() {
    let place = Place::with("failing.yaml", FAILING);
    let quiet = place
        .orchestra(["run", "failing.yaml", "-q"])
        .run()
        .expect(1);
    let mut lines = quiet.stderr.lines();
    let banner = lines.next().unwrap();
    assert!(banner.starts_with("SANDBOX none: "), "{}", quiet.stderr);
    assert!(
        lines.next().unwrap().starts_with("────"),
        "{}",
        quiet.stderr
    );
    let none = place
        .orchestra(["run", "failing.yaml", "--progress", "none"])
        .run()
        .expect(1);
    assert!(!none.stderr.contains("RETRY"), "{}", none.stderr);
    assert!(none.stderr.contains("  next: "), "{}", none.stderr);
}

/// Whoever chose it: a flag, a variable, a file. What it leaves open is said in each case, and recorded.
#[test]
fn a_level_below_strict_is_said_whatever_is_hidden() {
    let place = Place::with("hello.yaml", HELLO);
    let quiet = |args: &[&str]| {
        let args = ["run", "hello.yaml", "-q"]
            .into_iter()
            .chain(args.iter().copied());
        place.orchestra(args).sandboxed().run().stderr
    };
    let none = quiet(&["--sandbox", "none", "--runs-dir", "none"]);
    assert_snapshot!(none, @r"
    SANDBOX none: files, network and processes are open to every task (flag --sandbox)
      PASSED in <s>   1 passed
    ");
    let landlock = quiet(&["--sandbox", "landlock"]);
    let banner = "SANDBOX landlock: tasks see all processes, and can change modes, owners and times of \
                  your files (flag --sandbox)\n";
    assert!(landlock.starts_with(banner), "{landlock}");
    assert!(!quiet(&["--runs-dir", "strict"]).contains("SANDBOX"));
    let record: serde_json::Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    assert_eq!(
        record["settings"]["sandbox"],
        serde_json::json!({ "value": "landlock", "origin": "flag --sandbox" })
    );
    let journal = place.run_file("events.jsonl");
    let started = journal.lines().next().unwrap();
    assert!(started.contains("\"level\":\"landlock\""), "{started}");
    let file = place.dir("config").join("orchestra/config.yaml");
    fs_err::create_dir_all(file.parent().unwrap()).unwrap();
    fs_err::write(&file, "sandbox: none\n").unwrap();
    let told = quiet(&["--runs-dir", "file"]);
    let origin = format!("every task (file {})", file.display());
    assert!(told.lines().next().unwrap().ends_with(&origin), "{told}");
}

#[test]
fn verbose_shows_output_by_task_and_harmless() {
    let scenario =
        "version: 1\nname: loud\ntasks:\n  speak:\n    run: printf 'one\\ntwo\\033[2J'\n";
    let place = Place::with("loud.yaml", scenario);
    let outcome = place.orchestra(["run", "loud.yaml", "-v"]).run().expect(0);
    let spoken: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains(" | "))
        .collect();
    assert_eq!(spoken, ["speak | one", "speak | two\\x1b[2J"]);
}

#[test]
fn inputs_come_from_the_command_line_and_the_environment() {
    let place = Place::with("hello.yaml", HELLO);
    place
        .orchestra(["run", "hello.yaml", "-i", "name=$(id) `id`"])
        .run()
        .expect(0);
    assert_eq!(
        place.run_file("artifacts/greet/greeting.txt"),
        "hello, $(id) `id`\n"
    );
    let other = Place::with("hello.yaml", HELLO);
    other
        .orchestra(["run", "hello.yaml"])
        .env("ORCHESTRA_INPUT", "name=x=y")
        .run()
        .expect(0);
    assert_eq!(
        other.run_file("artifacts/greet/greeting.txt"),
        "hello, x=y\n"
    );
}

#[test]
fn wrong_inputs_are_the_command_lines_fault() {
    let place = Place::with("hello.yaml", HELLO);
    let outcome = place.orchestra([
        "run",
        "hello.yaml",
        "-i",
        "nam=x",
        "-i",
        "name=a",
        "-i",
        "name=b",
    ]);
    assert_snapshot!(outcome.run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-input]: the scenario has no input `nam`
    help: did you mean `name`?

    error[duplicate-input]: input `name` is given twice

    error: 2 problems on the command line; nothing was run
    "#);
    assert!(!place.work().join("runs").exists(), "nothing was made");
}

/// The words that fit are told; what is missing is shown where the file asks for it.
#[test]
fn values_that_do_not_fit_are_told_what_does() {
    let text = "version: 1\nname: typed\ninputs:\n  fast: { type: bool, default: false }\n  \
                slow: { type: bool, default: false }\n  n: { type: int, default: 1 }\n  \
                who: { type: string, required: true }\ntasks:\n  a:\n    run: 'true'\n";
    let place = Place::with("typed.yaml", text);
    let args = [
        "run",
        "typed.yaml",
        "-i",
        "fast=yes",
        "-i",
        "slow=maybe",
        "-i",
        "n=many",
    ];
    assert_snapshot!(place.orchestra(args).run().render(), @r#"
    exit 2
    --- stderr
    error[invalid-input]: input `fast` is neither `true` nor `false`: `yes`
    help: write `-i fast=true`

    error[invalid-input]: input `slow` is neither `true` nor `false`: `maybe`
    help: write `-i slow=true` or `-i slow=false`

    error[invalid-input]: input `n` is not a whole number: `many`

    error[missing-input]: input `who` is required
     --> typed.yaml:7:3
      |
    7 |   who: { type: string, required: true }
      |   ^^^
    help: give it with `-i who=VALUE`

    error: 4 problems on the command line; nothing was run
    "#);
    let args = ["run", "typed.yaml", "-i", "n=many", "-o", "json"];
    let error = place.orchestra(args).run().expect(2).json()["error"].clone();
    assert_eq!(error["problems"][0]["file"], serde_json::Value::Null);
    assert_eq!(error["problems"][1]["file"], "typed.yaml");
}

#[test]
fn an_invalid_scenario_leaves_nothing_behind() {
    let place = Place::with(
        "bad.yaml",
        "version: 1\nname: bad\ntasks:\n  a: { steps: [] }\n",
    );
    let before = place.listing();
    assert_snapshot!(place.orchestra(["run", "bad.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[no-kind]: task `a` does nothing
     --> bad.yaml:4:3
      |
    4 |   a: { steps: [] }
      |   ^
    help: give it `run: shell text`, `command: [program, argument]`, `prompt: question` or `uses: ./file.yaml`

    error[unknown-key]: a task has no key `steps`
     --> bad.yaml:4:8
      |
    4 |   a: { steps: [] }
      |        ^^^^^
    help: remove it

    error: 2 problems in bad.yaml; nothing was run
    "#);
    assert_eq!(place.listing(), before);
}

#[test]
fn runs_dir_by_flag_and_by_variable() {
    let place = Place::with("hello.yaml", HELLO);
    let by_flag = place
        .orchestra(["run", "hello.yaml", "--runs-dir", "my runs"])
        .run()
        .expect(0);
    let by_variable = place
        .orchestra(["run", "hello.yaml"])
        .env("ORCHESTRA_RUNS_DIR", "other")
        .run()
        .expect(0);
    assert_eq!(
        (by_flag.stdout.as_str(), by_variable.stdout.as_str()),
        ("my runs/<run-dir>\n", "other/<run-dir>\n")
    );
    let shown = place
        .orchestra(["run", "hello.yaml", "--runs-dir", "my runs"])
        .unredacted();
    let by_flag = shown.run().expect(0);
    // A short id would not be found in the default place, so hints name the directory.
    assert!(
        by_flag.stderr.contains("next: orchestra verify 'my runs/2"),
        "{}",
        by_flag.stderr
    );
}

#[test]
fn a_place_that_cannot_be_written_is_exit_7() {
    let place = Place::with("hello.yaml", HELLO);
    place.write("runs", "a file");
    let outcome = place.orchestra(["run", "hello.yaml"]).run().expect(7);
    assert!(
        outcome.stderr.starts_with("error[runs-unwritable]"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn settings_are_recorded_with_their_origin() {
    let place = Place::with("hello.yaml", HELLO);
    let command = place.orchestra(["run", "hello.yaml", "--max-parallel", "3", "-i", "name=x"]);
    command.env("ORCHESTRA_LOG_LEVEL", "debug").run().expect(0);
    let record: serde_json::Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    let setting = |name: &str| record["settings"][name].to_string();
    assert_eq!(
        setting("max_parallel"),
        r#"{"origin":"flag --max-parallel","value":3}"#
    );
    assert_eq!(
        setting("log_level"),
        r#"{"origin":"environment ORCHESTRA_LOG_LEVEL","value":"debug"}"#
    );
    assert_eq!(
        setting("fail_fast"),
        r#"{"origin":"default","value":false}"#
    );
    assert_eq!(record["inputs"]["name"], "x");
}

#[test]
fn a_trace_goes_on_through_every_task() {
    let scenario = "version: 1\nname: traced\ntasks:\n  a:\n    run: echo \"$TRACEPARENT\"\n";
    let place = Place::with("traced.yaml", scenario);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    place
        .orchestra(["run", "traced.yaml"])
        .env("TRACEPARENT", parent)
        .run()
        .expect(0);
    let child = place.run_file("logs/a.1.out");
    assert!(
        child.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
        "{child}"
    );
    assert_ne!(child.trim(), parent, "a task has a span of its own");
}

#[test]
fn color_is_asked_for_or_absent() {
    let place = Place::with("hello.yaml", HELLO);
    let plain = place.orchestra(["run", "hello.yaml"]).run().expect(0);
    assert!(!plain.stderr.contains('\u{1b}'), "a pipe is no terminal");
    let colored = place
        .orchestra(["run", "hello.yaml", "--color", "always"])
        .run()
        .expect(0);
    assert!(
        colored
            .stderr
            .contains("\u{1b}[1m\u{1b}[32m    PASS\u{1b}[0m"),
        "{:?}",
        colored.stderr
    );
    let forced = place
        .orchestra(["run", "hello.yaml"])
        .env("FORCE_COLOR", "1");
    assert!(forced.run().expect(0).stderr.contains('\u{1b}'));
    let refused = place
        .orchestra(["run", "hello.yaml"])
        .env("FORCE_COLOR", "1")
        .env("NO_COLOR", "1");
    assert!(!refused.run().expect(0).stderr.contains('\u{1b}'));
}

#[test]
fn fail_fast_stops_what_runs() {
    let scenario = "version: 1\nname: fast\nmax_parallel: 2\ntasks:\n  \
                    slow:\n    run: sleep 600\n  bad:\n    run: exit 1\n";
    let place = Place::with("fast.yaml", scenario);
    let outcome = place
        .orchestra(["run", "fast.yaml", "--fail-fast"])
        .run()
        .expect(1);
    assert!(
        outcome
            .stderr
            .contains("STOP a task failed and --fail-fast is on"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("1 failed · 1 cancelled"),
        "{}",
        outcome.stderr
    );
}
