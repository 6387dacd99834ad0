//! Small random plans, some of whose tasks expand, and what their attempts do.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use l3_worker::{Scripted, ScriptedExecutor};
use protocol::expr::Template;
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::{DraftPlan, DraftTask, Limits, OutputType, Parse, Plan};
use protocol::policy::{Backoff, RetryPolicy};
use rand::Rng as _;
use rand::rngs::SmallRng;

/// One task in four has one of these.
const CONDITIONS: [&str; 5] = [
    "always()",
    "always()",
    "failure()",
    "tasks.t0.outputs.n >= 0",
    "tasks.t0.outputs.n > 1000000",
];

/// The nested scenario that plans use; it holds a fan-out itself.
const NESTED: &str = "nested.yaml";

/// 5 to 30 tasks, some with children.
pub(super) fn roll(rng: &mut SmallRng) -> Arc<Plan> {
    let count = rng.random_range(5..=30);
    let tasks = (0..count).map(|at| task(at, rng)).collect();
    complete(tasks, rng)
}

/// The same, and most tasks ask a model.
pub(super) fn roll_asking(rng: &mut SmallRng) -> Arc<Plan> {
    let count = rng.random_range(3..=14);
    let mut tasks: Vec<_> = (0..count).map(|at| task(at, rng)).collect();
    for task in &mut tasks {
        if rng.random_bool(0.7) {
            task.run = None;
            task.prompt = Some(Template::new("say it"));
            task.parse = Some(Parse::Json);
        }
    }
    complete(tasks, rng)
}

fn complete(mut tasks: Vec<DraftTask>, rng: &mut SmallRng) -> Arc<Plan> {
    // Conditions speak of the first one's output.
    for task in tasks.iter_mut().skip(1) {
        if rng.random_bool(0.12) {
            expand(task, rng, true);
        }
    }
    let mut inner: Vec<_> = (0..3).map(|at| task(at, rng)).collect();
    expand(&mut inner[1], rng, false);
    let nested = DraftPlan {
        name: "nested".into(),
        tasks: inner,
        max_parallel: rng.random_bool(0.3).then_some(2),
        ..DraftPlan::default()
    };
    let draft = DraftPlan {
        name: "sim".into(),
        tasks,
        scenarios: [(NESTED.to_owned(), nested)].into(),
        ..DraftPlan::default()
    };
    Arc::new(
        draft
            .check(&Limits::default())
            .expect("a plan without problems"),
    )
}

fn task(at: usize, rng: &mut SmallRng) -> DraftTask {
    let mut needs: Vec<_> = match at {
        0 => Vec::new(),
        _ => (0..rng.random_range(0..3))
            .map(|_| rng.random_range(0..at))
            .collect(),
    };
    needs.sort_unstable();
    needs.dedup();
    let condition = CONDITIONS[rng.random_range(0..CONDITIONS.len())];
    let condition = (at > 0 && rng.random_bool(0.25)).then_some(condition);
    if condition.is_some_and(|text| text.contains("t0")) {
        needs.insert(0, 0);
        needs.dedup();
    }
    // The longer delays are handed back, the shorter ones waited for in place.
    let delay_ms = [20, 400, 6_000][rng.random_range(0..3)];
    DraftTask {
        id: format!("t{at}"),
        run: Some("true".into()),
        needs: needs.iter().map(|need| format!("t{need}")).collect(),
        condition: condition.map(str::to_owned),
        outputs: [("n".to_owned(), OutputType::Int)].into(),
        retry: Some(RetryPolicy {
            max: rng.random_range(0..3),
            delay_ms,
            backoff: Backoff::Fixed,
            ..RetryPolicy::default()
        }),
        continue_on_error: rng.random_bool(0.2),
        ..DraftTask::default()
    }
}

/// Items, or a nested scenario, or one for each item.
fn expand(task: &mut DraftTask, rng: &mut SmallRng, may_nest: bool) {
    let nests = may_nest && rng.random_bool(0.4);
    if !nests || rng.random_bool(0.3) {
        let items: Vec<_> = (0..rng.random_range(0..4)).collect();
        task.for_each = Some(items.into());
        task.max_parallel = rng.random_bool(0.3).then_some(1);
    }
    if nests {
        task.run = None;
        (task.prompt, task.parse) = (None, None);
        task.uses = Some(NESTED.to_owned());
        task.outputs.clear();
    }
}

/// What an attempt does depends on the seed, the task and its number only.
pub(super) fn script(seed: u64) -> ScriptedExecutor {
    ScriptedExecutor::new(move |task, attempt| {
        let mut hasher = DefaultHasher::new();
        (seed, task.task_id.as_str(), attempt).hash(&mut hasher);
        let dice = hasher.finish();
        let fails = dice % 100 < 18;
        // Some outlive a lease without a heartbeat, so that fences matter.
        let is_long = dice / 100 % 100 < 15;
        let most = if is_long { 14_000 } else { 1_500 };
        Scripted {
            takes: Duration::from_millis(dice / 10_000 % most),
            failure: fails.then(|| Failure::new(FailureClass::ToolFailed, "it said no")),
            exit: fails.then_some(1),
            ..Scripted::default()
        }
    })
}
