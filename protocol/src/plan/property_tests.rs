//! Any graph: an acyclic one comes out in order and round-trips, a cyclic one is named.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Bounds, DraftPlan, DraftTask, Limits, Plan};
use crate::expr::Template;
use crate::policy::{RetryPolicy, Timeout};

/// Needs point from later to earlier tasks, ids are shuffled: always acyclic.
fn acyclic() -> impl Strategy<Value = DraftPlan> {
    (2_usize..60).prop_flat_map(|count| {
        let edges = prop::collection::vec((0..count, 0..count), 0..count * 3);
        let ids = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        let env = prop::collection::btree_map("[A-Z]{1,4}", "[^\\x00$]{0,12}", 0..3);
        (edges, ids, env).prop_map(move |(edges, ids, env)| {
            let id = |at: usize| format!("t{}", ids[at]);
            let mut tasks: Vec<DraftTask> = (0..count)
                .map(|at| DraftTask {
                    id: id(at),
                    run: Some(format!("echo {at}")),
                    ..DraftTask::default()
                })
                .collect();
            for (a, b) in edges {
                let (need, task) = (a.min(b), a.max(b));
                if need != task && !tasks[task].needs.contains(&id(need)) {
                    tasks[task].needs.push(id(need));
                }
            }
            let env: BTreeMap<_, _> = env
                .into_iter()
                .map(|(name, text)| (name, Template::new(text)))
                .collect();
            tasks[0].env = env;
            DraftPlan {
                name: "p".to_owned(),
                tasks,
                ..DraftPlan::default()
            }
        })
    })
}

fn assert_consistent(plan: &Plan) {
    for (index, task) in plan.tasks() {
        assert_eq!(plan.index_of(task.id().as_str()), Some(index));
        for need in plan.needs(index) {
            assert!(*need < index, "starting order is topological");
            assert!(plan.rank(*need) > plan.rank(index));
            assert!(plan.dependents(*need).contains(&index));
        }
        let longest = plan
            .dependents(index)
            .iter()
            .map(|next| plan.rank(*next))
            .max();
        assert_eq!(plan.rank(index), longest.unwrap_or(0) + 1);
    }
    let keys: Vec<_> = plan
        .tasks()
        .map(|(i, t)| (std::cmp::Reverse(plan.rank(i)), t.id().clone()))
        .collect();
    assert!(keys.is_sorted(), "by critical path, then id");
}

proptest! {
    #[test]
    fn any_dag_comes_out_in_order_and_round_trips(draft in acyclic()) {
        let plan = draft.check(&Limits::default()).expect("acyclic and plain");
        assert_consistent(&plan);
        let again = Plan::from_json(&plan.to_json()).expect("its own JSON");
        prop_assert_eq!(again.digest(), plan.digest());
        prop_assert_eq!(again, plan);
    }

    #[test]
    fn closing_a_circle_is_always_found(draft in acyclic(), from in any::<prop::sample::Index>()) {
        let mut draft = draft;
        let at = from.index(draft.tasks.len());
        let Some(need) = draft.tasks[at].needs.first().cloned() else { return Ok(()) };
        let id = draft.tasks[at].id.clone();
        let needed = draft.tasks.iter_mut().find(|task| task.id == need).expect("needs exist");
        needed.needs.push(id);
        let problems = draft.check(&Limits::default()).expect_err("a circle");
        prop_assert!(problems.iter().any(|problem| problem.code == "cycle"));
    }

    #[test]
    fn arbitrary_json_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let outcome = Plan::from_json(&bytes);
        prop_assert!(outcome.is_err(), "two hundred random bytes are no plan");
    }
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let limit = || prop::option::of(1_u64..100);
    let small = || prop::option::of(0_u32..20);
    let priority = prop::option::of(-5_i32..5);
    (limit(), limit(), small(), small(), priority).prop_map(
        |(wall, idle, retry, crash, priority)| Bounds {
            timeout: Timeout {
                wall_ms: wall,
                idle_ms: idle,
            },
            retry: retry.map(|max| RetryPolicy {
                max,
                ..RetryPolicy::default()
            }),
            crash_limit: crash,
            priority,
        },
    )
}

/// Whether a limit is at least as tight as another; none is the loosest.
fn tighter<N: PartialOrd>(inner: Option<N>, outer: Option<N>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (inner, Some(outer)) => inner.is_some_and(|inner| inner <= outer),
    }
}

proptest! {
    #[test]
    fn children_can_only_tighten(own in bounds(), outer in bounds(), outermost in bounds()) {
        let found = own.clone().within(&outer);
        prop_assert!(tighter(found.timeout.wall_ms, outer.timeout.wall_ms));
        prop_assert!(tighter(found.timeout.idle_ms, outer.timeout.idle_ms));
        prop_assert!(tighter(found.timeout.wall_ms, own.timeout.wall_ms));
        prop_assert!(tighter(found.timeout.idle_ms, own.timeout.idle_ms));
        prop_assert!(tighter(found.crash_limit, outer.crash_limit));
        prop_assert!(tighter(found.crash_limit, own.crash_limit));
        let extra = |bounds: &Bounds| bounds.retry.as_ref().map(|retry| retry.max);
        prop_assert!(tighter(extra(&found), extra(&outer)));
        prop_assert!(tighter(extra(&found), extra(&own)));
        prop_assert_eq!(found.priority, own.priority.or(outer.priority));
        // However deep: the whole way down is as tight as its tightest step.
        let by_step = own.clone().within(&outer).within(&outermost);
        let at_once = own.within(&outer.within(&outermost));
        prop_assert_eq!(by_step, at_once);
    }
}
