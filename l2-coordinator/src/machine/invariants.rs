//! Checks across the machine's structures. Tests call them after every step.

use std::collections::HashMap;

use protocol::plan::TaskIndex;
use protocol::state::{Counts, Phase, TaskState};

use super::value::Machine;

impl Machine {
    /// Everything that must hold between any two inputs.
    ///
    /// # Errors
    /// One line that names what does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        let mut counts = Counts {
            total: self.run.tasks().len(),
            ..Counts::default()
        };
        for (index, record) in self.run.tasks().iter().enumerate() {
            let task = TaskIndex::new(index);
            let name = self.run.plan().task(task).id();
            match &record.state {
                TaskState::Done => counts.done += 1,
                TaskState::Failed { tolerated, .. } => {
                    counts.failed += 1;
                    counts.tolerated += usize::from(*tolerated);
                }
                TaskState::Skipped { .. } => counts.skipped += 1,
                TaskState::Cancelled => counts.cancelled += 1,
                _ => {}
            }
            let held = self.leases.held.get(&task).map(|held| held.lease);
            if record.state.lease() != held {
                return Err(format!(
                    "{name}: state says lease {:?}, table {held:?}",
                    record.state.lease()
                ));
            }
            let published = self.leases.published.contains_key(&task);
            if published && record.state != TaskState::Pending {
                return Err(format!("{name}: published while {}", record.state.word()));
            }
            if record.failed_attempts > record.attempts {
                return Err(format!("{name}: more failures than attempts"));
            }
            let open = self.run.plan().needs(task).iter();
            let open = open
                .filter(|need| !self.run.task(**need).state.is_terminal())
                .count();
            if open != self.schedule.open_needs(task) as usize {
                return Err(format!(
                    "{name}: {open} needs are open, not {}",
                    self.schedule.open_needs(task)
                ));
            }
            // A need that was reopened does not stop a dependent that runs already.
            let unstarted = |need: &&TaskIndex| self.run.task(**need).attempts == 0;
            let needs = self.run.plan().needs(task).iter();
            let began_early = held.is_some()
                && needs
                    .filter(unstarted)
                    .any(|need| matches!(self.run.task(*need).state, TaskState::Pending));
            if began_early || (published && open > 0) {
                return Err(format!("{name}: started before its needs were over"));
            }
        }
        if counts != self.run.counts() {
            return Err(format!(
                "counts {:?} instead of {counts:?}",
                self.run.counts()
            ));
        }
        self.check_leases()
    }

    fn check_leases(&self) -> Result<(), String> {
        let mut seen = HashMap::new();
        let held = self
            .leases
            .held
            .iter()
            .map(|(task, held)| (held.lease, *task));
        let published = self
            .leases
            .published
            .iter()
            .map(|(task, p)| (p.lease, *task));
        for (lease, task) in held.chain(published) {
            if let Some(other) = seen.insert(lease, task) {
                return Err(format!("lease {lease} belongs to {other:?} and {task:?}"));
            }
            if lease.epoch == self.run.epoch() && lease.lease > self.leases.last {
                return Err(format!(
                    "lease {lease} is above the last one, {}",
                    self.leases.last
                ));
            }
        }
        if matches!(self.run.phase(), Phase::Finished(_)) && self.leases.in_flight() > 0 {
            return Err("leases outlive the run".into());
        }
        Ok(())
    }
}
