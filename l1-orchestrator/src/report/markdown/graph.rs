//! The plan as a mermaid graph; shape, word and color say the same.

use super::page::Page;
use crate::report::graph::{mermaid, picture};

impl Page<'_> {
    pub(super) fn graph(&mut self) {
        let Some(plan) = self.plan else {
            return;
        };
        let picture = picture(plan, Some(self.summary));
        self.heading("Graph");
        if let Some(note) = &picture.note {
            self.line(&format!("{note}\n"));
        }
        if !picture.nodes.is_empty() {
            self.fenced("mermaid", &mermaid(&picture));
        }
    }
}
