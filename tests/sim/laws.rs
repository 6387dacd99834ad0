//! What holds after every seed, told from the journal and from what was seen outside.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use l2_coordinator::journal::Reader;
use protocol::event::{Event, EventKind};
use protocol::ids::{LeaseId, TaskId};
use protocol::plan::Plan;
use protocol::state::{Phase, RunState};

use super::log::{Execution, Seen};
use super::tally::Tally;

type Law = Result<(), String>;

/// Every event of a journal, which ends whole.
pub(super) fn read(journal: &[u8]) -> Result<Vec<Event>, String> {
    let mut reader = Reader::new(journal);
    let events = good(&mut reader)?;
    let end = reader.finish().map_err(|error| error.to_string())?;
    match end.torn {
        None => Ok(events),
        Some(torn) => Err(format!("the journal ends torn: {torn:?}")),
    }
}

/// Every event before the first damage.
pub(super) fn read_good(journal: &[u8]) -> Result<Vec<Event>, String> {
    good(&mut Reader::new(journal))
}

fn good(reader: &mut Reader<&[u8]>) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().map_err(|error| error.to_string())? {
        events.push(event);
    }
    Ok(events)
}

pub(super) fn check(
    plan: &Arc<Plan>,
    journal: &[u8],
    events: &[Event],
    seen: &Seen,
    tally: &mut Tally,
) -> Law {
    let run = folds_to_its_end(plan, events)?;
    shown_still_holds(events, seen)?;
    attempts_end(&run, events)?;
    results_come_from_their_lease(events, &seen.executions)?;
    done_never_runs_again(seen)?;
    one_at_a_time(&seen.executions)?;
    one_holder_a_lease(&seen.executions)?;
    remote_leases_are_certain(events, &seen.executions)?;
    needs_are_certain(&run, journal, events, &seen.executions)?;
    for event in events {
        let name = match &event.kind {
            EventKind::LeaseLost { cause, .. } => format!("event: lease.lost {cause:?}"),
            other => format!("event: {}", other.name()),
        };
        tally.count(name, 1);
    }
    Ok(())
}

fn folds_to_its_end(plan: &Arc<Plan>, events: &[Event]) -> Result<RunState, String> {
    let mut fold = RunState::new(Arc::clone(plan));
    for event in events {
        fold.apply(event).map_err(|error| error.to_string())?;
    }
    match fold.phase() {
        Phase::Finished(_) if fold.is_over() => Ok(fold),
        other => Err(format!("the journal ends {other:?}, {:?}", fold.counts())),
    }
}

