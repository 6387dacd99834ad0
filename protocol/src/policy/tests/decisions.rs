//! What the packs of this build say of plans.

use std::sync::Arc;

use super::support::{ask, builtin, codes, id, pack, plan, site};
use crate::budget::Budget;
use crate::plan::Plan;
use crate::policy::{
    ApproveWhen, Dispatch, Effects, Network, Policy, TaskAsk, Terms, Tightening, Timeout,
    builtin_pack,
};
use crate::scenario;

const ASKING: &str = "
secrets: { TOKEN: { from: env }, KEY: { from: command, argv: [pass, show, x] } }
tasks:
  fine: { run: git status }
  net: { run: 'curl x', effects: { network: full } }
  keys: { run: deploy, secrets: [TOKEN, KEY] }
  lib: { command: [docker, ps], env: { LD_PRELOAD: ./x.so } }
  up: { command: [sudo, 'true'] }
";

#[test]
fn a_plan_is_judged_before_it_starts() {
    let verdict = builtin("default").check(&plan(ASKING, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "keys refused secret-not-allowed",
            "keys refused secret-not-allowed",
            "keys warning program-not-listed",
            "lib refused variable-not-allowed",
            "lib warning program-not-listed",
            "net refused network-not-allowed",
            "refused secret-source-not-allowed",
            "up refused privileged-program",
        ]
    );
    assert!(
        verdict.refused && !verdict.grantable,
        "nobody grants `sudo`"
    );
    assert_eq!(verdict.refusals().count(), 6);
    assert!(verdict.approval.is_empty());
    assert_eq!(
        (
            verdict.worst.tasks,
            verdict.worst.attempts,
            verdict.worst.seconds
        ),
        (5, 5, None)
    );
}

#[test]
fn an_approval_grants_what_was_shown_and_nothing_else() {
    let text = ASKING.replace("  up: { command: [sudo, 'true'] }\n", "");
    let (plan, policy) = (plan(&text, &[]), builtin("default"));
    let verdict = policy.check(&plan, &site());
    assert!(verdict.refused && verdict.grantable);
    let granted = policy.granting(&verdict, "ada");
    assert_ne!(granted.digest(), policy.digest());
    assert!(granted.grants.iter().all(|grant| grant.by == "ada"));
    let again = granted.check(&plan, &site());
    assert!(
        !again.refused && again.grants.is_empty(),
        "{:?}",
        again.findings
    );
    // A policy that comes from its file says the same.
    let back = Policy::from_json(&granted.to_json()).unwrap();
    assert_eq!(back.digest(), granted.digest());
    // Granted to one task, and to the items it expands into, not to others.
    let network = Effects {
        network: Some(Network::Full),
        ..Effects::default()
    };
    for (task, is_granted) in [
        ("net", true),
        ("net[7]", true),
        ("fine", false),
        ("other/net", false),
    ] {
        let id = id(task);
        assert_eq!(
            back.constraints(&ask(&id, &network), &site()).is_ok(),
            is_granted,
            "{task}"
        );
    }
    let silent = id("net");
    let nothing = Effects::default();
    let silent = back.constraints(&ask(&silent, &nothing), &site()).unwrap();
    assert_eq!(silent.confine.network, Network::Full, "granted to the task");
}

#[test]
fn strict_refuses_what_default_tells_and_has_every_plan_approved() {
    let text = "tasks:\n  a: { command: [docker, ps] }\n  b: { command: [git, push] }\n  c: { run: 'for x in 1; do docker; done' }\n";
    let verdict = builtin("strict").check(&plan(text, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "a refused program-not-listed",
            "b refused arguments-not-allowed",
            "c info shell-text"
        ]
    );
    assert_eq!(verdict.approval, ["strict@1 has every plan approved"]);
    assert!(verdict.grantable);
    let granted = builtin("strict")
        .granting(&verdict, "ada")
        .check(&plan(text, &[]), &site());
    assert!(!granted.refused && !granted.approval.is_empty());
    let told = builtin("default").check(&plan(text, &[]), &site());
    assert!(!told.refused && told.grants.is_empty());
}

#[test]
fn approvals_follow_warnings_and_patterns() {
    let policy = |approvals: &str| {
        let text = format!("version: 1\npack: own\nuse: default\napprovals: {approvals}\n");
        Policy::from_pack(&pack(&text))
    };
    let text = "tasks:\n  build: { run: make }\n  publish_site: { command: [docker, push] }\n";
    let plan = plan(text, &[]);
    let asks = |approvals: &str| policy(approvals).check(&plan, &site()).approval.len();
    assert_eq!(asks("{ plans: never }"), 0);
    assert_eq!(asks("{ plans: on_warning }"), 1);
    assert_eq!(asks("{ plans: always }"), 1);
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: 'publish*', approve: always }] }"),
        1
    );
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: 'build*', approve: on_warning }] }"),
        0
    );
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: '*_site', approve: on_warning }] }"),
        1
    );
}

