//! Secrets, `policy` and `effects` from what a person writes to the plan.

use std::collections::BTreeMap;

use crate::plan::{Action, DraftPlan, Limits, Plan};
use crate::policy::{LimitsRequest, Network, SecretSource};

use super::refusal_tests::load_with_files;

fn plan(source: &str) -> Plan {
    let parsed = load_with_files(source);
    let scenario = parsed.scenario.expect("a valid scenario");
    scenario.plan(BTreeMap::new()).expect("a plan")
}

#[test]
fn words_become_what_they_say() {
    let plan = plan(
        "secrets:
  A: { from: env }
  B: { from: file, path: ~/.keys/b }
policy:
  use: strict
  read: [., ~/.cargo]
  network: none
  limits: { wall: 1h30m, memory: 2GiB, pids: 64, output: 512KiB, file_size: 1MiB }
tasks:
  a: { run: x, secrets: [B, A] }
",
    );
    assert_eq!(plan.secrets()["A"], SecretSource::Env { name: None });
    let path = "~/.keys/b".to_owned();
    assert_eq!(plan.secrets()["B"], SecretSource::File { path });
    let policy = plan.policy().unwrap();
    assert_eq!(
        policy.read,
        Some(vec![".".to_owned(), "~/.cargo".to_owned()])
    );
    assert_eq!(
        (&policy.write, policy.network),
        (&None, Some(Network::None))
    );
    assert_eq!(
        policy.limits,
        Some(LimitsRequest {
            wall_ms: Some(5_400_000),
            memory_bytes: Some(2 << 30),
            pids: Some(64),
            output_bytes: Some(512 << 10),
            file_bytes: Some(1 << 20),
            ..LimitsRequest::default()
        })
    );
    let a = plan.task(plan.index_of("a").unwrap());
    assert_eq!(a.secrets(), ["A", "B"]);
    assert_eq!(a.effects(), None);
}

#[test]
fn default_effects_are_replaced_whole_and_leave_nested_scenarios_alone() {
    let plan = plan(
        "secrets: { A: { from: env } }
defaults: { effects: { write: [out], network: none } }
policy: { programs: [sh] }
tasks:
  a: { run: x }
  b: { run: x, effects: { read: [] } }
  c: { uses: ./n.yaml, secrets: [A] }
--- n.yaml
secrets: { A: { from: env, name: A } }
policy: { network: none }
tasks: { t: { run: x, secrets: [A] } }
",
    );
    let effects = |id| plan.task(plan.index_of(id).unwrap()).effects();
    let a = effects("a").unwrap();
    assert_eq!(
        (a.network, &a.write),
        (Some(Network::None), &Some(vec!["out".to_owned()]))
    );
    let b = effects("b").unwrap();
    assert_eq!(
        (b.network, &b.write, &b.read),
        (None, &None, &Some(Vec::new()))
    );
    assert_eq!(effects("c"), None);
    let c = plan.task(plan.index_of("c").unwrap());
    let Action::Uses(nested) = c.action() else {
        panic!("a nested scenario")
    };
    let inner = nested.scenario.policy().unwrap();
    assert_eq!(
        (inner.network, &inner.programs),
        (Some(Network::None), &None)
    );
    let t = nested.scenario.task(nested.scenario.index_of("t").unwrap());
    assert_eq!(
        (c.secrets(), t.secrets()),
        (&["A".to_owned()][..], &["A".to_owned()][..])
    );
    assert_eq!(t.effects(), None, "defaults of the file itself");
}

#[test]
fn what_a_person_pastes_as_a_value_is_not_repeated() {
    for (text, value) in [
        (
            "secrets: { T: ghp_0123 }\ntasks: { a: { run: x } }",
            "ghp_0123",
        ),
        (
            "secrets: { T: { value: hunter2 } }\ntasks: { a: { run: x } }",
            "hunter2",
        ),
        (
            "secrets: { T: { from: env, default: hunter2 } }\ntasks: { a: { run: x } }",
            "hunter2",
        ),
    ] {
        let parsed = load_with_files(text);
        assert!(parsed.scenario.is_none());
        for found in parsed.diagnostics {
            let help = found.help.unwrap_or_default();
            assert!(
                !found.message.contains(value) && !help.contains(value),
                "{text}"
            );
        }
    }
}

#[test]
fn a_budget_is_part_of_what_the_policy_is_asked() {
    let text =
        "budget: { usd: 1.50, tokens: 150000, wall: 30m, tasks: 25 }\ntasks: { a: { run: x } }";
    let plan = plan(text);
    let budget = plan.policy().unwrap().budget.unwrap();
    assert_eq!(
        (budget.usd_nanos, budget.tokens),
        (Some(1_500_000_000), Some(150_000))
    );
    assert_eq!((budget.wall_ms, budget.tasks), (Some(1_800_000), Some(25)));
    assert_eq!((budget.calls, budget.attempts), (None, None));
    let again = DraftPlan::from_json(&plan.to_json()).unwrap();
    assert_eq!(
        again.check(&Limits::default()).unwrap().digest(),
        plan.digest()
    );
}
