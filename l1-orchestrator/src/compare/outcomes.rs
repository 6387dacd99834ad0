//! What came out: how tasks ended, what they output, the files they left, how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::comparison::Change;
use super::plans::fields;
use super::side::Side;
use crate::report::{Standing, TaskSummary, words};

/// How long something took in each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durations {
    /// The task; the run itself when empty.
    pub task: String,
    /// In the first and in the second run.
    pub took: [Duration; 2],
    /// Attempts in each.
    pub attempts: [usize; 2],
}

impl Durations {
    /// How far apart they are.
    #[must_use]
    pub fn apart(&self) -> Duration {
        self.took[0].abs_diff(self.took[1])
    }
}

/// The run's verdict, how tasks ended that both runs have, and which failed that only one has.
pub fn compare(a: &Side, b: &Side) -> Vec<Change> {
    let verdict = |side: &Side| Some(json!(words::verdict(&side.summary).to_lowercase()));
    let run = Change {
        what: "run".into(),
        from: verdict(a),
        to: verdict(b),
    };
    let (a, b) = (&a.summary, &b.summary);
    let both = a.tasks.iter().filter_map(|task| {
        let other = b.task(&task.id);
        (other.is_some() || task.is_failed()).then_some((
            task,
            Some(ending(task)),
            other.map(ending),
        ))
    });
    let only_b = b
        .tasks
        .iter()
        .filter(|task| a.task(&task.id).is_none() && task.is_failed());
    let only_b = only_b.map(|task| (task, None, Some(ending(task))));
    let tasks = both.chain(only_b).map(|(task, from, to)| Change {
        what: task.id.to_string(),
        from,
        to,
    });
    let all = std::iter::once(run).chain(tasks);
    all.filter(|change| change.from != change.to).collect()
}

/// How a task ended, in a word or two; by which attempt is luck.
fn ending(task: &TaskSummary) -> Value {
    let status = task.standing.status();
    match &task.standing {
        Standing::Failed { failure, .. } => {
            let how = task.last_attempt().map(|attempt| attempt.how());
            let how = how.unwrap_or_else(|| failure.class.to_string());
            json!(format!("{status}: {how}"))
        }
        _ => json!(status),
    }
}

/// Outputs, as `task.name`.
pub fn outputs(a: &Side, b: &Side) -> Vec<Change> {
    let all = |side: &Side| -> Map<String, Value> {
        let outputs = side.outputs.iter();
        outputs
            .map(|(task, own)| (task.clone(), Value::Object(own.clone())))
            .collect()
    };
    fields(&all(a), &all(b))
}

/// Sealed files, by path: size and digest.
pub fn artifacts(a: &Side, b: &Side) -> Vec<Change> {
    let files = |side: &Side| -> BTreeMap<String, Value> {
        let artifacts = side.summary.tasks.iter().flat_map(|task| &task.artifacts);
        let files = artifacts.flat_map(|artifact| &artifact.files);
        files
            .map(|file| {
                let seal = json!({ "bytes": file.bytes, "sha256": file.sha256 });
                (file.path.clone(), seal)
            })
            .collect()
    };
    let (a, b) = (files(a), files(b));
    let only_b = b.keys().filter(|path| !a.contains_key(*path));
    let all = a.keys().chain(only_b).map(|path| Change {
        what: path.clone(),
        from: a.get(path).cloned(),
        to: b.get(path).cloned(),
    });
    all.filter(|change| change.from != change.to).collect()
}

/// The run, then the tasks both have, the furthest apart first.
pub fn durations(a: &Side, b: &Side) -> Vec<Durations> {
    let run = Durations {
        task: String::new(),
        took: [a.summary.wall(), b.summary.wall()],
        attempts: [0, 0],
    };
    let tasks = a.summary.tasks.iter().filter_map(|task| {
        let other = b.summary.task(&task.id)?;
        Some(Durations {
            task: task.id.to_string(),
            took: [task.duration()?, other.duration()?],
            attempts: [task.attempts.len(), other.attempts.len()],
        })
    });
    let mut tasks: Vec<Durations> = tasks.collect();
    tasks.sort_by(|a, b| b.apart().cmp(&a.apart()).then_with(|| a.task.cmp(&b.task)));
    std::iter::once(run).chain(tasks).collect()
}
