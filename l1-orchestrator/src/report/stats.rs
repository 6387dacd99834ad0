//! Numbers over a run: how long things took, how often they failed, and of what.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::event::LeaseEnd;
use protocol::ids::TaskId;
use protocol::outcome::FailureClass;
use protocol::plan::Plan;

use super::attempt::AttemptEnding;
use super::planned::ready;
use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};

/// Mean and percentiles of some durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: Duration,
    /// Half are at most this.
    pub p50: Duration,
    /// 95 of 100 are at most this.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// Of any number of durations; percentiles by nearest rank.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<u64> = durations
            .into_iter()
            .map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
            .collect();
        sorted.sort_unstable();
        let Some(max) = sorted.last() else {
            return Self::default();
        };
        let total: u128 = sorted.iter().map(|micros| u128::from(*micros)).sum();
        let mean = u64::try_from(total / sorted.len() as u128).unwrap_or(u64::MAX);
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            Duration::from_micros(sorted[at])
        };
        Self {
            count: sorted.len(),
            mean: Duration::from_micros(mean),
            p50: rank(50),
            p95: rank(95),
            max: Duration::from_micros(*max),
        }
    }
}

/// What went wrong in one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassGroup {
    /// The class.
    pub class: FailureClass,
    /// Attempts that ended in it.
    pub attempts: usize,
    /// Tasks that failed for good in it.
    pub tasks: Vec<TaskId>,
}

/// Numbers over a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Attempts that were started.
    pub attempts: usize,
    /// Of these, succeeded.
    pub attempts_succeeded: usize,
    /// Attempts that followed a failed one.
    pub retries: usize,
    /// Attempts that ended with the coordinator that had started them.
    pub interrupted: usize,
    /// Elapsed time of finished attempts.
    pub attempt_time: Spread,
    /// From the first attempt's start to the task's end.
    pub task_time: Spread,
    /// From the moment a task's needs had ended to its first attempt's start.
    pub queue_wait: Spread,
    /// Processor time of all attempts.
    pub cpu: Duration,
    /// Largest resident set of any process.
    pub peak_rss_bytes: u64,
    /// Leases that ended with their worker's death.
    pub crashes: u32,
    /// Errors by class, most frequent first.
    pub classes: Vec<ClassGroup>,
}

impl Stats {
    /// Of a summary; queue waits need the plan's edges.
    #[must_use]
    pub fn of(summary: &RunSummary, plan: Option<&Plan>) -> Self {
        let attempts = || summary.tasks.iter().flat_map(|task| &task.attempts);
        let finished = attempts().filter(|attempt| attempt.finished.is_some());
        Self {
            attempts: attempts().count(),
            attempts_succeeded: attempts()
                .filter(|attempt| attempt.ending == AttemptEnding::Succeeded)
                .count(),
            retries: summary.tasks.iter().map(TaskSummary::retries).sum(),
            interrupted: attempts()
                .filter(|attempt| {
                    attempt.ending == AttemptEnding::Lost(LeaseEnd::CoordinatorRestarted)
                })
                .count(),
            attempt_time: Spread::of(finished.map(|attempt| attempt.wall)),
            task_time: {
                let leaves = summary.tasks.iter().filter(|task| task.expansion.is_none());
                Spread::of(leaves.filter_map(TaskSummary::duration))
            },
            queue_wait: plan.map_or_else(Spread::default, |plan| {
                Spread::of(queue_waits(summary, plan))
            }),
            cpu: attempts().map(|attempt| attempt.cpu).sum(),
            peak_rss_bytes: attempts()
                .map(|attempt| attempt.peak_rss_bytes)
                .max()
                .unwrap_or(0),
            crashes: summary.tasks.iter().map(|task| task.crashes).sum(),
            classes: classes(summary),
        }
    }
}

/// For each task that started: how long it waited after the last of its needs had ended.
fn queue_waits<'a>(summary: &'a RunSummary, plan: &'a Plan) -> impl Iterator<Item = Duration> + 'a {
    summary.tasks.iter().filter_map(|task| {
        let begun = task.attempts.first()?.started;
        Some(begun.since(ready(summary, Some(plan), task)?))
    })
}

fn classes(summary: &RunSummary) -> Vec<ClassGroup> {
    let mut groups: BTreeMap<FailureClass, (usize, Vec<TaskId>)> = BTreeMap::new();
    for task in &summary.tasks {
        for attempt in &task.attempts {
            if let AttemptEnding::Failed { failure, .. } = &attempt.ending {
                groups.entry(failure.class).or_default().0 += 1;
            }
        }
        if let Standing::Failed { failure, .. } = &task.standing
            && task.fails_itself()
        {
            groups
                .entry(failure.class)
                .or_default()
                .1
                .push(task.id.clone());
        }
    }
    let mut list: Vec<_> = groups
        .into_iter()
        .map(|(class, (attempts, tasks))| ClassGroup {
            class,
            attempts,
            tasks,
        })
        .collect();
    list.sort_by_key(|group| std::cmp::Reverse((group.attempts, group.tasks.len())));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let spread = Spread::of((1..=20).map(Duration::from_secs));
        assert_eq!(spread.p50, Duration::from_secs(10));
        assert_eq!(spread.p95, Duration::from_secs(19));
        assert_eq!(spread.max, Duration::from_secs(20));
        assert_eq!(spread.mean, Duration::from_millis(10_500));
        assert_eq!(Spread::of([]), Spread::default());
        assert_eq!(
            Spread::of([Duration::from_secs(3)]).p95,
            Duration::from_secs(3)
        );
    }
}
