//! Secrets, `policy` and `effects` in plans: they round-trip, are in the digest, and leave no trace where
//! there are none.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DraftPlan, DraftTask, Limits, Plan};
use crate::digest::{Digest, canonical_json};
use crate::policy::{
    Budgets, Effects, LimitsRequest, Network, PolicyPath, PolicyRequest, SecretSource, Secrets,
};

fn check(value: &Value) -> Result<Plan, Vec<String>> {
    let draft = DraftPlan::from_json(value.to_string().as_bytes()).expect("a draft's shape");
    draft.check(&Limits::default()).map_err(|problems| {
        let lines = problems.iter().filter(|problem| problem.is_error());
        lines.map(ToString::to_string).collect()
    })
}

fn full() -> Value {
    json!({
        "name": "p",
        "secrets": {
            "A": {"from": "env"},
            "B": {"from": "env", "name": "OTHER"},
            "C": {"from": "file", "path": "~/.keys/c"},
            "D": {"from": "command", "argv": ["pass", "show", "d"]},
        },
        "policy": {
            "use": "strict", "programs": ["git"], "read": ["."], "write": [], "network": "none",
            "limits": {"wall_ms": 1, "idle_ms": 2, "cpu_ms": 3, "memory_bytes": 4, "pids": 5,
                "output_bytes": 6, "disk_bytes": 7, "files": 8, "file_bytes": 9, "tmp_bytes": 10},
        },
        "tasks": [
            {"id": "a", "run": "true", "secrets": ["D", "A"],
             "effects": {"read": ["src"], "write": [], "network": "full", "programs": ["sh"]}},
            {"id": "b", "run": "true", "secrets": ["B", "C"], "for_each": [1, 2]},
        ],
    })
}

#[test]
fn they_are_read_as_written() {
    let plan = check(&full()).unwrap();
    let command = ["pass", "show", "d"].map(str::to_owned).to_vec();
    assert_eq!(plan.secrets()["D"], SecretSource::Command { argv: command });
    let policy = plan.policy().unwrap();
    assert_eq!(policy.pack.as_deref(), Some("strict"));
    assert_eq!(policy.write, Some(Vec::new()));
    assert_eq!(policy.limits.unwrap().tmp_bytes, Some(10));
    let task = |id| plan.task(plan.index_of(id).unwrap());
    assert_eq!(task("a").secrets(), ["A", "D"], "sorted");
    assert_eq!(task("a").effects().unwrap().network, Some(Network::Full));
    assert_eq!(task("b").secrets(), ["B", "C"]);
    assert_eq!(task("b").effects(), None);
}

#[test]
fn json_is_canonical_and_every_part_is_in_the_digest() {
    let plan = check(&full()).unwrap();
    let bytes = plan.to_json();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        String::from_utf8_lossy(&canonical_json(&value).unwrap())
    );
    assert_eq!(
        plan.digest(),
        Digest::of_canonical(Plan::DIGEST_DOMAIN, &value).unwrap()
    );
    assert_eq!(Plan::from_json(&bytes).unwrap(), plan);
    for (pointer, other) in [
        ("/secrets/B/name", json!("ANOTHER")),
        ("/secrets/C/path", json!("/keys/c")),
        ("/secrets/D/argv", json!(["pass"])),
        ("/policy/use", json!("build")),
        ("/policy/network", json!("full")),
        ("/policy/write", json!(["out"])),
        ("/policy/limits/pids", json!(6)),
        ("/tasks/0/secrets", json!(["A", "B", "D"])),
        ("/tasks/0/effects/write", json!(["out"])),
        ("/tasks/0/effects/network", json!("none")),
    ] {
        let mut changed = full();
        *changed.pointer_mut(pointer).expect(pointer) = other;
        let changed = check(&changed).unwrap();
        assert_ne!(changed.digest(), plan.digest(), "{pointer}");
    }
    let mut reordered = full();
    reordered["tasks"][0]["secrets"] = json!(["A", "D"]);
    assert_eq!(check(&reordered).unwrap().digest(), plan.digest());
}

/// What plans from before these words were: byte for byte.
#[test]
fn plans_without_them_keep_their_digest() {
    let plan = check(&json!({"name": "p", "tasks": [{"id": "a", "run": "true"}]})).unwrap();
    assert_eq!(
        String::from_utf8(plan.to_json()).unwrap(),
        r#"{"name":"p","schema":"orchestra.plan/v1","tasks":[{"id":"a","run":"true"}]}"#
    );
    assert!(plan.secrets().is_empty());
    assert_eq!(plan.policy(), None);
    assert_eq!(plan.task(plan.index_of("a").unwrap()).secrets().len(), 0);
}