#[test]
fn a_plan_of_a_model_is_approved_unless_the_pack_lets_it_run_unseen() {
    let policy = |approvals: &str| {
        let text = format!("version: 1\npack: own\nuse: default\n{approvals}\n");
        Policy::from_pack(&pack(&text))
    };
    let draft = r#"{"name":"p","goal":"Build it.","tasks":[{"id":"a","run":"make"}]}"#;
    let planned = Plan::from_json(draft.as_bytes()).unwrap();
    let draft = draft.replace("make", "docker push it");
    let warned = Plan::from_json(draft.as_bytes()).unwrap();
    let asks = |plan: &Plan, approvals: &str| policy(approvals).check(plan, &site()).approval;
    assert_eq!(
        asks(&planned, ""),
        ["own@1 has every plan of a model approved"]
    );
    assert!(asks(&planned, "approvals: { planned: never }").is_empty());
    assert!(asks(&planned, "approvals: { planned: on_warning }").is_empty());
    assert_eq!(
        asks(&warned, "approvals: { planned: on_warning }"),
        ["own@1 has plans of a model with warnings approved"]
    );
    let mut open = policy("approvals: { planned: never }");
    let by = Tightening {
        pack: None,
        terms: Terms {
            planned: Some(ApproveWhen::Always),
            ..Terms::default()
        },
    };
    assert!(open.tighten(&by, "orchestra.yaml").is_empty());
    assert_eq!(open.approvals.planned, ApproveWhen::Always);
    let by = Tightening {
        pack: None,
        terms: Terms {
            planned: Some(ApproveWhen::Never),
            ..Terms::default()
        },
    };
    open.tighten(&by, "orchestra.yaml");
    assert_eq!(
        open.approvals.planned,
        ApproveWhen::Always,
        "only towards always"
    );
    let older = r#"{"plans":"never"}"#;
    let older: crate::policy::Approvals = serde_json::from_str(older).unwrap();
    assert_eq!(older.planned, ApproveWhen::Always);
}

#[test]
fn the_worst_case_counts_items_retries_and_nested_tasks() {
    let inner =
        "tasks:\n  x: { run: make, timeout: 10s, retry: 1 }\n  y: { run: make, timeout: 1s }\n";
    let text = "tasks:\n  a: { run: make, timeout: 5s, for_each: [1, 2, 3], retry: 2 }\n  b: { uses: inner.yaml, for_each: [1, 2] }\n";
    let plan = plan(text, &[("inner.yaml", inner)]);
    let worst = builtin("default").check(&plan, &site()).worst;
    assert_eq!((worst.tasks, worst.attempts), (3 + 2 * 2, 9 + 2 * 3));
    assert_eq!(
        (worst.seconds, worst.open),
        (Some(9 * 5 + 2 * (20 + 1)), false)
    );
    let small =
        "version: 1\npack: small\nuse: default\nbudgets: { tasks: 6, depth: 1, width: 2 }\n";
    let small = Policy::from_pack(&pack(small));
    let verdict = small.check(&plan, &site());
    assert_eq!(
        codes(&verdict),
        [
            "a refused budget-exceeded",
            "b refused budget-exceeded",
            "refused budget-exceeded"
        ]
    );
    assert!(!verdict.grantable);
    assert!(small.check_expansion(&id("a"), 2, 6).is_ok());
    assert!(
        small.check_expansion(&id("a"), 3, 5).is_err()
            && small.check_expansion(&id("a"), 1, 7).is_err()
    );
}

#[test]
fn a_hundred_thousand_items_share_one_answer() {
    let inner = "policy: { read: [docs] }\ntasks:\n  x: { run: make }\n";
    let text = "tasks:\n  a: { run: make, for_each: [1] }\n  b: { uses: inner.yaml }\n";
    let plan = plan(text, &[("inner.yaml", inner)]);
    let dispatch = Dispatch::new(builtin("default"), &plan, site());
    let nothing = Effects::default();
    let first = id("a[0]");
    let first = dispatch.constraints(&ask(&first, &nothing)).unwrap();
    for item in 1..100_000 {
        let id = id(&format!("a[{item}]"));
        let own = dispatch.constraints(&ask(&id, &nothing)).unwrap();
        assert!(Arc::ptr_eq(&own.confine, &first.confine));
    }
    assert_eq!(dispatch.distinct(), 1);
    // A nested scenario's own `policy` narrows its tasks further.
    let nested = id("b/x");
    let nested = dispatch.constraints(&ask(&nested, &nothing)).unwrap();
    assert!(nested.confine.read.contains(&"/p/docs".to_owned()) && nested.is_within(&first));
    assert_eq!(dispatch.distinct(), 2);
    assert_eq!(dispatch.policy(&id("b[2]/x")).paths.read.len(), 1);
}

