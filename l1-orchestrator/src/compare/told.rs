//! What differs between two plans in few words and in full, for a terminal. Pure.

use std::fmt::Write as _;

use protocol::plan::Plan;
use serde_json::{Map, Value};

use super::comparison::Change;
use super::plans::{self, PlanChanges, fields};
use super::text;
use crate::ui::{Painter, Tone, sanitize};

/// Tasks named in the short form.
const MAX_NAMED: usize = 6;
/// Tasks shown in full.
const MAX_TASKS: usize = 50;
/// Characters of a value.
const MAX_VALUE: usize = 120;

/// What differs between a plan and an earlier one, inputs included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanDiff {
    plan: PlanChanges,
    inputs: Vec<Change>,
}

impl PlanDiff {
    /// Compares them.
    #[must_use]
    pub fn between(before: &Plan, after: &Plan) -> Self {
        let inputs = |plan: &Plan| -> Map<String, Value> {
            let inputs = plan.inputs().iter();
            inputs
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        Self {
            plan: plans::compare(before, after),
            inputs: fields(&inputs(before), &inputs(after)),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `+ check_refs, ~ build, - old`.
    #[must_use]
    pub fn short(&self) -> String {
        let plan = &self.plan;
        let added = plan.added.iter().map(|task| format!("+ {task}"));
        let changed = plan.changed.iter().map(|(task, _)| format!("~ {task}"));
        let removed = plan.removed.iter().map(|task| format!("- {task}"));
        let inputs = self
            .inputs
            .iter()
            .map(|one| format!("~ inputs.{}", one.what));
        let other = plan.other.iter().map(|one| format!("~ {}", one.what));
        let all = added
            .chain(changed)
            .chain(removed)
            .chain(inputs)
            .chain(other);
        let mut words: Vec<String> = all.collect();
        let more = words.len().saturating_sub(MAX_NAMED);
        words.truncate(MAX_NAMED);
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        sanitize(&words.join(", ")).into_owned()
    }

    /// Every change with what was and what is, a block of lines for eyes.
    #[must_use]
    pub fn full(&self, painter: Painter) -> String {
        let mut text = String::new();
        let plan = &self.plan;
        let mut line = |tone: Tone, sign: &str, name: &str| {
            let name = sanitize(name);
            writeln!(text, "  {} {name}", painter.paint(tone, sign)).expect("into a string");
        };
        for task in plan.added.iter().take(MAX_TASKS) {
            line(Tone::Good, "+", task);
        }
        for task in plan.removed.iter().take(MAX_TASKS) {
            line(Tone::Bad, "-", task);
        }
        for (task, fields) in plan.changed.iter().take(MAX_TASKS) {
            let sign = painter.paint(Tone::Warn, "~");
            writeln!(text, "  {sign} {}", sanitize(task)).expect("into a string");
            for field in fields {
                text.push_str(&field_lines(field, "      ", painter));
            }
        }
        let shown = |all: usize| all.saturating_sub(MAX_TASKS);
        let more = shown(plan.added.len()) + shown(plan.removed.len()) + shown(plan.changed.len());
        if more > 0 {
            writeln!(text, "  … and {more} more tasks").expect("into a string");
        }
        for change in &self.inputs {
            let what = format!("inputs.{}", change.what);
            let change = Change {
                what,
                ..change.clone()
            };
            text.push_str(&field_lines(&change, "  ", painter));
        }
        for change in &plan.other {
            text.push_str(&field_lines(change, "  ", painter));
        }
        text
    }
}

/// A field: texts of several lines as a diff, anything else as two values.
fn field_lines(change: &Change, indent: &str, painter: Painter) -> String {
    let what = sanitize(&change.what);
    let texts = change.from.as_ref().and_then(Value::as_str);
    let texts = texts.zip(change.to.as_ref().and_then(Value::as_str));
    let diff = texts
        .filter(|(from, to)| from.contains('\n') || to.contains('\n'))
        .and_then(|(from, to)| text::unified(from, to));
    let Some(diff) = diff else {
        let value = |value: &Option<Value>| match value {
            Some(value) => crate::report::words::short(value, MAX_VALUE),
            None => "nothing".to_owned(),
        };
        let (from, to) = (value(&change.from), value(&change.to));
        return format!("{indent}{what}: {} → {}\n", sanitize(&from), sanitize(&to));
    };
    let mut text = format!("{indent}{what}:\n");
    for line in diff.lines() {
        let shown = sanitize(line);
        let shown = match line.as_bytes().first() {
            Some(b'+') => painter.paint(Tone::Good, &shown),
            Some(b'-') => painter.paint(Tone::Bad, &shown),
            _ => shown.into_owned(),
        };
        writeln!(text, "{indent}  {shown}").expect("into a string");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(tasks: Value, input: &str) -> Plan {
        let json = json!({ "name": "a", "inputs": { "who": input }, "tasks": tasks });
        Plan::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn short_and_in_full() {
        let before = plan(
            json!([
                { "id": "old", "run": "x" },
                { "id": "build", "run": "one\ntwo\n", "timeout": { "wall_ms": 10 } },
            ]),
            "you",
        );
        let after = plan(
            json!([
                { "id": "check", "run": "x" },
                { "id": "build", "run": "one\n\u{1b}[2J\n", "env": { "A": "1" } },
            ]),
            "me",
        );
        let diff = PlanDiff::between(&before, &after);
        assert_eq!(diff.short(), "+ check, ~ build, - old, ~ inputs.who");
        insta::assert_snapshot!(diff.full(Painter::PLAIN), @r#"
        + check
        - old
        ~ build
            run:
              @@ -1,2 +1,2 @@
               one
              -two
              +\x1b[2J
            timeout: {"wall_ms":10} → nothing
            env: nothing → {"A":"1"}
        inputs.who: "you" → "me"
        "#);
        assert!(PlanDiff::between(&after, &after).is_empty());
    }

    #[test]
    fn many_changes_are_counted() {
        let tasks = |names: std::ops::Range<u32>| -> Value {
            let task = |n: u32| json!({ "id": format!("t{n}"), "run": "x" });
            names.map(task).collect()
        };
        let (a, b) = (plan(tasks(0..1), ""), plan(tasks(1..200), ""));
        let diff = PlanDiff::between(&a, &b);
        assert_eq!(
            diff.short(),
            "+ t1, + t10, + t100, + t101, + t102, + t103, and 194 more"
        );
        assert!(
            diff.full(Painter::PLAIN)
                .ends_with("  … and 149 more tasks\n")
        );
    }
}
