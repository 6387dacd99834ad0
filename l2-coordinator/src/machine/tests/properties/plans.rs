//! Random plans: mostly small, some of more than two hundred tasks.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use protocol::plan::Plan;
use protocol::policy::{Backoff, RetryPolicy};

use crate::testing::{Tasks, plan_of, task};

#[derive(Clone, Debug)]
struct Shape {
    needs: Vec<prop::sample::Index>,
    retries: u32,
    condition: Option<&'static str>,
    tolerant: bool,
}

/// One task in four has one of these.
const CONDITIONS: [&str; 6] = [
    "always()",
    "always()",
    "failure()",
    "inputs.n > 2",
    "inputs.n > 99",
    "failure() or inputs.n > 2",
];

fn shape() -> impl Strategy<Value = Shape> {
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let tolerant = prop::bool::weighted(0.2);
    let condition = prop::option::weighted(0.25, select(&CONDITIONS[..]));
    (needs, 0_u32..4, condition, tolerant).prop_map(|(needs, retries, condition, tolerant)| Shape {
        needs,
        retries,
        condition,
        tolerant,
    })
}

/// Any DAG with retries, conditions and tolerated failures.
pub(super) fn any_plan() -> impl Strategy<Value = Arc<Plan>> {
    let small = prop::collection::vec(shape(), 1..30);
    let large = prop::collection::vec(shape(), 30..260);
    prop_oneof![4 => small, 1 => large].prop_map(|shapes| {
        let tasks = shapes
            .iter()
            .enumerate()
            .map(|(at, shape)| build(at, shape));
        plan_of(tasks)
    })
}

fn build(at: usize, shape: &Shape) -> Tasks {
    let mut needs: Vec<_> = match at {
        0 => Vec::new(),
        // A need comes earlier, so every shape is acyclic.
        _ => shape.needs.iter().map(|need| need.index(at)).collect(),
    };
    needs.sort_unstable();
    needs.dedup();
    let names: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
    let mut built = task(&format!("t{at}"))
        .needs(names.iter().map(String::as_str))
        .retry(RetryPolicy {
            max: shape.retries,
            backoff: Backoff::Fixed,
            ..RetryPolicy::default()
        });
    if let Some(condition) = shape.condition {
        built = built.condition(condition);
    }
    if shape.tolerant {
        built = built.tolerant();
    }
    built
}
