//! `orchestra run` of tasks with a prompt, against a server that keeps the provider's rules.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{Act, Said};
use serde_json::{Value, json};

use crate::cli::goal::{Live, count};
use crate::cli::goal_resume::cut_after;
use crate::cli::resume::wait_until;
use crate::support::Outcome;

/// A program, a question about what it left, and a program that reads the answer.
const NOTES: &str = "\
version: 1
name: notes
tasks:
  collect:
    run: printf 'faster start\\nfewer errors\\n' > commits.txt
    artifacts: { commits: commits.txt }
  summarize:
    needs: [collect]
    prompt: Say what is new.
    context: [tasks.collect.artifacts.commits]
    model: { tier: fast, max_tokens: 2000 }
    output_schema:
      type: object
      additionalProperties: false
      required: [title, bullets]
      properties:
        title: { type: string }
        bullets: { type: array, items: { type: string } }
    outputs: { title: string }
    artifacts: { bullets: bullets.json }
  show:
    needs: [summarize]
    command: [cat, bullets.json]
    files: { bullets.json: \"${{ tasks.summarize.artifacts.bullets }}\" }
";

/// One question and nothing else.
const QUESTION: &str = "\
version: 1
name: notes
tasks:
  ask:
    prompt: Say yes.
    artifacts: { answer: answer.txt }
";

fn answer() -> String {
    json!({"title": "Faster", "bullets": ["starts faster", "fewer errors"]}).to_string()
}

/// What was asked, in order.
fn bodies(live: &Live) -> Vec<Value> {
    let requests = live.stub.requests();
    let asked = requests.iter().filter(|one| one.method == "POST");
    asked.map(|one| one.json.clone()).collect()
}

#[test]
fn an_answer_becomes_outputs_and_files_of_its_task() {
    let live = Live::with(NOTES);
    live.stub.queue(Said::text(answer()));
    let outcome = live.run(&["-v"]).run().expect(0);
    assert_snapshot!(live.shown(&outcome), @r#"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 3 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/3) collect
    summarize | claude-haiku-5-5: 519 tokens
    summarize | {"bullets":["starts faster","fewer errors"],"title":"Faster"}
        PASS [   <s>] (2/3) summarize
    show | [
    show |   "starts faster",
    show |   "fewer errors"
    show | ]
        PASS [   <s>] (3/3) show
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   3 passed · $0.000059
        models: 1 call · 519 tokens · $0.000059
        no sandbox: tasks ran with your user's rights
        2 artifacts in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "#);
    let asked = &bodies(&live)[0];
    assert_eq!(asked["model"], "claude-haiku-5-5");
    assert_eq!(asked["max_tokens"], 2000);
    assert_eq!(asked["output_config"]["format"]["type"], "json_schema");
    let question = asked["messages"][0].to_string();
    assert!(question.contains("faster start"), "{question}");
    let kept = live.place.run_file("artifacts/summarize/bullets.json");
    assert_eq!(kept, "[\n  \"starts faster\",\n  \"fewer errors\"\n]\n");
    let events = live.events();
    assert!(
        events.contains(r#""outputs":{"title":"Faster"}"#),
        "{events}"
    );
    assert_eq!(count(&events, "budget.settled"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
    let report = live.place.run_file("report.md");
    assert!(
        report.contains("no program was started; 1 attempt"),
        "{report}"
    );
    let shown = live.place.orchestra(["show", "@last", "-o", "json"]).run();
    let tasks = shown.expect(0).json()["report"]["tasks"].clone();
    let ask = tasks.as_array().unwrap();
    let ask = ask.iter().find(|task| task["task"] == "summarize").unwrap();
    let first = &ask["attempts"][0];
    assert_eq!(first["attempt"], 1);
    assert_eq!(first["level"], Value::Null, "{ask}");
}

#[test]
fn what_does_not_fit_goes_back_and_then_is_a_failure() {
    let live = Live::with(NOTES);
    for reply in ["Sure!", r#"{"title":1}"#, r#"{"title":"x"}"#] {
        live.stub.queue(Said::text(reply));
    }
    let outcome = live.run(&[]).run().expect(1);
    assert_snapshot!(live.shown(&outcome), @r#"
    exit 1
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 3 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/3) collect
        FAIL [   <s>] (2/3) summarize   invalid_output; attempt 1 of 1
        SKIP          (3/3) show   because summarize failed
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   1 passed · 1 failed · 1 skipped · $0.00019
        FAIL summarize   attempt 1 of 1   invalid_output   logs/summarize.1.err
             no answer that fits after 2 rounds of repair: the value: "bullets" is a required property
             | claude-haiku-5-5: 505 tokens
             | round 0: error[reply-no-object]: the reply holds no JSON object
             | claude-haiku-5-5: 592 tokens
             | round 1: error[reply-schema]: the value: "bullets" is a required property
             | round 1: error[reply-schema]: /title: 1 is not of type "string"
             | round 1: error[reply-output]: output `title` is not of type string: 1
             | claude-haiku-5-5: 698 tokens
             | round 2: error[reply-schema]: the value: "bullets" is a required property
        SKIP show   because summarize failed
        models: 3 calls · 1.8k tokens · $0.00019
        no sandbox: tasks ran with your user's rights
        1 artifact in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> summarize · orchestra explain <run> summarize · orchestra retry <run> summarize --downstream
    "#);
    assert_eq!(live.asked(), 3);
    let asked = bodies(&live);
    let repair = asked[1]["messages"][2]["content"].to_string();
    assert!(
        repair.contains("the reply holds no JSON object"),
        "{repair}"
    );
    assert!(live.events().contains(r#""class":"invalid_output""#));
    let explained = live
        .place
        .orchestra(["explain", "@last", "summarize"])
        .run();
    assert_snapshot!(live.shown(&explained.expect(0)), @r#"
    exit 0
    --- stdout
    FAIL summarize   invalid_output   run <run>, notes

          +<s>  it needs collect, which was done (#<seq>)
          +<s>  it was sent out <s> later (#<seq>, #<seq>)
          +<s>  attempt 1 began (#<seq>)
          +<s>  attempt 1 failed (invalid_output: no answer that fits after 2 rounds of repair: the value: "bullets" is a required property) after <s> (#<seq>)
          +<s>  it failed for good: it has no `retry` (#<seq>)
          +<s>  because of it, skipped: show (#<seq>)

      next: orchestra logs <run> summarize · orchestra retry <run>
    "#);
}

#[test]
fn without_a_key_nothing_begins() {
    let live = Live::with(QUESTION);
    let outcome = live.place.orchestra(["run", "notes.yaml"]).run().expect(7);
    assert_snapshot!(outcome.render(), @r#"
    exit 7
    --- stderr
    error[model-key-missing]: there is no key for anthropic
    help: set ANTHROPIC_API_KEY, or name its place with `--model-key env:NAME`
    "#);
    assert!(!live.place.work().join("runs").exists());
}

#[test]
fn the_fallback_asks_the_other_model() {
    let live = Live::with(&QUESTION.replace(
        "artifacts:",
        "parse: { code_block: sh }\n    model: { tier: fast }\n    fallback: { tier: smart }\n    artifacts:",
    ));
    for _ in 0..3 {
        live.stub.queue(Said::text("ls"));
    }
    live.stub.queue(Said::text("```sh\nls\n```"));
    live.run(&[]).run().expect(0);
    let models: Vec<Value> = bodies(&live)
        .iter()
        .map(|one| one["model"].clone())
        .collect();
    let fast = "claude-haiku-5-5";
    assert_eq!(models, [fast, fast, fast, "claude-opus-5-5"]);
    assert_eq!(live.place.run_file("artifacts/ask/answer.txt"), "ls\n");
}

#[test]
fn what_was_left_out_of_the_context_is_a_finding() {
    let live = Live::with(
        &NOTES
            .replace("printf 'faster start\\nfewer errors\\n'", "seq 10000")
            .replace("    model:", "    context_tokens: 1000\n    model:"),
    );
    live.stub.queue(Said::text(answer()));
    live.run(&[]).run().expect(0);
    let said = live.place.run_file("logs/summarize.1.err");
    assert!(
        said.contains("`tasks.collect.artifacts.commits` was cut for the prompt"),
        "{said}"
    );
    assert!(live.events().contains(r#""code":"context-cut""#));
    let asked = bodies(&live)[0]["messages"][0].to_string();
    assert!(
        asked.len() < 6000 && asked.contains("cut-bytes="),
        "{asked}"
    );
}

#[test]
fn a_task_has_its_time_and_no_more() {
    let live = Live::with(&QUESTION.replace("artifacts:", "timeout: 1s\n    artifacts:"));
    live.stub.queue(Act::Silence);
    let outcome = live.run(&[]).run().expect(1);
    assert!(
        outcome.stderr.contains("no answer that fits within 1 s"),
        "{}",
        outcome.stderr
    );
    assert_eq!(count(&live.events(), "budget.settled"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn whoever_stops_the_run_stops_its_calls() {
    let live = Live::with(QUESTION);
    live.stub.queue(Act::Silence);
    let child = live.run(&[]).start();
    wait_until(|| live.asked() == 1);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    Outcome::of(child.wait_with_output().unwrap()).expect(130);
    let events = live.events();
    assert_eq!(count(&events, "budget.settled"), 1);
    assert_eq!(count(&events, "task.cancelled"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn wherever_it_was_killed_a_journaled_reply_is_not_paid_again() {
    for (kind, again) in [
        ("attempt.started", 1),
        ("budget.reserved", 1),
        ("budget.settled", 0),
        ("task.done", 0),
    ] {
        let live = Live::with(QUESTION);
        live.stub.queue(Said::text("yes"));
        live.run(&[]).run().expect(0);
        cut_after(&live, kind);
        for file in ["seal.json", "report.json"] {
            fs_err::remove_file(live.place.run_dir().join(file)).unwrap();
        }
        if again > 0 {
            live.stub.queue(Said::text("yes"));
        }
        live.asking(["resume", "@last"].into_iter()).run().expect(0);
        assert_eq!(live.asked(), 1 + again, "killed after {kind}");
        assert_eq!(live.place.run_file("artifacts/ask/answer.txt"), "yes\n");
        live.place.orchestra(["verify"]).run().expect(0);
    }
}

#[test]
fn a_recording_answers_the_same_and_a_miss_is_told() {
    let live = Live::with(NOTES);
    live.stub.queue(Said::text("Sure!"));
    live.stub.queue(Said::text(answer()));
    live.run(&["--record", "calls.jsonl"]).run().expect(0);
    let first = live.place.run_file("artifacts/summarize/bullets.json");
    fs_err::remove_dir_all(live.place.work().join("runs")).unwrap();
    let replay = |scenario: &str| {
        let words = ["run", scenario, "--replay", "calls.jsonl"];
        live.place.orchestra(words).run()
    };
    replay("notes.yaml").expect(0);
    assert_eq!(
        live.place.run_file("artifacts/summarize/bullets.json"),
        first
    );
    assert_eq!(live.asked(), 2);
    fs_err::remove_dir_all(live.place.work().join("runs")).unwrap();
    live.place
        .write("other.yaml", NOTES.replace("is new", "is old"));
    let missed = replay("other.yaml").expect(7);
    assert_snapshot!(live.shown(&missed), @r#"
    exit 7
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 3 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/3) collect
        FAIL [   <s>] (2/3) summarize   replay_miss; attempt 1 of 1
        SKIP          (3/3) show   because summarize failed
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   1 passed · 1 failed · 1 skipped · $0.00
        FAIL summarize   attempt 1 of 1   replay_miss   logs/summarize.1.err
             miss: this request was not recorded; against call 1 of the recording, the nearest one, messages changed
             | miss: this request was not recorded; against call 1 of the recording, the nearest one, messages changed
             |   - <task-3c15a30b923df71596bba332222ffb83 label="task">
             |   - Say what is new.
             |   - </task-3c15a30b923df71596bba332222ffb83>
             |   + <task-cc2c8edb8e4dd971315d4b6ac0458e9c label="task">
             |   + Say what is old.
             |   + </task-cc2c8edb8e4dd971315d4b6ac0458e9c>
             | help: record it anew with `--record`, or run what was recorded
        SKIP show   because summarize failed
        models: 1 call · 0 tokens · $0.00
        no sandbox: tasks ran with your user's rights
        1 artifact in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> summarize · orchestra explain <run> summarize · orchestra retry <run> summarize --downstream
    "#);
}

#[test]
fn another_run_asks_again_what_failed() {
    let live = Live::with(QUESTION);
    live.stub.queue(Said::text("  "));
    live.stub.queue(Said::text("  "));
    live.stub.queue(Said::text("  "));
    live.run(&[]).run().expect(1);
    live.stub.queue(Said::text("yes"));
    live.asking(["retry", "@failed"].into_iter())
        .run()
        .expect(0);
    assert_eq!(live.asked(), 4);
}
