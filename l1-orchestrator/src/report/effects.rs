//! What tasks declare that they touch, beside what was seen while they ran. What cannot be seen is called
//! that: it is never called unused.

use std::collections::{BTreeMap, HashMap};

use protocol::ids::TaskId;
use protocol::plan::{Action, Plan};
use protocol::policy::{Effects, Network, SandboxLevel, Seen};
use serde::Serialize;

use super::attempt::Attempt;
use super::summary::RunSummary;
use super::words;

/// Rows on a page.
const MAX_ROWS: usize = 100;
/// Paths or names in one cell.
const MAX_NAMED: usize = 12;
/// Said of what no sandbox of ours looks at.
const NOT_OBSERVED: &str = "not observed";

/// One kind of effect of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The task as written: items of a fan-out are one.
    pub task: String,
    /// `read`, `write`, `network` or `programs`.
    pub effect: &'static str,
    /// What it says.
    pub declared: String,
    /// What was seen.
    pub observed: String,
}

/// What attempts of one task showed.
#[derive(Default)]
struct Shown {
    writes: BTreeMap<String, Seen>,
    connections: u64,
    ended: u64,
    confined: u64,
}

impl Shown {
    fn take(&mut self, attempt: &Attempt) {
        let Some(level) = attempt.level else { return };
        self.ended += 1;
        self.confined += u64::from(level != SandboxLevel::None);
        for one in attempt.writes.as_deref().unwrap_or_default() {
            let seen = self.writes.entry(one.path.clone()).or_insert(one.seen);
            *seen = one.seen.max(*seen);
        }
        let denied = attempt.denied.as_deref().unwrap_or_default().iter();
        let connections = denied.filter(|one| matches!(&*one.action, "connect" | "socket"));
        self.connections += connections.map(|one| u64::from(one.times)).sum::<u64>();
    }
}

/// All of them, in the plan's order, and how many more there are.
#[must_use]
pub fn rows(summary: &RunSummary, plan: Option<&Plan>) -> (Vec<Row>, usize) {
    let mut declared = Vec::new();
    if let Some(plan) = plan {
        gather(plan, "", &mut declared);
    }
    if declared.is_empty() {
        return (Vec::new(), 0);
    }
    let mut shown: HashMap<String, Shown> = declared
        .iter()
        .map(|(task, _)| (task.clone(), Shown::default()))
        .collect();
    for task in &summary.tasks {
        if let Some(shown) = shown.get_mut(&written(&task.id)) {
            task.attempts.iter().for_each(|attempt| shown.take(attempt));
        }
    }
    let mut rows: Vec<Row> = declared
        .iter()
        .flat_map(|(task, effects)| of(task, effects, &shown[task]))
        .collect();
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    (rows, more)
}

fn gather<'a>(plan: &'a Plan, prefix: &str, into: &mut Vec<(String, &'a Effects)>) {
    for (_, task) in plan.tasks() {
        let path = format!("{prefix}{}", task.id());
        if let Some(effects) = task.effects() {
            into.push((path.clone(), effects));
        }
        if let Action::Uses(uses) = task.action() {
            gather(&uses.scenario, &format!("{path}/"), into);
        }
    }
}

/// The id without items: `a/b[3]` is written as `a/b`.
fn written(id: &TaskId) -> String {
    let mut parts = id.as_str().split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    text
}

fn of(task: &str, effects: &Effects, shown: &Shown) -> Vec<Row> {
    let row = |effect, declared: String, observed: String| Row {
        task: task.to_owned(),
        effect,
        declared,
        observed,
    };
    let not = || NOT_OBSERVED.to_owned();
    let mut rows = Vec::new();
    if let Some(read) = &effects.read {
        rows.push(row("read", listed(read), not()));
    }
    if let Some(write) = &effects.write {
        rows.push(row("write", listed(write), writes(write, shown)));
    }
    if let Some(network) = effects.network {
        rows.push(row(
            "network",
            network.to_string(),
            connections(network, shown),
        ));
    }
    if let Some(programs) = &effects.programs {
        let observed = format!("{NOT_OBSERVED}: looked at when the plan was checked");
        rows.push(row("programs", listed(programs), observed));
    }
    rows
}

