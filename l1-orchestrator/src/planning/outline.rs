//! A plan as a tree for eyes: each task beneath the one of its needs that starts last, the other needs
//! beside it. Pure.

use protocol::plan::{Plan, TaskIndex};

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What stands before the task's name.
    pub stem: String,
    /// The task.
    pub task: TaskIndex,
    /// Needs that are not the branch it hangs on.
    pub also: Vec<TaskIndex>,
}

/// The first `most` lines of the tree, in starting order within each branch.
#[must_use]
pub fn outline(plan: &Plan, most: usize) -> Vec<Branch> {
    let mut levels = vec![0_u32; plan.len()];
    let mut children: Vec<Vec<TaskIndex>> = vec![Vec::new(); plan.len()];
    let mut roots = Vec::new();
    let mut parents = vec![None; plan.len()];
    for task in plan.order() {
        // The first of the deepest.
        let mut parent: Option<TaskIndex> = None;
        for need in plan.needs(task) {
            let level = levels[need.get()];
            if parent.is_none_or(|parent| levels[parent.get()] < level) {
                parent = Some(*need);
            }
        }
        levels[task.get()] = parent.map_or(0, |parent| levels[parent.get()] + 1);
        parents[task.get()] = parent;
        match parent {
            Some(parent) => children[parent.get()].push(task),
            None => roots.push(task),
        }
    }
    let mut lines = Vec::new();
    // Task, what its line begins with, and what the lines beneath it begin with.
    let mut open: Vec<(TaskIndex, String, String)> = roots
        .into_iter()
        .rev()
        .map(|root| (root, String::new(), String::new()))
        .collect();
    while let Some((task, stem, beneath)) = open.pop() {
        if lines.len() == most {
            break;
        }
        let parent = parents[task.get()];
        let needs = plan.needs(task).iter().copied();
        lines.push(Branch {
            stem,
            task,
            also: needs.filter(|need| Some(*need) != parent).collect(),
        });
        for (at, child) in children[task.get()].iter().enumerate().rev() {
            let is_last = at + 1 == children[task.get()].len();
            let (joint, rest) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            open.push((
                *child,
                format!("{beneath}{joint}"),
                format!("{beneath}{rest}"),
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use protocol::plan::{DraftPlan, Limits};

    use super::*;

    fn drawn(tasks: &[(&str, &[&str])], most: usize) -> String {
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(id, needs)| serde_json::json!({ "id": id, "run": "x", "needs": needs }))
            .collect();
        let text = serde_json::json!({ "name": "p", "tasks": tasks }).to_string();
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        let plan = draft.check(&Limits::default()).unwrap();
        let name = |task: &TaskIndex| plan.task(*task).id().to_string();
        let lines = outline(&plan, most).into_iter().map(|branch| {
            let also: Vec<_> = branch.also.iter().map(name).collect();
            format!("{}{} {}\n", branch.stem, name(&branch.task), also.join(","))
        });
        lines.collect()
    }

    #[test]
    fn a_diamond_hangs_on_what_starts_last() {
        let tasks: &[(&str, &[&str])] = &[
            ("a", &[]),
            ("b", &["a"]),
            ("c", &["a"]),
            ("d", &["c", "b"]),
            ("e", &["a", "d"]),
            ("z", &[]),
        ];
        assert_eq!(
            drawn(tasks, 9),
            "a \n├─ b \n└─ c \n   └─ d b\n      └─ e a\nz \n"
        );
        assert_eq!(drawn(tasks, 2), "a \n├─ b \n");
    }
}
