//! The words of a task: the second half of the one table of keys.

use crate::plan::{MAX_CONTEXT_TOKENS, OutputType, Workspace};

use super::keys::{Shape, Table};
use super::words::{ENV, SEGMENT, TEXTS, key};
use super::words_limits::{RETRY_SHAPE, TIMEOUT_SHAPE};
use super::words_policy::EFFECTS;
use super::words_prompt::{FALLBACK, MODEL, PARSE_SHAPE, SCHEMA_SHAPE};

pub(super) const WORKSPACE: Shape = Shape::Word {
    now: Workspace::WORDS,
    later: &["guarded"],
};
pub(super) const PRIORITY: Shape = Shape::Count {
    min: -1000,
    max: 1000,
};
pub(super) const CRASH_LIMIT: Shape = Shape::Count { min: 1, max: 100 };

/// A task.
pub(super) static TASK: Table = Table {
    what: "a task",
    keys: &[
        key(
            "description",
            Shape::Text,
            "What the task is for, one line of plain text.",
        ),
        key(
            "run",
            Shape::Text,
            "Shell text, run as `SHELL -c TEXT`. Values come in through `env`.",
        ),
        key(
            "command",
            TEXTS,
            "Program and arguments; arguments may hold `${{ … }}`.",
        ),
        key(
            "prompt",
            Shape::Text,
            "What a model is asked; may hold `${{ … }}`. Its reply becomes outputs and artifacts.",
        ),
        key("needs", TEXTS, "Tasks that end before this one starts."),
        key(
            "if",
            Shape::Text,
            "Condition, an expression without `${{ }}`; may use `always()` and `failure()`.",
        ),
        key("env", ENV, "Environment; values may hold `${{ … }}`."),
        key(
            "secrets",
            TEXTS,
            "Secrets of the scenario that it is granted, by name: variables of its environment. Beside \
             `uses`: what the nested scenario may use.",
        ),
        key(
            "effects",
            Shape::Object(&EFFECTS),
            "What it touches; narrows what the policy grants it. Asking for more is a finding.",
        ),
        key(
            "outputs",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Word {
                    now: OutputType::WORDS,
                    later: &[],
                },
            },
            "Small results by name and type, written as lines `name=value` to `$ORCHESTRA_OUTPUT`.",
        ),
        key(
            "artifacts",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Text,
            },
            "Files to keep: name and path in the workspace; a final `/` keeps a directory.",
        ),
        key(
            "files",
            Shape::MapOf {
                keys: "^[^/~]",
                values: &Shape::Text,
            },
            "Files to stage: path in the workspace and `${{ tasks.ID.artifacts.NAME }}` or an input \
             of type `path`.",
        ),
        key("timeout", TIMEOUT_SHAPE, "Time limit of each attempt."),
        key("retry", RETRY_SHAPE, "Extra attempts after a failure."),
        key(
            "continue_on_error",
            Shape::Flag,
            "Whether the run goes on as if this task had succeeded.",
        ),
        key(
            "working_dir",
            Shape::Text,
            "Directory in the workspace to start in.",
        ),
        key(
            "shell",
            Shape::Text,
            "Shell of `run`: a program's name or path; `sh` unless given.",
        ),
        key(
            "workspace",
            WORKSPACE,
            "Where the task runs: `scratch` is a fresh directory for every attempt, `project` the \
             scenario's own tree.",
        ),
        key(
            "uses",
            Shape::Text,
            "File of a scenario whose tasks stand for this one: a path from this file, beneath the \
             scenario's root.",
        ),
        key(
            "with",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Any,
            },
            "Inputs of the scenario that `uses` names; texts may hold `${{ … }}`.",
        ),
        key(
            "for_each",
            Shape::Items,
            "What the task is repeated over: a list, or one `${{ … }}` whose value is a list.",
        ),
        key(
            "as",
            Shape::Text,
            "Name of the item of `for_each` in expressions; `item` works, too.",
        ),
        key(
            "matrix",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Items,
            },
            "Axes by name, each a list: the task is repeated for every combination, read as \
             `${{ matrix.AXIS }}`.",
        ),
        key(
            "max_parallel",
            Shape::Count { min: 1, max: 4096 },
            "How many of the tasks that this one expands into run at once.",
        ),
        key(
            "priority",
            PRIORITY,
            "Higher starts first among the ready tasks; then the longer remaining chain; 0 unless given.",
        ),
        key(
            "crash_limit",
            CRASH_LIMIT,
            "Workers that may die under the task before it is failed; 3 unless given.",
        ),
        key(
            "context",
            TEXTS,
            "What the model gets to see beside the prompt: `tasks.ID.artifacts.NAME`, \
             `tasks.ID.outputs.NAME` or `inputs.NAME`; of an input of type `path`, its file.",
        ),
        key(
            "context_tokens",
            Shape::Count {
                min: 1,
                max: MAX_CONTEXT_TOKENS as i64,
            },
            "Most tokens of all that together; what does not fit is cut, and said.",
        ),
        key(
            "output_schema",
            SCHEMA_SHAPE,
            "JSON Schema of the reply, or the path of a file with one from this file; a reply that does not \
             match is sent back for repair.",
        ),
        key(
            "parse",
            PARSE_SHAPE,
            "How the reply is read: `text`, `json`, or the one code block in it; `json` beside an \
             `output_schema`, else `text`.",
        ),
        key(
            "model",
            Shape::Object(&MODEL),
            "Who is asked, and how hard it thinks.",
        ),
        key(
            "fallback",
            Shape::Object(&FALLBACK),
            "What is tried once when no reply fits or the model cannot be had.",
        ),
        key(
            "refers",
            TEXTS,
            "Tasks this one has something to do with: context, not order.",
        ),
    ],
    later: &[
        "goal",
        "manual",
        "show",
        "edit",
        "retry_from",
        "approvers",
        "on_timeout",
        "review",
        "cache",
        "budget",
        "runs_on",
        "plan",
        "services",
        "concurrency",
        "notify",
    ],
    aliases: &[
        ("depends_on", "needs"),
        ("depends", "needs"),
        ("working-directory", "working_dir"),
        ("when", "if"),
        ("allow_failure", "continue_on_error"),
        ("foreach", "for_each"),
        ("response_schema", "output_schema"),
        ("runs-on", "runs_on"),
    ],
    hints: &[
        ("id", "a task's id is its key under `tasks`"),
        ("desc", "write `description`"),
        ("name", "a task's name is its key under `tasks`"),
        ("script", "write `run`"),
        ("cmd", "write `run`"),
        ("cmds", "write `run`"),
        ("type", "remove it: a task's kind is the key it carries"),
        ("action", "remove it: a task's kind is the key it carries"),
        ("args", "make them items of `command`"),
        ("deps", "write `needs`"),
        ("dependencies", "write `needs`"),
        ("after", "write `needs`"),
        ("params", "write `env`, or `with` beside `uses`"),
        ("parameters", "write `env`, or `with` beside `uses`"),
        ("vars", "write `env`, or `with` beside `uses`"),
        ("variables", "write `env`, or `with` beside `uses`"),
        (
            "inputs",
            "write `with` beside `uses`; other tasks read the scenario's `inputs`",
        ),
        ("items", "write `for_each`"),
        ("loop", "write `for_each`"),
        ("with_items", "write `for_each`"),
        ("workflow", "write `uses`"),
        ("environment", "write `env`"),
        ("dir", "write `working_dir`"),
        ("cwd", "write `working_dir`"),
        ("rules", "write `if`"),
        ("preconditions", "write `if`"),
        ("runIf", "write `if`"),
        ("condition", "write `if`"),
        (
            "timeout_sec",
            "write `timeout` with a unit, such as `timeout: 30s`",
        ),
        (
            "timeout-minutes",
            "write `timeout` with a unit, such as `timeout: 5m`",
        ),
        ("retries", "write `retry`"),
        ("retry_policy", "write `retry`"),
        ("attempts", "write `retry`: the attempts after the first"),
        ("on", "write `triggers`, which this build does not have yet"),
        (
            "schedule",
            "write `triggers`, which this build does not have yet",
        ),
        ("ignore_error", "write `continue_on_error`"),
        ("continueOn", "write `continue_on_error`"),
        ("output", "write `outputs`"),
        ("results", "write `outputs`"),
        ("outputFiles", "write `artifacts`"),
        ("upload", "write `artifacts`"),
        ("inputFiles", "write `files`"),
        ("withItems", "write `for_each`"),
        ("parallel", "write `for_each`"),
        ("strategy", "write `matrix`"),
        ("parallelism", "write `max_parallel`"),
        ("max_active", "write `max_parallel`"),
        ("messages", "write `prompt`"),
        ("llm", "write `prompt`"),
        ("question", "write `prompt`"),
        ("system", "write `prompt`"),
        ("schema", "write `output_schema`"),
        ("parser", "write `parse`"),
        ("tier", "write `model: { tier: … }`"),
        ("effort", "write `model: { effort: … }`"),
        ("max_tokens", "write `model: { max_tokens: … }`"),
        ("instructions", "write `prompt`"),
        (
            "approval",
            "write `manual`, which this build does not have yet",
        ),
        (
            "suspend",
            "write `manual`, which this build does not have yet",
        ),
        (
            "pause",
            "write `manual`, which this build does not have yet",
        ),
        ("wait", "write `manual`, which this build does not have yet"),
        (
            "sources",
            "write `cache`, which this build does not have yet",
        ),
        (
            "memoize",
            "write `cache`, which this build does not have yet",
        ),
        (
            "taskCache",
            "write `cache`, which this build does not have yet",
        ),
        ("permissions", "write `effects`"),
        (
            "policy",
            "write `effects` here, or `policy` at the top level",
        ),
        ("volumes", "write `effects`"),
        ("network", "write `effects: { network: … }`"),
        ("read", "write `effects: { read: […] }`"),
        ("write", "write `effects: { write: […] }`"),
        ("programs", "write `effects: { programs: […] }`"),
        ("secret", "write `secrets`, a list of names"),
        (
            "limits",
            "write `policy: { limits: … }` at the top level, or `timeout` here",
        ),
        (
            "tags",
            "write `runs_on`, which this build does not have yet",
        ),
        (
            "worker_selector",
            "write `runs_on`, which this build does not have yet",
        ),
        (
            "nodeSelector",
            "write `runs_on`, which this build does not have yet",
        ),
        ("relates_to", "write `refers`"),
        ("see", "write `refers`"),
        ("checkout", "write `workspace`"),
        (
            "sandbox",
            "write `workspace` or `effects`; rules belong into `policy`",
        ),
        ("weight", "write `priority`"),
        ("extends", "write `uses`"),
        ("call", "write `uses`"),
        ("include", "write `uses`"),
    ],
};
