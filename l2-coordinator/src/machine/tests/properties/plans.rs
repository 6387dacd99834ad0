//! Random plans: mostly small, some of more than two hundred tasks.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use protocol::plan::Plan;
use protocol::policy::{Backoff, RetryPolicy};
use serde_json::json;

use crate::testing::{Tasks, scenario, task};

#[derive(Clone, Debug)]
struct Shape {
    needs: Vec<prop::sample::Index>,
    retries: u32,
    condition: Option<&'static str>,
    tolerant: bool,
    expansion: Option<Expansion>,
    limits: Limits,
}

/// What a task expands into.
#[derive(Clone, Debug)]
struct Expansion {
    items: Option<usize>,
    uses: Option<&'static str>,
    at_once: Option<u32>,
    /// Whether `if` names the item.
    picks: bool,
}

#[derive(Clone, Debug)]
struct Limits {
    priority: Option<i32>,
    crashes: Option<u32>,
    wall_ms: Option<u64>,
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

/// Nested scenarios: tasks in a row, a fan-out, and both of them inside of another.
const FILES: [&str; 3] = ["row.yaml", "fan.yaml", "both.yaml"];

fn shape() -> impl Strategy<Value = Shape> {
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let tolerant = prop::bool::weighted(0.2);
    let condition = prop::option::weighted(0.25, select(&CONDITIONS[..]));
    let expansion = prop::option::weighted(0.2, expansion());
    (needs, 0_u32..4, condition, tolerant, expansion, limits()).prop_map(
        |(needs, retries, condition, tolerant, expansion, limits)| Shape {
            needs,
            retries,
            condition,
            tolerant,
            expansion,
            limits,
        },
    )
}

fn expansion() -> impl Strategy<Value = Expansion> {
    let items = prop::option::weighted(0.7, 0_usize..6);
    let uses = prop::option::weighted(0.4, select(&FILES[..]));
    let at_once = prop::option::weighted(0.4, 1_u32..4);
    (items, uses, at_once, prop::bool::weighted(0.2)).prop_map(|(items, uses, at_once, picks)| {
        let items = items.or(uses.is_none().then_some(2));
        Expansion {
            items,
            uses,
            at_once,
            picks: picks && items.is_some(),
        }
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let priority = prop::option::weighted(0.1, -5..5);
    let crashes = prop::option::weighted(0.1, 1_u32..5);
    let wall_ms = prop::option::weighted(0.3, 1_u64..10_000);
    (priority, crashes, wall_ms).prop_map(|(priority, crashes, wall_ms)| Limits {
        priority,
        crashes,
        wall_ms,
    })
}

/// Any DAG with retries, conditions, tolerated failures, fan-outs and nested scenarios.
pub(super) fn any_plan() -> impl Strategy<Value = Arc<Plan>> {
    let small = prop::collection::vec(shape(), 1..30);
    let large = prop::collection::vec(shape(), 30..260);
    let nested = prop::collection::vec(shape(), 4..5);
    (prop_oneof![4 => small, 1 => large], nested).prop_map(|(shapes, nested)| {
        let tasks = |shapes: &[Shape]| -> Vec<Tasks> {
            let tasks = shapes.iter().enumerate();
            tasks.map(|(at, shape)| build(at, shape)).collect()
        };
        let plain = |shape: &Shape| Shape {
            expansion: None,
            ..shape.clone()
        };
        let row: Vec<_> = nested.iter().map(plain).collect();
        let fan = [
            task("f").for_each(json!([1, 2, 3])).at_once(2),
            task("g").needs(["f"]),
        ];
        let both = [
            task("r").uses("row.yaml").tolerant(),
            task("f")
                .for_each(json!([0, 1]))
                .uses("fan.yaml")
                .needs(["r"]),
        ];
        scenario(tasks(&shapes))
            .nested("row.yaml", scenario(tasks(&row)).with_n())
            .nested("fan.yaml", scenario(fan).at_once(2))
            .nested("both.yaml", scenario(both))
            .plan()
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
    if let Some(expansion) = &shape.expansion {
        built = expand(built, expansion);
    }
    built.0.priority = shape.limits.priority;
    built.0.crash_limit = shape.limits.crashes;
    built.0.timeout.wall_ms = shape.limits.wall_ms;
    built
}

fn expand(mut built: Tasks, expansion: &Expansion) -> Tasks {
    if let Some(items) = expansion.items {
        built = built.for_each(json!((0..items).collect::<Vec<_>>()));
    }
    if let Some(file) = expansion.uses {
        built = built.uses(file);
    }
    if expansion.picks {
        built = built.condition("item != 1");
    }
    built.0.max_parallel = expansion.at_once;
    built
}
