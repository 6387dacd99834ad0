//! Everything that a task runs, word for word: for tasks that nobody wrote, whoever approves them reads it here.
//! The planner refuses what is too long to be read, so nothing is cut.

use protocol::expr::Template;
use protocol::plan::{Action, PlanTask, Prompt, Workspace};

use crate::ui::sanitize;

/// One line each: its variables, its command line or script, what it gets and what it leaves.
pub(super) fn whole(task: &PlanTask) -> Vec<String> {
    let mut lines: Vec<String> = task
        .env()
        .iter()
        .map(|(name, value)| format!("{name}={}", in_one(value.as_str())))
        .collect();
    match task.action() {
        Action::Run(script) => {
            let shell = (task.shell() != PlanTask::DEFAULT_SHELL).then(|| task.shell());
            lines.extend(shell.map(|shell| format!("{shell} -c:")));
            lines.extend(script.lines().map(|line| format!("$ {}", sanitize(line))));
        }
        Action::Command(words) => {
            let words: Vec<String> = words.iter().map(word).collect();
            lines.push(format!("$ {}", words.join(" ")));
        }
        Action::Prompt(prompt) => lines.extend(asked(prompt)),
        Action::Uses(uses) => lines.push(format!("uses {}", sanitize(&uses.file))),
    }
    for (path, source) in task.files() {
        lines.push(format!("< {} from {source}", in_one(path)));
    }
    for path in task.artifacts().values() {
        lines.push(format!("> {}", in_one(path)));
    }
    if task.workspace() == Workspace::Project {
        lines.push("in your own tree".to_owned());
    }
    lines
}

/// What a model is asked, and what it gets to see.
fn asked(prompt: &Prompt) -> Vec<String> {
    let text = prompt.text.as_str().lines();
    let mut lines: Vec<String> = text.map(|line| format!("? {}", sanitize(line))).collect();
    let context = prompt.context.iter();
    lines.extend(context.map(|one| format!("< {}", in_one(&one.to_string()))));
    lines
}

/// A word as a shell would take it; an expression as it is written.
fn word(word: &Template) -> String {
    in_one(&crate::runs::quoted(word.as_str().as_ref()))
}

/// On one line.
fn in_one(text: &str) -> String {
    sanitize(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use protocol::plan::Plan;

    use super::*;

    fn lines(task: &str) -> Vec<String> {
        let text = format!(r#"{{"name":"p","tasks":[{{"id":"t",{task}}}]}}"#);
        let plan = Plan::from_json(text.as_bytes()).unwrap();
        let (_, task) = plan.tasks().next().unwrap();
        whole(task)
    }

    #[test]
    fn nothing_of_a_task_is_left_out() {
        let script = format!("a{}\nrm -rf src\n", "\n".repeat(58));
        let script = serde_json::to_string(&script).unwrap();
        let shown = lines(&format!(
            r#""run":{script},"env":{{"NOTE":"rm -rf /\u001b[2J"}},"artifacts":{{"x":"x.txt"}},"workspace":"project""#
        ));
        assert_eq!(shown[0], "NOTE=rm -rf /\\x1b[2J");
        assert!(shown.contains(&"$ rm -rf src".to_owned()), "{shown:?}");
        assert!(shown.contains(&"> x.txt".to_owned()));
        assert_eq!(shown.last().unwrap(), "in your own tree");
    }

    #[test]
    fn expressions_stand_as_they_are_written() {
        let shown = lines(
            r#""command":["sh","-c","${{ inputs.x }}"]"#.replace("inputs.x", "1 + 1").as_str(),
        );
        assert_eq!(shown, ["$ sh -c '${{ 1 + 1 }}'"]);
    }
}
