//! The corpus: replies that are no plan, each with the rules that refuse it, and replies that are one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::scripted::{Around, GOAL, Scripted, codes, once, planner, reply, run};
use crate::model::{ModelReply, Stop};
use crate::planner::{Form, MAX_REPLY_BYTES};

const MALFORMED: &str = include_str!("../../../tests/planner/malformed.jsonl");
const ACCEPTED: &str = include_str!("../../../tests/planner/accepted.jsonl");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rules: Vec<String>,
    reply: String,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    tool_calls: Vec<String>,
    /// It is a plan; it asks for more than the policy has.
    #[serde(default)]
    over_asks: bool,
}

fn cases() -> Vec<Case> {
    let lines = MALFORMED.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_malformed_reply_is_refused_by_its_rules() {
    let cases = cases();
    assert!(cases.len() >= 130, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let answer = ModelReply {
            stop: case.stop.clone().unwrap_or(Stop::End),
            tool_calls: case.tool_calls.clone(),
            ..reply(&case.reply)
        };
        let result = once(answer);
        let found: Vec<_> = match (&result, case.over_asks) {
            (Ok(planned), true) => {
                let policy = Around::new().policy;
                let verdict = policy.check(&planned.plan, &protocol::policy::Site::default());
                assert!(verdict.refused, "{}: the policy lets it run", case.name);
                planned
                    .findings
                    .iter()
                    .map(|one| one.code.clone())
                    .collect()
            }
            (_, false) => codes(&result).into_iter().map(str::to_owned).collect(),
            (Err(_), true) => Vec::new(),
        };
        if found != case.rules {
            wrong.push(format!("{}: {found:?}, not {:?}", case.name, case.rules));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What goes back to a model, or onto a terminal, is one line without anything that acts.
#[test]
fn what_is_said_of_them_is_plain() {
    for case in cases() {
        let planner = planner();
        let around = Around::new();
        let answer = ModelReply {
            tool_calls: case.tool_calls.clone(),
            ..reply(&case.reply)
        };
        let caller = Scripted::new([answer.clone(), answer.clone(), answer]);
        let _result = run(planner.plan(&caller, &around.goal(GOAL)));
        for request in caller.asked().iter().skip(1) {
            let last = request.messages.last().unwrap();
            let acts = |c: char| c.is_control() && c != '\n';
            assert!(!last.text.contains(acts), "{}: {:?}", case.name, last.text);
            assert!(last.text.len() < 64 * 1024, "{}", case.name);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Good {
    name: String,
    form: String,
    reply: String,
}

#[test]
fn every_good_reply_is_a_plan_and_marked_as_it_stood() {
    let cases: Vec<Good> = ACCEPTED
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(cases.len() >= 18);
    for case in cases {
        let result = once(reply(&case.reply));
        assert_eq!(codes(&result), Vec::<&str>::new(), "{}", case.name);
        let planned = result.unwrap();
        let form = serde_json::to_value(planned.transcript.rounds[0].form).unwrap();
        assert_eq!(form, Value::from(case.form), "{}", case.name);
    }
    let bare = once(reply(super::scripted::GOOD)).unwrap();
    assert_eq!(bare.transcript.rounds[0].form, Some(Form::Bare));
}

fn task(at: usize, more: Value) -> Value {
    let mut task = json!({
        "id": format!("t{at}"),
        "description": format!("Keep part {at} of the log."),
        "run": format!("git log > {at}.txt"),
        "artifacts": [{"name": "log", "path": format!("{at}.txt")}],
    });
    let more = more.as_object().unwrap().clone();
    task.as_object_mut().unwrap().extend(more);
    task
}

fn refused(tasks: Vec<Value>) -> Vec<&'static str> {
    codes(&once(reply(json!({ "tasks": tasks }).to_string())))
}

#[test]
fn huge_ones_are_refused_quickly() {
    let many = |count: usize| (0..count).map(|at| task(at, json!({}))).collect::<Vec<_>>();
    assert_eq!(refused(many(64)), Vec::<&str>::new());
    assert_eq!(refused(many(65)), ["too-many-tasks"]);
    assert_eq!(refused(many(10_000)), ["too-many-tasks"]);

    let before = |at: usize| (at > 0).then(|| format!("t{}", at - 1));
    let chain = |length: usize| -> Vec<_> {
        (0..length)
            .map(|at| task(at, json!({"needs": Vec::from_iter(before(at))})))
            .collect()
    };
    assert_eq!(refused(chain(24)), Vec::<&str>::new());
    assert_eq!(refused(chain(25)), ["chain-too-long"]);
    assert_eq!(refused(chain(50)), ["chain-too-long"]);

    let all = |at: usize| {
        (0..at)
            .map(|before| format!("t{before}"))
            .collect::<Vec<_>>()
    };
    let dense: Vec<_> = (0..40)
        .map(|at| task(at, json!({"needs": all(at)})))
        .collect();
    assert_eq!(refused(dense), ["too-many-needs"]);

    let long = |bytes: usize| {
        vec![task(
            0,
            json!({"description": format!("A {}", "x".repeat(bytes))}),
        )]
    };
    assert_eq!(refused(long(1000)), Vec::<&str>::new());
    assert_eq!(refused(long(2000)), ["value-too-long"]);
    assert_eq!(refused(long(200_000)), ["json-text-too-long"]);
    let long = |bytes: usize| vec![task(0, json!({"id": "a".repeat(bytes)}))];
    assert_eq!(refused(long(100_000)), ["invalid-id"]);

    let deep = format!("{{\"tasks\": {}1{}}}", "[".repeat(50), "]".repeat(50));
    assert_eq!(codes(&once(reply(deep))), ["json-too-deep"]);
    let deep = format!("{{\"tasks\": {}", "[{\"a\":".repeat(100_000));
    assert_eq!(codes(&once(reply(deep))), ["json-too-deep"]);
    let flood = format!("{{\"tasks\": [{}0]}}", "0,".repeat(MAX_REPLY_BYTES / 2));
    assert_eq!(codes(&once(reply(flood))), ["reply-too-large"]);

    let keys: serde_json::Map<_, _> = (0..20_000).map(|at| (format!("k{at}"), json!(1))).collect();
    let codes = codes(&once(reply(Value::Object(keys).to_string())));
    assert_eq!(
        (codes.len(), codes[0], codes[200]),
        (201, "unknown-key", "too-many-problems")
    );
}
