//! Who needs whom, as compressed arrays: two slices per task and nothing to chase.

use serde::{Deserialize, Serialize};

/// A task's position in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskIndex(u32);

impl TaskIndex {
    /// From a position; a plan holds far fewer than 2^32 tasks.
    #[must_use]
    pub fn new(position: usize) -> Self {
        Self(u32::try_from(position).expect("plan limits keep positions within u32"))
    }

    /// The position.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// Edges in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    needs: Rows,
    dependents: Rows,
}

/// Rows of a sparse matrix: row `i` is `items[starts[i]..starts[i + 1]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rows {
    starts: Box<[u32]>,
    items: Box<[TaskIndex]>,
}

impl Rows {
    fn row(&self, index: TaskIndex) -> &[TaskIndex] {
        let range = self.starts[index.get()] as usize..self.starts[index.get() + 1] as usize;
        &self.items[range]
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

/// Collects the needs of one task after another.
#[derive(Debug)]
pub(super) struct Builder {
    starts: Vec<u32>,
    items: Vec<TaskIndex>,
}

impl Builder {
    pub(super) fn with_tasks(tasks: usize) -> Self {
        let mut starts = Vec::with_capacity(tasks + 1);
        starts.push(0);
        Self {
            starts,
            items: Vec::new(),
        }
    }

    /// A need of the current task.
    pub(super) fn need(&mut self, index: TaskIndex) {
        self.items.push(index);
    }

    /// The current task is complete.
    pub(super) fn next_task(&mut self) {
        self.starts
            .push(u32::try_from(self.items.len()).expect("plan limits bound the edges"));
    }

    pub(super) fn build(self) -> Graph {
        let tasks = self.starts.len() - 1;
        let mut starts = vec![0_u32; tasks + 1];
        for need in &self.items {
            starts[need.get() + 1] += 1;
        }
        for i in 0..tasks {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut items = vec![TaskIndex(0); self.items.len()];
        for task in 0..tasks {
            let range = self.starts[task] as usize..self.starts[task + 1] as usize;
            for need in &self.items[range] {
                items[next[need.get()] as usize] = TaskIndex::new(task);
                next[need.get()] += 1;
            }
        }
        Graph {
            needs: Rows {
                starts: self.starts.into(),
                items: self.items.into(),
            },
            dependents: Rows {
                starts: starts.into(),
                items: items.into(),
            },
        }
    }
}

impl Graph {
    pub(super) fn len(&self) -> usize {
        self.needs.len()
    }

    pub(super) fn needs(&self, index: TaskIndex) -> &[TaskIndex] {
        self.needs.row(index)
    }

    pub(super) fn dependents(&self, index: TaskIndex) -> &[TaskIndex] {
        self.dependents.row(index)
    }

    /// Kahn's order: every task after all its needs. Shorter than the graph if there is a cycle;
    /// then the rest is on a cycle or behind one.
    pub(super) fn topological(&self) -> Vec<TaskIndex> {
        let mut waiting: Vec<u32> = (0..self.len())
            .map(|i| u32::try_from(self.needs(TaskIndex::new(i)).len()).expect("bounded edges"))
            .collect();
        let mut order: Vec<TaskIndex> = (0..self.len())
            .filter(|i| waiting[*i] == 0)
            .map(TaskIndex::new)
            .collect();
        let mut at = 0;
        while at < order.len() {
            for dependent in self.dependents(order[at]) {
                waiting[dependent.get()] -= 1;
                if waiting[dependent.get()] == 0 {
                    order.push(*dependent);
                }
            }
            at += 1;
        }
        order
    }

    /// Tasks on the longest chain from each task to the end, itself included.
    pub(super) fn ranks(&self, topological: &[TaskIndex]) -> Vec<u32> {
        let mut ranks = vec![1_u32; self.len()];
        for task in topological.iter().rev() {
            for need in self.needs(*task) {
                ranks[need.get()] = ranks[need.get()].max(ranks[task.get()] + 1);
            }
        }
        ranks
    }

    /// Tasks on the longest chain from the start to each task, itself included.
    pub(super) fn levels(&self, topological: &[TaskIndex]) -> Vec<u32> {
        let mut levels = vec![1_u32; self.len()];
        for task in topological {
            for dependent in self.dependents(*task) {
                levels[dependent.get()] = levels[dependent.get()].max(levels[task.get()] + 1);
            }
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[&[usize]]) -> Graph {
        let mut builder = Builder::with_tasks(needs.len());
        for row in needs {
            row.iter()
                .for_each(|need| builder.need(TaskIndex::new(*need)));
            builder.next_task();
        }
        builder.build()
    }

    #[test]
    fn a_diamond() {
        let graph = graph(&[&[], &[0], &[0], &[2, 1]]);
        let positions = |row: &[TaskIndex]| row.iter().map(|i| i.get()).collect::<Vec<_>>();
        assert_eq!(
            positions(graph.needs(TaskIndex::new(3))),
            [2, 1],
            "as written"
        );
        assert_eq!(positions(graph.dependents(TaskIndex::new(0))), [1, 2]);
        let order = graph.topological();
        assert_eq!(positions(&order), [0, 1, 2, 3]);
        assert_eq!(graph.ranks(&order), [3, 2, 2, 1]);
    }

    #[test]
    fn a_cycle_leaves_tasks_out() {
        assert_eq!(
            graph(&[&[1], &[0], &[0], &[]]).topological(),
            [TaskIndex(3)]
        );
    }
}
