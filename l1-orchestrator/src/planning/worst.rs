//! The worst case of a plan: how many tasks and attempts, and how long: one after the other, and along
//! the longest path. Timeouts times attempts plus delays; a task without a time limit has no bound.

use l2_coordinator::{Width, width};
use protocol::outcome::FailureClass;
use protocol::plan::{Action, Bounds, Plan, PlanTask};
use protocol::policy::RetryPolicy;

use super::known::Known;

/// A time, as far as it is bounded. Ordered as times are: whatever has no bound is longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Tasks in it that have no time limit.
    pub open: u64,
    /// Milliseconds of the others, and of all delays.
    pub ms: u64,
}

impl Span {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            open: self.open.saturating_add(other.open),
            ms: self.ms.saturating_add(other.ms),
        }
    }

    fn times(self, count: u64) -> Self {
        Self {
            open: self.open.saturating_mul(count),
            ms: self.ms.saturating_mul(count),
        }
    }
}

/// The worst case of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    /// Tasks that run, those that come of expansions included.
    pub tasks: u64,
    /// Their attempts.
    pub attempts: u64,
    /// One after the other.
    pub sum: Span,
    /// Along the longest path, with room for everything at once.
    pub path: Span,
}

impl Worst {
    fn times(self, count: u64) -> Self {
        Self {
            tasks: self.tasks.saturating_mul(count),
            attempts: self.attempts.saturating_mul(count),
            sum: self.sum.times(count),
            // Items do not wait for each other.
            path: if count == 0 {
                Span::default()
            } else {
                self.path
            },
        }
    }
}

/// The worst case of a plan.
#[must_use]
pub fn worst(plan: &Plan) -> Worst {
    within(plan, &Bounds::default(), &Known::new(plan))
}

/// The worst case of one task, whatever it expands into included.
#[must_use]
pub fn worst_of(task: &PlanTask, outer: &Bounds, known: &Known<'_>) -> Worst {
    let bounds = Bounds::of(task).within(outer);
    let one = match task.action() {
        Action::Run(_) | Action::Command(_) | Action::Prompt(_) => leaf(&bounds),
        // Of paths only the text differs by their root, which no number of items comes from.
        Action::Uses(uses) => within(&uses.scenario, &bounds, &known.nested(uses, None)),
    };
    match task.fan_out().map(|fan_out| width(fan_out, known)) {
        Some(Ok(Width { most, .. })) => one.times(most as u64),
        // It fails as it is about to expand.
        Some(Err(_)) => one.times(0),
        None => one,
    }
}

/// Depth is bounded by the plan's own limits.
fn within(plan: &Plan, outer: &Bounds, known: &Known<'_>) -> Worst {
    let mut total = Worst::default();
    let mut paths = vec![Span::default(); plan.len()];
    // The order is topological: what a task needs is there when its turn comes.
    for index in plan.order() {
        let one = worst_of(plan.task(index), outer, known);
        total.tasks = total.tasks.saturating_add(one.tasks);
        total.attempts = total.attempts.saturating_add(one.attempts);
        total.sum = total.sum.plus(one.sum);
        let before = plan.needs(index).iter().map(|need| paths[need.get()]).max();
        paths[index.get()] = before.unwrap_or_default().plus(one.path);
        total.path = total.path.max(paths[index.get()]);
    }
    total
}

fn leaf(bounds: &Bounds) -> Worst {
    let once = RetryPolicy::default();
    let retry = bounds.retry.as_ref().unwrap_or(&once);
    let attempts = u64::from(retry.max) + 1;
    let span = match bounds.timeout.wall_ms {
        Some(ms) => Span {
            open: 0,
            ms: ms.saturating_mul(attempts).saturating_add(delays(retry)),
        },
        None => Span {
            open: 1,
            ms: delays(retry),
        },
    };
    Worst {
        tasks: 1,
        attempts,
        sum: span,
        path: span,
    }
}

/// All delays of a task that fails as often as it may, milliseconds.
fn delays(retry: &RetryPolicy) -> u64 {
    let class = retry.when.first().copied();
    let class = class.unwrap_or(FailureClass::ToolFailed);
    let exit = retry.exit_codes.first().copied().or(Some(1));
    (1..=retry.max)
        .filter_map(|failed| retry.next(class, exit, failed, 0))
        .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use protocol::plan::{DraftPlan, Limits};

    use super::*;

    fn plan(tasks: &str) -> Plan {
        let text = format!("{{\"name\":\"p\",\"tasks\":[{tasks}]}}");
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        draft.check(&Limits::default()).unwrap()
    }

    fn spans(tasks: &str) -> (Span, Span) {
        let worst = worst(&plan(tasks));
        (worst.sum, worst.path)
    }

    const fn ms(ms: u64) -> Span {
        Span { open: 0, ms }
    }

    #[test]
    fn timeouts_times_attempts_plus_delays() {
        let retry = "{\"max\":2,\"delay_ms\":100,\"backoff\":\"exponential\",\"max_delay_ms\":150}";
        let a = format!(
            "{{\"id\":\"a\",\"run\":\"x\",\"timeout\":{{\"wall_ms\":1000}},\"retry\":{retry}}}"
        );
        assert_eq!(spans(&a), (ms(3250), ms(3250)));
        let b = "{\"id\":\"b\",\"run\":\"x\",\"timeout\":{\"wall_ms\":10}}";
        let c = "{\"id\":\"c\",\"run\":\"x\",\"needs\":[\"b\"],\"timeout\":{\"wall_ms\":10}}";
        assert_eq!(spans(&format!("{a},{b},{c}")), (ms(3270), ms(3250)));
        assert_eq!(spans(&format!("{b},{c}")), (ms(20), ms(20)));
    }

    #[test]
    fn a_path_without_a_bound_is_the_longest() {
        let open = "{\"id\":\"a\",\"run\":\"x\"}";
        let long = "{\"id\":\"b\",\"run\":\"x\",\"timeout\":{\"wall_ms\":90000}}";
        let (sum, path) = spans(&format!("{open},{long}"));
        assert_eq!(
            sum,
            Span {
                open: 1,
                ms: 90_000
            }
        );
        assert_eq!(path, Span { open: 1, ms: 0 });
    }

    #[test]
    fn items_count_and_do_not_wait_for_each_other() {
        let each = "{\"id\":\"a\",\"run\":\"x\",\"timeout\":{\"wall_ms\":10},\"for_each\":[1,2,3]}";
        let worst = worst(&plan(each));
        assert_eq!((worst.tasks, worst.attempts), (3, 3));
        assert_eq!((worst.sum, worst.path), (ms(30), ms(10)));
    }
}
