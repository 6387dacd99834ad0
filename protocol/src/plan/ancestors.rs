//! Whether tasks that refer to each other are in order, without computing every pair.

use super::graph::{Graph, TaskIndex};

/// Steps all questions together may take. Local references need a few each; a plan that uses this
/// up is told to list its needs directly.
const MAX_STEPS: usize = 20_000_000;

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It ends before the other starts.
    Yes,
    /// It does not.
    No,
    /// Too dear to find out.
    TooFar,
}

/// Answers, for a graph without cycles, whether a task comes before another.
pub(super) struct Ancestors<'a> {
    graph: &'a Graph,
    levels: Vec<u32>,
    /// The question that visited a task last.
    visited: Vec<u32>,
    question: u32,
    steps: usize,
}

impl<'a> Ancestors<'a> {
    pub(super) fn new(graph: &'a Graph, topological: &[TaskIndex]) -> Self {
        let levels = graph.levels(topological);
        Self {
            graph,
            levels,
            visited: vec![0; graph.len()],
            question: 0,
            steps: 0,
        }
    }

    /// For each of `after`, whether `before` comes before it. One search serves them all.
    pub(super) fn ask(&mut self, before: TaskIndex, after: &[TaskIndex]) -> Vec<Before> {
        self.question += 1;
        let level = |index: TaskIndex| self.levels[index.get()];
        let deepest = after.iter().map(|index| level(*index)).max().unwrap_or(0);
        let mut queue = vec![before];
        let mut complete = true;
        while let Some(at) = queue.pop() {
            for dependent in self.graph.dependents(at) {
                self.steps += 1;
                let seen = self.visited[dependent.get()] == self.question;
                if !seen && self.levels[dependent.get()] <= deepest {
                    self.visited[dependent.get()] = self.question;
                    queue.push(*dependent);
                }
            }
            if self.steps > MAX_STEPS {
                complete = false;
                break;
            }
        }
        let answer = |index: &TaskIndex| match self.visited[index.get()] == self.question {
            true => Before::Yes,
            false if complete => Before::No,
            false => Before::TooFar,
        };
        after.iter().map(answer).collect()
    }
}