/// A plan need not come from a scenario's text: the same rules hold, with places instead of positions.
#[test]
fn plans_from_elsewhere_are_held_to_the_same_rules() {
    let plan = json!({
        "name": "p",
        "secrets": {"PATH": {"from": "env"}, "K": {"from": "file", "path": "../k"}},
        "policy": {"read": ["a/../b"], "limits": {"memory_bytes": 0}},
        "tasks": [
            {"id": "a", "run": "true", "secrets": ["K", "Q"], "env": {"K": "x"}},
            {"id": "b", "run": "true", "effects": {"write": ["ok", "/x/.."], "programs": ["a b"]}},
            {"id": "c", "run": "true", "effects": {}},
        ],
    });
    assert_eq!(
        check(&plan).unwrap_err(),
        [
            "error[invalid-path]: `../k`: `..` has no place in it (at secrets.K)",
            "error[reserved-name]: `PATH` has a meaning of its own in the environment of a task (at secrets.PATH)",
            "error[invalid-path]: `a/../b`: `..` has no place in it (at policy.read[0])",
            "error[out-of-range]: the limit `memory` is between 1B and 8191TiB (at policy.limits.memory)",
            "error[invalid-path]: `/x/..`: `..` has no place in it (at tasks.b.effects.write[1])",
            "error[invalid-program]: `a b` is not a program's name (at tasks.b.effects.programs[0])",
            "error[missing-key]: `effects` says nothing (at tasks.c.effects)",
            "error[secret-in-env]: `K` is a secret, and `env` gives it a value (at tasks.a.env.K)",
            "error[unknown-secret]: there is no secret `Q` (at tasks.a.secrets[1])",
        ]
    );
    for wrong in [
        json!({"name": "p", "secrets": {"K": "hunter2"}, "tasks": []}),
        json!({"name": "p", "secrets": {"K": {"from": "env", "value": "x"}}, "tasks": []}),
        json!({"name": "p", "policy": {"network": ["x:443"]}, "tasks": []}),
        json!({"name": "p", "tasks": [{"id": "a", "run": "x", "effects": {"volumes": []}}]}),
    ] {
        assert!(Plan::from_json(wrong.to_string().as_bytes()).is_err());
    }
}

/// A plan that was tampered with cannot give a nested scenario what its caller does not grant.
#[test]
fn nested_scenarios_have_what_they_are_granted() {
    let nested = |granted: Value, source: Value| {
        json!({
            "name": "p",
            "secrets": {"K": {"from": "env"}, "L": {"from": "env"}},
            "scenarios": {"n.yaml": {"name": "n", "secrets": {"K": source},
                "tasks": [{"id": "t", "run": "true", "secrets": ["K"]}]}},
            "tasks": [{"id": "u", "uses": "n.yaml", "secrets": granted}],
        })
    };
    check(&nested(json!(["K"]), json!({"from": "env", "name": "K"}))).unwrap();
    let refused = |granted, source| check(&nested(granted, source)).unwrap_err();
    assert_eq!(
        refused(json!([]), json!({"from": "env"})),
        ["error[missing-secret]: `n.yaml` needs secret `K` (at tasks.u.uses)"]
    );
    assert_eq!(
        refused(json!(["K", "L"]), json!({"from": "env"})),
        ["error[unknown-secret]: `n.yaml` has no secret `L` (at tasks.u.secrets[1])"]
    );
    assert_eq!(
        refused(json!(["K"]), json!({"from": "file", "path": "/etc/shadow"})),
        ["error[secret-source]: `n.yaml` takes secret `K` from another source (at tasks.u.uses)"]
    );
}

fn words(pattern: &'static str) -> impl Strategy<Value = Option<Vec<String>>> {
    let words = prop::collection::btree_set(pattern, 0..4);
    prop::option::of(words.prop_map(|words| words.into_iter().collect()))
}

fn paths() -> impl Strategy<Value = Option<Vec<String>>> {
    words("(/|~/)?[a-z]{1,6}(/[a-z.]{1,3}x){0,2}/?")
}

fn network() -> impl Strategy<Value = Option<Network>> {
    prop::option::of(prop::sample::select(Network::ALL))
}

fn effects() -> impl Strategy<Value = Option<Effects>> {
    let parts = (paths(), paths(), network(), words("[a-z][a-z0-9.+-]{0,8}"));
    let effects = parts.prop_map(|(read, write, network, programs)| Effects {
        read,
        write,
        network,
        programs,
    });
    prop::option::of(effects).prop_map(|effects| effects.filter(|it| *it != Effects::default()))
}

fn limits() -> impl Strategy<Value = Option<LimitsRequest>> {
    let some = || prop::option::of(1_u64..1 << 40);
    let pids = prop::option::of(1_u32..u32::MAX);
    let times = (some(), some(), some());
    (times, some(), some(), some(), some(), some(), some(), pids).prop_map(
        |((wall, idle, cpu), memory, output, disk, files, file, tmp, pids)| {
            let time = |ms: Option<u64>| ms.map(|ms| ms % 1_000_000 + 1);
            let limits = LimitsRequest {
                wall_ms: time(wall),
                idle_ms: time(idle),
                cpu_ms: time(cpu),
                memory_bytes: memory,
                pids,
                output_bytes: output,
                disk_bytes: disk,
                files,
                file_bytes: file,
                tmp_bytes: tmp,
            };
            Some(limits).filter(|it| *it != LimitsRequest::default())
        },
    )
}