fn listed(names: &[String]) -> String {
    let mut shown: Vec<&str> = names.iter().map(String::as_str).take(MAX_NAMED).collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    let rest = format!("and {more} more");
    if more > 0 {
        shown.push(&rest);
    }
    match shown.is_empty() {
        true => "nothing".to_owned(),
        false => shown.join(", "),
    }
}

fn writes(declared: &[String], shown: &Shown) -> String {
    if declared.is_empty() && shown.ended > 0 {
        return "nothing was open".to_owned();
    }
    if shown.writes.is_empty() {
        return NOT_OBSERVED.to_owned();
    }
    let text = |(path, seen): (&String, &Seen)| {
        let word = match seen {
            Seen::Changed => "written",
            Seen::Unchanged => "nothing changed",
            Seen::NotObserved => NOT_OBSERVED,
        };
        format!("{path}: {word}")
    };
    let mut parts: Vec<String> = shown.writes.iter().map(text).take(MAX_NAMED).collect();
    let more = shown.writes.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}

/// An open network is the host's own, where nobody counts.
fn connections(declared: Network, shown: &Shown) -> String {
    let is_closed = declared == Network::None && shown.ended > 0 && shown.confined == shown.ended;
    match (is_closed, shown.connections) {
        (false, _) => NOT_OBSERVED.to_owned(),
        (true, 0) => "closed; nothing tried".to_owned(),
        (true, some) => {
            let count = usize::try_from(some).unwrap_or(usize::MAX);
            format!("closed; {} denied", words::count(count, "connection"))
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::event::EventKind;
    use protocol::policy::{DeniedAction, ObservedWrite};

    use super::*;
    use crate::report::tests::{Story, end, id};

    fn plan() -> Plan {
        let text = r#"{"name":"p","tasks":[
            {"id":"a","run":"x","effects":{"read":["src"],"write":["out","idle","wide"],
             "network":"none","programs":["sh"]}},
            {"id":"b","run":"x"},
            {"id":"c","run":"x","effects":{"write":["out"],"network":"full"}}]}"#;
        Plan::from_json(text.as_bytes()).unwrap()
    }

    fn finished(task: &str, attempt: u32, writes: &[(&str, Seen)]) -> EventKind {
        let mut end = end(None);
        end.level = SandboxLevel::Strict;
        end.writes = writes
            .iter()
            .map(|(path, seen)| ObservedWrite {
                path: (*path).to_owned(),
                seen: *seen,
            })
            .collect();
        end.denied = vec![DeniedAction {
            action: "connect".into(),
            target: "10.0.0.1:443".into(),
            times: 2,
        }];
        EventKind::AttemptFinished {
            task: id(task),
            lease: "1-1".parse().unwrap(),
            attempt,
            end: Box::new(end),
        }
    }

    fn shown(summary: &RunSummary) -> Vec<String> {
        let (rows, more) = rows(summary, Some(&plan()));
        assert_eq!(more, 0);
        let text = |row: &Row| {
            let Row {
                task,
                effect,
                declared,
                observed,
            } = row;
            format!("{task} {effect} [{declared}] {observed}")
        };
        rows.iter().map(text).collect()
    }

    #[test]
    fn what_was_seen_stands_beside_what_was_declared() {
        let story = Story::begun(3)
            .starts("a", 1)
            .then(finished(
                "a",
                1,
                &[
                    ("out", Seen::Unchanged),
                    ("idle", Seen::Unchanged),
                    ("wide", Seen::NotObserved),
                ],
            ))
            .starts("a", 2)
            .then(finished("a", 2, &[("out", Seen::Changed)]));
        assert_eq!(
            shown(&story.summary()),
            [
                "a read [src] not observed",
                "a write [out, idle, wide] idle: nothing changed; out: written; wide: not observed",
                "a network [none] closed; 4 connections denied",
                "a programs [sh] not observed: looked at when the plan was checked",
                "c write [out] not observed",
                "c network [full] not observed",
            ]
        );
    }

    #[test]
    fn what_never_ran_was_not_observed() {
        let rows = shown(&Story::begun(3).summary());
        assert!(
            rows.iter().all(|row| row.contains("not observed")),
            "{rows:?}"
        );
        assert_eq!(written(&id("a[3]/b[10]/c")), "a/b/c");
    }
}
