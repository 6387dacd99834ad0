//! The plan as a mermaid graph; shape, word and color say the same.

use super::page::Page;
use crate::report::task::Standing;

/// Edges, and tasks, of a graph that can still be read; above it, there is none.
const MAX_EDGES: usize = 400;

impl Page<'_> {
    pub(super) fn graph(&mut self) {
        let Some(plan) = self.plan else {
            return;
        };
        let edges: usize = plan.order().map(|index| plan.needs(index).len()).sum();
        self.heading("Graph");
        if edges > MAX_EDGES || plan.len() > MAX_EDGES {
            let tasks = plan.len();
            self.line(&format!(
                "Not drawn: {tasks} tasks and {edges} edges, at most {MAX_EDGES}."
            ));
            return;
        }
        self.line("```mermaid\nflowchart LR");
        for (index, task) in plan.tasks() {
            let standing = self.summary.task(task.id()).map(|task| &task.standing);
            let (open, close) = match standing {
                Some(Standing::Failed { .. }) => ("{{", "}}"),
                Some(Standing::Skipped { .. } | Standing::Cancelled) => ("[/", "/]"),
                Some(Standing::Done) => ("([", "])"),
                _ => ("[", "]"),
            };
            let word = standing.map_or("WAIT", Standing::word);
            let class = standing.map_or("pending", Standing::status);
            let (n, id) = (index.get(), task.id());
            self.line(&format!("  t{n}{open}\"{id}<br/>{word}\"{close}:::{class}"));
        }
        for (index, _) in plan.tasks() {
            for need in plan.needs(index) {
                self.line(&format!("  t{} --> t{}", need.get(), index.get()));
            }
        }
        self.line("  classDef done fill:#d6f5d6,stroke:#2e7d32,color:#111");
        self.line("  classDef failed fill:#ffd9d6,stroke:#b71c1c,color:#111");
        self.line("  classDef skipped,cancelled fill:#eee,stroke:#777,color:#111");
        self.line("```");
    }
}
