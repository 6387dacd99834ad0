//! The graph while it is made smaller: groups of tasks and the edges between them.

use std::collections::BTreeSet;

use super::look::Look;

/// Tasks drawn as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Shown id of its first task.
    pub(super) first: String,
    /// Shown id of its last task.
    pub(super) last: String,
    /// How many tasks.
    pub(super) tasks: usize,
    /// Tasks by look, in the order of [`Look::ALL`].
    pub(super) looks: [usize; Look::ALL.len()],
    /// What is known beside its look, such as `11/12`.
    pub(super) detail: Option<String>,
    /// Where a reader finds more about its one task.
    pub(super) anchor: Option<String>,
}

impl Group {
    pub(super) fn one(id: String, look: Look) -> Self {
        let mut looks = [0; Look::ALL.len()];
        looks[look as usize] = 1;
        Self {
            last: id.clone(),
            first: id,
            tasks: 1,
            looks,
            detail: None,
            anchor: None,
        }
    }

    /// The worst of its looks.
    pub(super) fn look(&self) -> Look {
        let there = |look: &&Look| self.looks[**look as usize] > 0;
        Look::ALL.iter().find(there).copied().unwrap_or(Look::Plain)
    }

    fn take(&mut self, other: &Self) {
        self.last.clone_from(&other.last);
        self.tasks += other.tasks;
        for (mine, theirs) in self.looks.iter_mut().zip(other.looks) {
            *mine += theirs;
        }
        self.detail = None;
        self.anchor = None;
    }
}

/// Groups, each after what it needs, and edges by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    pub(super) groups: Vec<Group>,
    pub(super) edges: BTreeSet<(u32, u32)>,
}

impl Sketch {
    /// What each group needs.
    pub(super) fn needs(&self) -> Vec<Vec<u32>> {
        let mut needs = vec![Vec::new(); self.groups.len()];
        for (from, to) in &self.edges {
            needs[*to as usize].push(*from);
        }
        needs
    }

    /// What waits for each group.
    pub(super) fn dependents(&self) -> Vec<Vec<u32>> {
        let mut dependents = vec![Vec::new(); self.groups.len()];
        for (from, to) in &self.edges {
            dependents[*from as usize].push(*to);
        }
        dependents
    }

    /// Longest way to each group from one that needs nothing, in edges. Groups follow what they need.
    pub(super) fn depths(&self) -> Vec<u32> {
        let needs = self.needs();
        let mut depths = vec![0_u32; self.groups.len()];
        for at in 0..self.groups.len() {
            let deepest = needs[at]
                .iter()
                .map(|need| depths[*need as usize] + 1)
                .max();
            depths[at] = deepest.unwrap_or(0);
        }
        depths
    }

    /// Makes one group of all with the same mark, a position; groups stay in the order of their first
    /// tasks.
    pub(super) fn merged(&self, marks: &[usize]) -> Self {
        let mut place: Vec<Option<u32>> = vec![None; marks.len()];
        let mut groups: Vec<Group> = Vec::new();
        let mut at_of: Vec<u32> = Vec::with_capacity(marks.len());
        for (group, mark) in self.groups.iter().zip(marks) {
            if let Some(at) = place[*mark] {
                groups[at as usize].take(group);
                at_of.push(at);
            } else {
                let at = u32::try_from(groups.len()).expect("plan limits bound the tasks");
                place[*mark] = Some(at);
                groups.push(group.clone());
                at_of.push(at);
            }
        }
        let moved = |at: u32| at_of[at as usize];
        let edges = self.edges.iter();
        let edges = edges.map(|(from, to)| (moved(*from), moved(*to)));
        Self {
            groups,
            edges: edges.filter(|(from, to)| from != to).collect(),
        }
    }
}