/// Whatever was shown outside, before any cut, is in the journal as it was.
pub(super) fn shown_still_holds(events: &[Event], seen: &Seen) -> Law {
    for shown in &seen.shown {
        let at = usize::try_from(shown.seq).expect("small") - 1;
        if events.get(at) != Some(shown) {
            return Err(format!(
                "shown as event {}: {:?}, but the journal has {:?}",
                shown.seq,
                shown.kind,
                events.get(at)
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Story {
    started: u32,
    running: bool,
    over: bool,
}

fn attempts_end(run: &RunState, events: &[Event]) -> Law {
    let mut stories: HashMap<&TaskId, Story> = HashMap::new();
    for event in events {
        let Some(task) = event.kind.task() else {
            continue;
        };
        let story = stories.entry(task).or_default();
        let wrong = |what: &str| Err(format!("event {}, `{task}`: {what}", event.seq));
        match &event.kind {
            EventKind::AttemptStarted { attempt, .. } => {
                if story.over || story.running || *attempt != story.started + 1 {
                    return wrong("an attempt starts out of turn");
                }
                story.started = *attempt;
                story.running = true;
            }
            EventKind::AttemptFinished { .. } | EventKind::LeaseLost { .. } => {
                story.running = false;
            }
            EventKind::TaskDone { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskCancelled { .. } => {
                if story.over || story.running {
                    return wrong("ends twice, or while an attempt runs");
                }
                story.over = true;
            }
            _ => {}
        }
    }
    if stories.len() == run.tasks().len() && stories.values().all(|story| story.over) {
        Ok(())
    } else {
        Err("a task has no end".into())
    }
}

/// Output `n` names the execution a success came from: one under the lease that was current.
fn results_come_from_their_lease(events: &[Event], executions: &[Execution]) -> Law {
    let mut finished: HashMap<&TaskId, (LeaseId, u32)> = HashMap::new();
    for event in events {
        match &event.kind {
            EventKind::AttemptFinished {
                task,
                lease,
                attempt,
                ..
            } => {
                finished.insert(task, (*lease, *attempt));
            }
            // A task with children has no attempt of its own.
            EventKind::TaskDone { attempt: 0, .. } => {}
            EventKind::TaskDone { task, outputs, .. } => {
                let number = outputs["n"].as_u64().ok_or("no output `n`")?;
                let from = &executions[usize::try_from(number).expect("small")];
                if finished.get(task) != Some(&(from.lease, from.attempt)) || from.task != *task {
                    return Err(format!("`{task}` is done by another execution: {from:?}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Once `task.done` was shown, nothing of that task starts.
fn done_never_runs_again(seen: &Seen) -> Law {
    let mut done: HashMap<&TaskId, usize> = HashMap::new();
    for (at, event) in seen.shown.iter().enumerate() {
        if let EventKind::TaskDone { task, .. } = &event.kind {
            done.insert(task, at);
        }
    }
    for execution in &seen.executions {
        if done
            .get(&execution.task)
            .is_some_and(|at| *at < execution.after)
        {
            return Err(format!("a done task ran again: {execution:?}"));
        }
    }
    Ok(())
}

/// Epochs are certain before anything is handed out: no lease is ever held by two.
fn one_holder_a_lease(executions: &[Execution]) -> Law {
    let mut holders: HashMap<(&TaskId, LeaseId), &str> = HashMap::new();
    for execution in executions {
        let lease = (&execution.task, execution.lease);
        let holder = holders.entry(lease).or_insert(&execution.worker);
        if *holder != execution.worker {
            return Err(format!("`{holder}` held it before: {execution:?}"));
        }
    }
    Ok(())
}

/// A worker on another host starts only under a lease that no power cut takes back.
fn remote_leases_are_certain(events: &[Event], executions: &[Execution]) -> Law {
    let leases: HashSet<(&TaskId, LeaseId)> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::TaskLeased { task, lease, .. } => Some((task, *lease)),
            _ => None,
        })
        .collect();
    let remote = executions.iter().filter(|one| one.worker.starts_with('w'));
    for execution in remote {
        if !leases.contains(&(&execution.task, execution.lease)) {
            return Err(format!("its lease is not in the journal: {execution:?}"));
        }
    }
    Ok(())
}

/// A task starts only after the ends of its needs are synced, and what it was expanded from.
fn needs_are_certain(
    run: &RunState,
    journal: &[u8],
    events: &[Event],
    executions: &[Execution],
) -> Law {
    let mut ends: HashMap<&str, usize> = HashMap::new();
    let mut expanded: HashMap<&str, usize> = HashMap::new();
    let mut length = 0;
    for (event, line) in events.iter().zip(journal.split_inclusive(|b| *b == b'\n')) {
        length += line.len();
        match &event.kind {
            EventKind::TaskDone { task, .. }
            | EventKind::TaskFailed { task, .. }
            | EventKind::TaskSkipped { task, .. } => {
                ends.insert(task.as_str(), length);
            }
            EventKind::TaskExpanded { task, .. } => {
                expanded.insert(task.as_str(), length);
            }
            _ => {}
        }
    }
    for execution in executions {
        let index = run.index_of(execution.task.as_str());
        let index = index.ok_or("not a task of the run")?;
        let certain = |at: &HashMap<&str, usize>, task: &TaskId| {
            let end = at.get(task.as_str());
            end.is_some_and(|end| *end <= execution.synced)
        };
        for around in std::iter::once(index).chain(run.ancestors(index)) {
            if around != index && !certain(&expanded, &run.id(around)) {
                return Err(format!("it was not certain that there is {execution:?}"));
            }
            for need in run.needs(around).map(|need| run.id(need)) {
                if !certain(&ends, &need) {
                    return Err(format!("`{need}` was not certain before {execution:?}"));
                }
            }
        }
    }
    Ok(())
}

/// Fencing: no two executions of one task overlap, whatever was lost between the hosts.
fn one_at_a_time(executions: &[Execution]) -> Law {
    let mut last: HashMap<&TaskId, &Execution> = HashMap::new();
    for execution in executions {
        if let Some(before) = last.insert(&execution.task, execution)
            && before.ended.is_none_or(|ended| ended > execution.began)
        {
            return Err(format!("two at once: {before:?} and {execution:?}"));
        }
    }
    Ok(())
}
