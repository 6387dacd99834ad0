//! Every word of a pack: programs, toolchains, names, bounds and approvals.

use super::super::keys::{Shape, Table};
use super::super::words::{ENV, TEXTS, key, required};

const APPROVE: Shape = Shape::Word {
    now: &["never", "on_warning", "always"],
    later: &[],
};
const TIME: Shape = Shape::OrNone(&Shape::Duration);
const SIZE: Shape = Shape::OrNone(&Shape::Size);
const NUMBER: Shape = Shape::OrNone(&Shape::Count {
    min: 1,
    max: 4_000_000_000,
});
const BUDGET: Shape = Shape::Count {
    min: 1,
    max: 1_000_000_000,
};

/// One program.
pub(super) static RULE: Table = Table {
    what: "a rule",
    keys: &[
        required(
            "program",
            Shape::Text,
            "Its name, or the absolute path of one that is none of the system's; `*` stands for any characters.",
        ),
        key(
            "args",
            Shape::Object(&ARGS),
            "What its arguments may be; anything unless given.",
        ),
        key(
            "why",
            Shape::Text,
            "Why, one line; shown where the rule refuses.",
        ),
        key(
            "examples",
            Shape::Object(&EXAMPLES),
            "Command lines that show what the rule means; `orchestra policy test` holds it against them.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("name", "write `program`"),
        ("command", "write `program`"),
        ("arguments", "write `args`"),
        ("allow", "write `args: { allow: […] }`"),
        ("deny", "write `args: { deny: […] }`"),
        ("reason", "write `why`"),
        ("tests", "write `examples`"),
        ("match", "write `examples: { match: […] }`"),
    ],
};

/// What arguments may be.
static ARGS: Table = Table {
    what: "`args`",
    keys: &[
        key(
            "allow",
            TEXTS,
            "Patterns; if there are any, the arguments have to begin with the words of one of them. `*` in a \
             word stands for any characters.",
        ),
        key(
            "deny",
            TEXTS,
            "Patterns whose words must not be among the arguments in their order, whatever stands between.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[],
};

/// What shows the meaning of a rule.
static EXAMPLES: Table = Table {
    what: "`examples`",
    keys: &[
        key("match", TEXTS, "Command lines that the rule lets pass."),
        key(
            "no_match",
            TEXTS,
            "Command lines that it does not let pass.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("matches", "write `match`"),
        ("not_match", "write `no_match`"),
        ("nomatch", "write `no_match`"),
    ],
};

/// A toolchain.
pub(super) static TOOLCHAIN: Table = Table {
    what: "a toolchain",
    keys: &[
        key(
            "read",
            TEXTS,
            "Places read and executed; `*` stands for any one name. None that holds credentials.",
        ),
        key(
            "path",
            TEXTS,
            "Directories before those of `PATH`, in this order; read, too.",
        ),
        key(
            "env",
            ENV,
            "Variables for every task that does not set them; a value that starts with `~/` is in the home.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("paths", "write `read` and `path`"),
        ("environment", "write `env`"),
    ],
};

/// Variables.
pub(super) static ENVIRONMENT: Table = Table {
    what: "`environment`",
    keys: &[
        key(
            "pass",
            TEXTS,
            "Variables handed through from orchestra's own environment, by name; none unless given.",
        ),
        key(
            "allow",
            TEXTS,
            "Variables that make loaders and interpreters run other code (`LD_PRELOAD`, `PYTHONPATH`, …), which \
             tasks may set nevertheless; none unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("inherit", "write `pass`"),
        ("set", "write `env` in the scenario"),
    ],
};

/// Secrets.
pub(super) static SECRETS: Table = Table {
    what: "`secrets`",
    keys: &[
        key(
            "allow",
            TEXTS,
            "Names that scenarios may grant to their tasks; `*` stands for any characters. None unless given.",
        ),
        key(
            "sources",
            Shape::ListOf(&Shape::Word {
                now: &["env", "file", "command"],
                later: &[],
            }),
            "Where their values may come from; nowhere unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[("names", "write `allow`"), ("from", "write `sources`")],
};

/// Bounds of an attempt, `none` for no bound.
pub(super) static LIMITS: Table = Table {
    what: "`limits`",
    keys: &[
        key("wall", TIME, "From start to end."),
        key("idle", TIME, "Without any output."),
        key("cpu", TIME, "Processor time of any one process."),
        key(
            "memory",
            SIZE,
            "Memory of all processes together; private temporary files count.",
        ),
        key("pids", NUMBER, "Processes and threads at once."),
        key(
            "output",
            SIZE,
            "What is kept of each output stream; 16MiB where there is no bound.",
        ),
        key("disk", SIZE, "On disk in workspace and home together."),
        key(
            "files",
            NUMBER,
            "Files and directories in workspace and home together.",
        ),
        key("file_size", SIZE, "Any one file."),
        key("tmp", SIZE, "Private temporary files, which are memory."),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("timeout", "write `wall`"),
        ("mem", "write `memory`"),
        ("processes", "write `pids`"),
        ("tasks", "write `budgets: { tasks: … }`"),
    ],
};

/// Bounds of a run.
pub(super) static BUDGETS: Table = Table {
    what: "`budgets`",
    keys: &[
        key("tasks", BUDGET, "Tasks, those that are expanded included."),
        key(
            "depth",
            BUDGET,
            "Scenarios within each other; 1 is a scenario that uses no other.",
        ),
        key("width", BUDGET, "Items of one fan-out."),
        key(
            "attempts",
            BUDGET,
            "Attempts of all tasks together, every retry used.",
        ),
        key(
            "tokens",
            BUDGET,
            "Tokens of all model calls together, prompts and replies.",
        ),
        key(
            "usd",
            Shape::Dollars,
            "Dollars of all model calls together; a model without a known price is refused then.",
        ),
        key(
            "calls",
            Shape::Count {
                min: 0,
                max: 1_000_000_000,
            },
            "Model calls; 0 lets no model be asked.",
        ),
        key(
            "wall",
            Shape::Duration,
            "Time after which a run is stopped, as failed. Until a resume no time passes.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("items", "write `width`"),
        ("retries", "write `attempts`"),
        ("dollars", "write `usd`"),
        ("cost", "write `usd`"),
        ("money", "write `usd`"),
        ("timeout", "write `wall`"),
    ],
};

/// When a plan waits.
pub(super) static APPROVALS: Table = Table {
    what: "`approvals`",
    keys: &[
        key(
            "plans",
            APPROVE,
            "Any plan: `never` (unless given), `on_warning`, or `always`.",
        ),
        key(
            "planned",
            APPROVE,
            "A plan that a model made: `never`, `on_warning`, or `always` (unless given).",
        ),
        key(
            "tasks",
            Shape::ListOf(&Shape::Object(&TASK_APPROVAL)),
            "Plans that hold certain tasks, whatever `plans` says.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[("plan", "write `plans`"), ("goals", "write `planned`")],
};

/// Certain tasks.
pub(super) static TASK_APPROVAL: Table = Table {
    what: "an approval",
    keys: &[
        required(
            "match",
            Shape::Text,
            "Their ids; `*` stands for any characters.",
        ),
        required("approve", APPROVE, "When a plan that holds one waits."),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("task", "write `match`"),
        ("tasks", "write `match`"),
        ("when", "write `approve`"),
    ],
};