#[test]
fn what_a_scenario_asks_for_narrows_or_is_told() {
    let text = "policy: { use: strict, programs: [git, docker], read: [docs, ~/.ssh], network: full, limits: { wall: 5m, pids: 100000 } }\ntasks: { a: { run: git log } }\n";
    let plan = plan(text, &[]);
    let mut policy = builtin("default");
    let findings = policy.tighten(&Tightening::of_request(plan.policy().unwrap()), "scenario");
    let said: Vec<_> = findings
        .iter()
        .map(|one| (one.code.as_str(), one.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (
                "other-pack",
                "scenario was written for pack `strict`; the policy is `default@1`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `network: full`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `programs: docker`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `paths.read: ~/.ssh`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `limits.pids: 100000`"
            ),
        ]
    );
    assert_eq!(policy.programs.len(), 1);
    assert_eq!(policy.limits.wall_ms, Some(300_000));
    let lines = policy.lines();
    let line = |key: &str| {
        lines
            .iter()
            .find(|line| line.key == key)
            .map(|line| (line.value.as_str(), line.origin.as_str()))
    };
    assert_eq!(line("limits.wall"), Some(("5m", "scenario")));
    assert_eq!(line("limits.pids"), Some(("4096", "pack default@1")));
    assert_eq!(line("programs.git"), Some(("git", "scenario")));
    assert_eq!(line("network"), Some(("none", "pack default@1")));
    assert_eq!(line("limits.cpu"), Some(("none", "not said")));
}

#[test]
fn declared_programs_are_compared_with_those_that_are_started() {
    let text = "tasks:
  less: { run: git log | cat, effects: { programs: [git] } }
  more: { command: [env, git, log], effects: { programs: [git, env, tar] } }
  dark: { run: 'for x in 1; do tar $x; done', effects: { programs: [tar] } }
  other: { run: git log, effects: { programs: [git, docker] } }
";
    let verdict = builtin("default").check(&plan(text, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "dark info shell-text",
            "less warning undeclared-program",
            "more info unused-grant",
            "other info unused-grant",
            "other warning program-not-listed",
        ]
    );
}

#[test]
fn packs_build_on_others() {
    let policy = builtin("open");
    assert_eq!(policy.origin("network"), "pack open@1");
    assert_eq!(policy.origin("limits.pids"), "pack build@1");
    assert_eq!(policy.origin("programs.git"), "pack default@1");
    // Of a list: where its parts come from.
    assert_eq!(
        policy.origin("programs"),
        "pack build@1, pack default@1, pack open@1"
    );
    assert_eq!(policy.origin("paths.read"), "pack default@1");
    assert_eq!(policy.origin("limits.cpu"), "not said");
    assert_eq!(policy.limits.memory_bytes, None);
    assert!(builtin_pack("open").unwrap().contains("use: build"));
}

#[test]
fn a_longer_time_limit_is_cut_and_told() {
    let text = "tasks: { a: { command: [cat, x], timeout: 2h } }";
    let strict = builtin("strict");
    let verdict = strict.check(&plan(text, &[]), &site());
    assert_eq!(codes(&verdict), ["a warning timeout-cut"]);
    let (id, nothing) = (id("a"), Effects::default());
    let own = TaskAsk {
        timeout: Timeout {
            wall_ms: Some(7_200_000),
            idle_ms: None,
        },
        argv: vec![Some("cat"), Some("x")],
        ..ask(&id, &nothing)
    };
    let constraints = strict.constraints(&own, &site()).unwrap();
    assert_eq!(constraints.timeout.wall_ms, Some(3_600_000));
    assert_eq!(constraints.timeout.idle_ms, Some(900_000));
}

#[test]
fn budgets_of_model_calls_only_shrink() {
    let text = "version: 1\npack: paid\nbudgets: { usd: 1.50, tokens: 1000, wall: 30m }\n";
    let mut policy = Policy::from_pack(&pack(text));
    let budget = Budget::from(policy.budgets);
    let usd = |text: &str| Some(text.parse().unwrap());
    assert_eq!((budget.usd, budget.tokens), (usd("1.50"), Some(1000)));
    assert_eq!((budget.wall_ms, budget.calls), (Some(1_800_000), None));
    let project = "policy:\n  budgets: { usd: 0.25, tokens: 2000, calls: 5 }\n";
    let parsed = scenario::parse_tightening("orchestra.yaml", project.as_bytes());
    let found = policy.tighten(&parsed.tightening.unwrap(), "orchestra.yaml");
    let said: Vec<_> = found.iter().map(|one| one.message.as_str()).collect();
    let more = "orchestra.yaml asks for more than the policy: `budgets.tokens: 2000`";
    assert_eq!(said, [more]);
    let budget = Budget::from(policy.budgets);
    assert_eq!((budget.usd, budget.tokens), (usd("0.25"), Some(1000)));
    assert_eq!(budget.calls, Some(5));
    let lines = policy.lines();
    let line = |key: &str| {
        let line = lines.iter().find(|line| line.key == key).unwrap();
        (line.value.clone(), line.origin.clone())
    };
    assert_eq!(
        line("budgets.usd"),
        ("0.25".into(), "orchestra.yaml".into())
    );
    assert_eq!(
        line("budgets.tokens"),
        ("1000".into(), "pack paid@1".into())
    );
    let dear = "policy: { budgets: { usd: 2 } }";
    let parsed = scenario::parse_tightening("orchestra.yaml", dear.as_bytes());
    let found = policy.tighten(&parsed.tightening.unwrap(), "orchestra.yaml");
    let more = "orchestra.yaml asks for more than the policy: `budgets.usd: 2.00`";
    assert_eq!(found[0].message, more);
}
