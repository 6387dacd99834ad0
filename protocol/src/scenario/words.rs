//! Every word of a scenario: the one table of keys. Tasks have a file of their own.

use crate::plan::InputType;

use super::keys::{Key, Shape, Table};
use super::words_defaults::DEFAULTS;
use super::words_limits::BUDGET;
use super::words_policy::{POLICY, SECRET};
use super::words_task::TASK;

pub(super) const SEGMENT: &str = "^[a-z][a-z0-9_]{0,62}$";
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

pub(super) const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        about,
        required: false,
    }
}

pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        about,
        required: true,
    }
}

pub(super) const TEXTS: Shape = Shape::ListOf(&Shape::Text);
pub(super) const ENV: Shape = Shape::MapOf {
    keys: VARIABLE,
    values: &Shape::Text,
};

/// The top level.
pub(super) static SCENARIO: Table = Table {
    what: "a scenario",
    keys: &[
        key(
            "version",
            Shape::Word {
                now: &["1"],
                later: &[],
            },
            "Version of this format: 1.",
        ),
        key(
            "name",
            Shape::Text,
            "Name of the scenario, `[a-z0-9][a-z0-9_-]{0,62}`; the file's name unless given.",
        ),
        key("description", Shape::Text, "What the scenario is for."),
        key(
            "inputs",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Object(&INPUT),
            },
            "Parameters, given with `-i NAME=VALUE` and read as `${{ inputs.NAME }}`.",
        ),
        key(
            "env",
            ENV,
            "Environment of every task; values may hold `${{ inputs.NAME }}`.",
        ),
        key(
            "defaults",
            Shape::Object(&DEFAULTS),
            "What every task has unless it says otherwise itself.",
        ),
        key(
            "secrets",
            Shape::MapOf {
                keys: VARIABLE,
                values: &Shape::Object(&SECRET),
            },
            "Where secrets come from, by the name of the variable that tasks find them in; never a value. A \
             nested scenario declares what it needs alike; the task that `uses` it grants it.",
        ),
        key(
            "policy",
            Shape::Object(&POLICY),
            "What all tasks, and those of nested scenarios, are kept to. Narrows what the user's policy \
             grants, never widens it.",
        ),
        key(
            "budget",
            Shape::Object(&BUDGET),
            "What the whole run may use at most. Narrows what the user's policy grants.",
        ),
        key(
            "max_parallel",
            Shape::Count { min: 1, max: 4096 },
            "How many tasks run at once; `--max-parallel` wins.",
        ),
        key(
            "goal",
            Shape::Text,
            "What is to be achieved, a sentence or more, instead of `tasks`: a model plans the tasks, which \
             are checked like written ones and approved before they run.",
        ),
        key(
            "tasks",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Object(&TASK),
            },
            "The tasks by id.",
        ),
        key(
            "outputs",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Text,
            },
            "Results of the whole scenario by name: values such as `${{ tasks.ID.outputs.NAME }}`, or \
             artifacts.",
        ),
    ],
    later: &["triggers", "services", "concurrency", "notify"],
    aliases: &[],
    hints: &[
        ("jobs", "write `tasks`"),
        ("steps", "write `tasks`"),
        ("params", "write `inputs`"),
        ("parameters", "write `inputs`"),
        ("vars", "write `inputs`"),
        ("variables", "write `inputs`"),
        ("args", "write `inputs`"),
        ("environment", "write `env`"),
        ("parallelism", "write `max_parallel`"),
        ("max_active", "write `max_parallel`"),
        ("permissions", "write `policy`"),
        (
            "limits",
            "write `policy: { limits: … }`; `budget` is for money",
        ),
        ("network", "write `policy: { network: … }`"),
        ("programs", "write `policy: { programs: […] }`"),
        (
            "effects",
            "write it in a task or in `defaults`; `policy` is for all tasks",
        ),
        (
            "sandbox",
            "write `policy`; the level is the user's choice, by `--sandbox`",
        ),
        ("on", "write `triggers`, which this build does not have yet"),
        (
            "schedule",
            "write `triggers`, which this build does not have yet",
        ),
        ("extends", "write `uses` in a task"),
        ("call", "write `uses` in a task"),
        ("include", "write `uses` in a task"),
        ("output", "write `outputs`"),
        ("results", "write `outputs`"),
        ("default", "write `defaults`"),
        ("default_args", "write `defaults`"),
    ],
};

/// One input.
pub(super) static INPUT: Table = Table {
    what: "an input",
    keys: &[
        key(
            "type",
            Shape::Word {
                now: InputType::WORDS,
                later: &[],
            },
            "Type of the value; `string` unless given.",
        ),
        key(
            "required",
            Shape::Flag,
            "Whether it must be given; true unless there is a default.",
        ),
        key(
            "default",
            Shape::Any,
            "Value when none is given; a path is taken from the scenario's root.",
        ),
        key("description", Shape::Text, "What it is for."),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("desc", "write `description`"),
        ("optional", "write `required: false`"),
        ("value", "write `default`"),
        (
            "enum",
            "remove it: inputs have no list of allowed values yet",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureClass;
    use crate::scenario::words_limits::{CLASSES, RETRY, TIMEOUT};
    use crate::scenario::words_policy::{EFFECTS, LIMITS};

    fn tables() -> [&'static Table; 11] {
        [
            &SCENARIO, &DEFAULTS, &TASK, &INPUT, &TIMEOUT, &RETRY, &SECRET, &POLICY, &LIMITS,
            &EFFECTS, &BUDGET,
        ]
    }

    #[test]
    fn every_word_stands_once() {
        for table in tables() {
            let mut words: Vec<&str> = table.words().collect();
            words.extend(table.aliases.iter().map(|(word, _)| *word));
            words.extend(table.hints.iter().map(|(word, _)| *word));
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), count, "{}", table.what);
        }
    }

    #[test]
    fn aliases_stand_for_words() {
        for table in tables() {
            for (alias, canonical) in table.aliases {
                assert!(table.words().any(|word| word == *canonical), "{alias}");
            }
        }
    }

    #[test]
    fn every_key_is_described() {
        for key in tables().iter().flat_map(|table| table.keys) {
            assert!(key.about.ends_with('.'), "{}", key.name);
        }
    }

    #[test]
    fn classes_are_the_enums() {
        let all: Vec<_> = FailureClass::ALL
            .iter()
            .map(|class| class.as_str())
            .collect();
        assert_eq!(CLASSES, all);
    }
}
