//! Checks across the machine's structures. Tests call them after every step.

use std::collections::HashMap;

use protocol::plan::TaskIndex;
use protocol::state::{Counts, Phase, TaskState};

use super::pool::Pool;
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
            // Made only where something is wrong: this is asked after every step.
            let name = || self.run.id(task);
            self.check_parent(task)?;
            if self.run.expansion(task).is_some_and(|one| one.width() > 0) {
                counts.total -= 1;
            } else {
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
            }
            let held = self.leases.held.get(&task).map(|held| held.lease);
            if record.state.lease() != held {
                return Err(format!(
                    "{}: state says lease {:?}, table {held:?}",
                    name(),
                    record.state.lease()
                ));
            }
            let published = self.leases.published.contains_key(&task);
            if published && record.state != TaskState::Pending {
                return Err(format!(
                    "{}: published while {}",
                    name(),
                    record.state.word()
                ));
            }
            if record.failed_attempts > record.attempts {
                return Err(format!("{}: more failures than attempts", name()));
            }
            let open = self.run.needs(task);
            let open = open
                .filter(|need| !self.run.task(*need).state.is_terminal())
                .count();
            if open != self.schedule.open_needs(task) as usize {
                return Err(format!(
                    "{}: {open} needs are open, not {}",
                    name(),
                    self.schedule.open_needs(task)
                ));
            }
            // A need that was reopened does not stop a dependent that runs already.
            let unstarted = |need: &TaskIndex| self.run.task(*need).attempts == 0;
            let needs = self.run.needs(task);
            let began_early = held.is_some()
                && needs
                    .filter(unstarted)
                    .any(|need| matches!(self.run.task(need).state, TaskState::Pending));
            if began_early || (published && open > 0) {
                return Err(format!("{}: started before its needs were over", name()));
            }
        }
        if counts != self.run.counts() {
            return Err(format!(
                "counts {:?} instead of {counts:?}",
                self.run.counts()
            ));
        }
        self.check_gauges()?;
        self.check_calls()?;
        self.check_leases()
    }

    fn check_parent(&self, task: TaskIndex) -> Result<(), String> {
        let state = &self.run.task(task).state;
        let Some(expansion) = self.run.expansion(task) else {
            return match state {
                TaskState::Expanded { .. } => Err(format!("{}: no children", self.run.id(task))),
                _ => Ok(()),
            };
        };
        let is_open = |child: &TaskIndex| !self.run.task(*child).state.is_terminal();
        let open = expansion.all().filter(is_open).count();
        match state {
            TaskState::Expanded { open: told } if *told as usize == open => Ok(()),
            state if state.is_terminal() && open == 0 => Ok(()),
            state => Err(format!(
                "{}: {open} children are open while it is {state:?}",
                self.run.id(task)
            )),
        }
    }

    fn check_gauges(&self) -> Result<(), String> {
        for (at, told, most) in self.schedule.gauges.counts() {
            let held = self.leases.held.keys().chain(self.leases.published.keys());
            let beneath = |task: &&TaskIndex| self.run.ancestors(**task).any(|above| above == at);
            let under_way = held.filter(beneath).count();
            let name = self.run.id(at);
            if under_way != told as usize {
                return Err(format!("{name}: {under_way} are under way, not {told}"));
            }
            if told > most {
                return Err(format!(
                    "{name}: {told} are under way; at most {most} may be"
                ));
            }
        }
        Ok(())
    }

    fn check_leases(&self) -> Result<(), String> {
        let under_way = self.leases.held.keys().chain(self.leases.published.keys());
        let asking = under_way.filter(|task| Pool::of(&self.run, **task) == Pool::Ai);
        let (asking, told) = (asking.count(), self.leases.asking);
        if asking != told {
            return Err(format!("{asking} tasks ask models, not {told}"));
        }
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
