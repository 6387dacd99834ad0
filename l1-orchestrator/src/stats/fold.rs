//! Samples in, numbers out. Quantiles are by nearest rank: the smallest value that at least that
//! share of all values does not exceed, always one that was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::time::Timestamp;

use super::sample::Sample;
use crate::report::Spread;
use crate::runs::{Seen, Status};

/// Tasks of one scenario that are told apart, items of a fan-out counting as one; a plan generated
/// with other names every time would have no end.
const MAX_TASKS: usize = 10_000;
/// Durations of one task that are kept, those of the newest runs: 800 KB.
const MAX_DURATIONS: usize = 100_000;

/// When something failed last, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// Position of the run among those that were folded.
    pub run: usize,
    /// When the run began.
    pub at: Option<Timestamp>,
    /// How, in a few words.
    pub how: String,
}

/// Numbers of a scenario's finished runs.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// Runs in which every required task succeeded.
    pub passed: usize,
    /// Runs in which one failed.
    pub failed: usize,
    /// Runs that somebody cancelled.
    pub cancelled: usize,
    /// From start to end, cancelled runs left out.
    pub wall: Spread,
    /// The newest run that failed.
    pub last_failure: Option<LastFailure>,
}

impl RunStats {
    /// Of finished runs, newest first.
    #[must_use]
    pub fn of(runs: &[Seen]) -> Self {
        let count = |status: Status| runs.iter().filter(|run| run.status == status).count();
        let ended = runs.iter().filter(|run| run.status != Status::Cancelled);
        let mut failures = runs.iter().enumerate();
        let last = failures.find(|(_, run)| run.status == Status::Failed);
        Self {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            cancelled: count(Status::Cancelled),
            wall: Spread::of(ended.filter_map(Seen::took)),
            last_failure: last.map(|(at, run)| LastFailure {
                run: at,
                at: run.started(),
                how: String::new(),
            }),
        }
    }

    /// Passed of those that were not cancelled, in percent.
    #[must_use]
    pub fn success_percent(&self) -> Option<u64> {
        percent(self.passed, self.passed + self.failed)
    }
}

/// Numbers of one task.
#[derive(Clone, Debug, Default)]
pub struct TaskStats {
    /// Its id, items of a fan-out together as `id[*]`.
    pub id: String,
    /// Times it succeeded.
    pub passed: usize,
    /// Times it failed for good.
    pub failed: usize,
    /// Times it succeeded, but not with its first attempt.
    pub flaky: usize,
    /// Attempts that failed and were followed by another.
    pub retries: u64,
    /// From its first start to its end.
    pub time: Spread,
    /// Where it failed last.
    pub last_failure: Option<LastFailure>,
}

impl TaskStats {
    /// Times it ended.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.passed + self.failed
    }

    /// Successes of all ends, in percent.
    #[must_use]
    pub fn success_percent(&self) -> Option<u64> {
        percent(self.passed, self.ended())
    }

    /// Successes that took more than one attempt, of all ends, in percent.
    #[must_use]
    pub fn flaky_percent(&self) -> Option<u64> {
        percent(self.flaky, self.ended())
    }
}

/// Rounded down, so that 100 means all.
fn percent(part: usize, of: usize) -> Option<u64> {
    (part * 100).checked_div(of).map(|percent| percent as u64)
}

/// Numbers of every task; worst first, by failures and then by flakiness. Not by time: the order of
/// equals would change with every run.
///
/// `samples` are of the runs in their order, newest first. Says whether some tasks were left out.
#[must_use]
pub fn tasks(samples: &[(Option<Timestamp>, Sample)]) -> (Vec<TaskStats>, bool) {
    let mut all: BTreeMap<&str, (TaskStats, Vec<u64>)> = BTreeMap::new();
    let mut left_out = false;
    for (run, (at, sample)) in samples.iter().enumerate() {
        for task in &sample.tasks {
            if all.len() >= MAX_TASKS && !all.contains_key(task.id.as_str()) {
                left_out = true;
                continue;
            }
            let (stats, durations) = all.entry(&task.id).or_default();
            match &task.failed {
                Some(how) => {
                    stats.failed += 1;
                    stats.last_failure.get_or_insert_with(|| LastFailure {
                        run,
                        at: *at,
                        how: how.clone(),
                    });
                }
                None => {
                    stats.passed += 1;
                    stats.flaky += usize::from(task.retries > 0);
                }
            }
            stats.retries += task.retries;
            if durations.len() < MAX_DURATIONS {
                durations.extend(task.duration_us);
            }
        }
    }
    let mut list: Vec<TaskStats> = all
        .into_iter()
        .map(|(id, (stats, durations))| TaskStats {
            id: id.to_owned(),
            time: Spread::of(durations.into_iter().map(Duration::from_micros)),
            ..stats
        })
        .collect();
    list.sort_by(|a, b| {
        let key = |task: &TaskStats| (task.failed, task.flaky);
        key(b).cmp(&key(a)).then_with(|| a.id.cmp(&b.id))
    });
    (list, left_out)
}

#[cfg(test)]
mod tests {
    use super::super::sample::TaskSample;
    use super::*;

    fn task(id: &str, failed: Option<&str>, retries: u64, duration_us: u64) -> TaskSample {
        TaskSample {
            id: id.into(),
            failed: failed.map(Into::into),
            retries,
            duration_us: Some(duration_us),
        }
    }

    #[test]
    fn tasks_by_what_is_worst_about_them() {
        let run = |tasks: Vec<TaskSample>| {
            (
                Some(Timestamp::from_micros(1)),
                Sample {
                    tasks,
                    ..Sample::default()
                },
            )
        };
        let samples = [
            run(vec![
                task("a", None, 0, 10),
                task("b", None, 2, 30),
                task("c", None, 0, 1),
            ]),
            run(vec![
                task("a", Some("exit 1"), 1, 20),
                task("b", None, 0, 40),
            ]),
            run(vec![
                task("a", Some("exit 2"), 0, 30),
                task("c", None, 0, 2),
            ]),
        ];
        let (list, left_out) = tasks(&samples);
        assert!(!left_out);
        let ids: Vec<_> = list.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        let a = &list[0];
        assert_eq!((a.passed, a.failed, a.flaky, a.retries), (1, 2, 0, 1));
        assert_eq!(a.success_percent(), Some(33));
        let last = a.last_failure.as_ref().unwrap();
        assert_eq!((last.run, last.how.as_str()), (1, "exit 1"), "the newest");
        assert_eq!(a.time.p50, Duration::from_micros(20));
        let b = &list[1];
        assert_eq!((b.flaky, b.retries, b.flaky_percent()), (1, 2, Some(50)));
        assert_eq!(b.time.p95, Duration::from_micros(40));
    }

    #[test]
    fn names_without_end_are_bounded() {
        let tasks_of = |from: usize| {
            let tasks = (from..from + 6000).map(|n| task(&format!("t{n}"), None, 0, 1));
            (
                None,
                Sample {
                    tasks: tasks.collect(),
                    spend: None,
                },
            )
        };
        let (list, left_out) = tasks(&[tasks_of(0), tasks_of(6000)]);
        assert_eq!(list.len(), MAX_TASKS);
        assert!(left_out);
    }

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!(percent(199, 200), Some(99));
        assert_eq!(percent(0, 0), None);
    }
}