fn policy() -> impl Strategy<Value = Option<PolicyRequest>> {
    let pack = prop::option::of("[a-z0-9][a-z0-9_-]{0,8}");
    let numbers = prop::array::uniform8(prop::option::of(0_u64..1 << 53));
    let budget = numbers.prop_map(
        |[
            tasks,
            depth,
            width,
            attempts,
            tokens,
            usd_nanos,
            calls,
            wall_ms,
        ]| Budgets {
            tasks,
            depth,
            width,
            attempts,
            tokens,
            usd_nanos,
            calls,
            wall_ms,
        },
    );
    let budget =
        prop::option::of(budget.prop_filter("says nothing", |it| *it != Budgets::default()));
    (pack, effects(), limits(), budget).prop_map(|(pack, effects, limits, budget)| {
        let effects = effects.unwrap_or_default();
        let policy = PolicyRequest {
            pack,
            programs: effects.programs,
            read: effects.read,
            write: effects.write,
            network: effects.network,
            limits,
            budget,
        };
        Some(policy).filter(|it| *it != PolicyRequest::default())
    })
}

fn source() -> impl Strategy<Value = SecretSource> {
    prop_oneof![
        prop::option::of("[A-Z_][A-Z0-9_]{0,5}").prop_map(|name| SecretSource::Env { name }),
        "(/|~/)?[a-z]{1,6}".prop_map(|path| SecretSource::File { path }),
        prop::collection::vec("[^\\x00$]{1,8}[a-z]", 1..4)
            .prop_map(|argv| SecretSource::Command { argv }),
    ]
}

fn secrets() -> impl Strategy<Value = Secrets> {
    prop::collection::btree_map("S[A-Z0-9]{1,4}", source(), 0..5)
}

proptest! {
    #[test]
    fn any_of_them_round_trip(
        secrets in secrets(),
        policy in policy(),
        effects in effects(),
        granted in any::<u8>(),
    ) {
        let all: Vec<&String> = secrets.keys().collect();
        let mine = all.iter().enumerate().filter(|(at, _)| granted & (1 << at) != 0);
        let mut mine: Vec<String> = mine.map(|(_, name)| (*name).clone()).collect();
        mine.reverse();
        let task = DraftTask {
            id: "a".to_owned(),
            run: Some("true".to_owned()),
            secrets: mine.clone(),
            effects: effects.clone(),
            ..DraftTask::default()
        };
        let draft = DraftPlan {
            name: "p".to_owned(),
            secrets: secrets.clone(),
            policy: policy.clone(),
            tasks: vec![task],
            ..DraftPlan::default()
        };
        let plan = draft.check(&Limits::default()).expect("plain values");
        mine.sort();
        let task = plan.task(plan.index_of("a").expect("the task"));
        prop_assert_eq!(plan.secrets(), &secrets);
        prop_assert_eq!(plan.policy(), policy.as_ref());
        prop_assert_eq!(task.secrets(), mine);
        prop_assert_eq!(task.effects(), effects.as_ref());
        let bytes = plan.to_json();
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        prop_assert_eq!(&bytes, &canonical_json(&value).expect("integers"));
        let again = Plan::from_json(&bytes).expect("its own JSON");
        prop_assert_eq!(again.digest(), plan.digest());
        prop_assert_eq!(again, plan);
    }
}

proptest! {
    /// What the check lets through the policy can read, so that a path never fails a task that has started.
    #[test]
    fn every_accepted_path_is_one_to_the_policy(path in "[~./*a\\x00-\\x1f é$-]{0,12}") {
        if super::check_policy::path_problem(&path).is_none() {
            prop_assert!(PolicyPath::of_scenario(&path).is_ok(), "{:?}", path);
            prop_assert!(!path.split('/').any(|part| part == ".."));
        }
    }
}

#[test]
fn paths_that_are_accepted() {
    for path in [
        ".",
        "~",
        "~/",
        "/",
        "a",
        "a/",
        ".git/hooks",
        "~/.cargo",
        "/opt/x/",
        "a/..b",
        "é",
    ] {
        assert_eq!(super::check_policy::path_problem(path), None, "{path}");
    }
    for path in [
        "", "..", "a/..", "/..", "~/..", "//a", "./a", "~x", "a*", "a?", "a\nb", "a\0",
    ] {
        assert!(
            super::check_policy::path_problem(path).is_some(),
            "{path:?}"
        );
    }
}
