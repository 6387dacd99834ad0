//! The words of rules, the fourth part of the one table of keys: where a secret comes from, `policy` and
//! `effects`. They ask and narrow; what is granted is said by packs, which share the names of limits.

use crate::policy::Network;

use super::keys::{Shape, Table};
use super::words::{TEXTS, key, required};

const NETWORK: Shape = Shape::Word {
    now: &[Network::None.as_str(), Network::Full.as_str()],
    later: &[],
};
const NUMBER: Shape = Shape::Count {
    min: 1,
    max: 4_000_000_000,
};

/// Where one secret comes from.
pub(super) static SECRET: Table = Table {
    what: "a secret",
    keys: &[
        required(
            "from",
            Shape::Word {
                now: &["env", "file", "command"],
                later: &[],
            },
            "Where the value is looked up when a task starts: `env` is orchestra's own environment, `file` a \
             file, `command` what a program prints.",
        ),
        key(
            "name",
            Shape::Text,
            "With `from: env`: the variable to read; the secret's own name unless given.",
        ),
        key(
            "path",
            Shape::Text,
            "With `from: file`: the file, from the scenario's root, absolute or with `~/`. One final line \
             break is not part of the value.",
        ),
        key(
            "argv",
            TEXTS,
            "With `from: command`: program, absolute or by a name on `PATH`, and arguments, run as the user \
             outside of any sandbox, for 30 s or the task's `timeout` at most. One final line break is not \
             part of the value.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        (
            "value",
            "write `from`, such as `from: env`: a value has no place in a scenario",
        ),
        (
            "default",
            "write `from`, such as `from: env`: a value has no place in a scenario",
        ),
        ("env", "write `from` and `name`: `{ from: env, name: … }`"),
        ("file", "write `from` and `path`: `{ from: file, path: … }`"),
        (
            "command",
            "write `from` and `argv`: `{ from: command, argv: […] }`",
        ),
        (
            "run",
            "write `from` and `argv`: `{ from: command, argv: […] }`",
        ),
        (
            "vault",
            "write `from` and `argv`: `{ from: command, argv: […] }`",
        ),
        ("source", "write `from`"),
        ("var", "write `name`"),
        ("variable", "write `name`"),
        ("key", "write `name`"),
        ("args", "write `argv`"),
        (
            "required",
            "remove it: a secret without a value stops its task",
        ),
        ("description", "remove it, or write it as a comment"),
    ],
};

/// What all tasks are kept to.
pub(super) static POLICY: Table = Table {
    what: "a policy",
    keys: &[
        key(
            "use",
            Shape::Text,
            "Name of the pack it is written for, such as `strict`. A request: what the user chose is never \
             weakened by it.",
        ),
        key(
            "programs",
            TEXTS,
            "Programs that tasks start, by name; narrows what the pack grants.",
        ),
        key(
            "read",
            TEXTS,
            "Paths that tasks read, from the scenario's root, absolute or with `~/`; narrows.",
        ),
        key(
            "write",
            TEXTS,
            "Paths that tasks write, from the scenario's root, absolute or with `~/`; narrows.",
        ),
        key(
            "network",
            NETWORK,
            "Network of tasks: `none` or `full`; narrows.",
        ),
        key(
            "limits",
            Shape::Object(&LIMITS),
            "Bounds of each attempt, by the names that packs use; the smaller ones hold.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("pack", "write `use`"),
        ("name", "write `use`"),
        ("extends", "write `use`"),
        ("commands", "write `programs`"),
        ("tools", "write `programs`"),
        ("binaries", "write `programs`"),
        ("reads", "write `read`"),
        ("writes", "write `write`"),
        ("net", "write `network`"),
        ("internet", "write `network`"),
        ("paths", "write `read` and `write`"),
        ("files", "write `read` and `write`"),
        ("allow", "write `programs`, `read`, `write` or `network`"),
        (
            "deny",
            "write what is left in `programs`, `read`, `write` or `network`",
        ),
        (
            "timeout",
            "write `limits: { wall: … }`, or `defaults: { timeout: … }`",
        ),
        ("memory", "write `limits: { memory: … }`"),
        (
            "sandbox",
            "remove it: the level is the user's choice, by `--sandbox`",
        ),
        (
            "level",
            "remove it: the level is the user's choice, by `--sandbox`",
        ),
        (
            "secrets",
            "write `secrets` at the top level, and grant them in tasks",
        ),
        ("budget", "write `budget` at the top level"),
        (
            "approvals",
            "remove it: only the user's pack says when to ask",
        ),
        (
            "mode",
            "remove it: only the user's pack says what is enforced",
        ),
        (
            "require",
            "remove it: only the user's pack says what is required",
        ),
        (
            "allow_degraded",
            "remove it: only the user's pack says what may be missing",
        ),
    ],
};

/// What one task touches.
pub(super) static EFFECTS: Table = Table {
    what: "`effects`",
    keys: &[
        key(
            "read",
            TEXTS,
            "Paths it reads beyond the system's files and its workspace: from the scenario's root, absolute \
             or with `~/`. Empty: none; left out: what the policy grants.",
        ),
        key(
            "write",
            TEXTS,
            "Paths it writes beyond its workspace or, with `workspace: project`, all that it writes. Empty: \
             none; left out: what the policy grants.",
        ),
        key(
            "network",
            NETWORK,
            "The network it needs: `none` or `full`.",
        ),
        key("programs", TEXTS, "Programs it starts, by name."),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("reads", "write `read`"),
        ("writes", "write `write`"),
        ("net", "write `network`"),
        ("internet", "write `network`"),
        ("hosts", "write `network`"),
        ("commands", "write `programs`"),
        ("tools", "write `programs`"),
        ("paths", "write `read` and `write`"),
        ("files", "write `read` and `write`"),
        ("secrets", "write `secrets` beside `effects`"),
        ("env", "write `env` beside `effects`"),
        ("limits", "write `policy: { limits: … }` at the top level"),
        ("use", "write `policy: { use: … }` at the top level"),
    ],
};

/// Bounds of an attempt.
pub(super) static LIMITS: Table = Table {
    what: "`limits`",
    keys: &[
        key("wall", Shape::Duration, "From start to end."),
        key("idle", Shape::Duration, "Without any output."),
        key("cpu", Shape::Duration, "Processor time of any one process."),
        key(
            "memory",
            Shape::Size,
            "Memory of all processes together; private temporary files count.",
        ),
        key("pids", NUMBER, "Processes and threads at once."),
        key("output", Shape::Size, "What is kept of each output stream."),
        key(
            "disk",
            Shape::Size,
            "On disk in workspace and home together.",
        ),
        key(
            "files",
            NUMBER,
            "Files and directories in workspace and home together.",
        ),
        key("file_size", Shape::Size, "Any one file."),
        key(
            "tmp",
            Shape::Size,
            "Private temporary files, which are memory.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("timeout", "write `wall`"),
        ("time", "write `wall`"),
        ("total", "write `wall`"),
        ("silence", "write `idle`"),
        ("mem", "write `memory`"),
        ("ram", "write `memory`"),
        ("processes", "write `pids`"),
        ("procs", "write `pids`"),
        ("nproc", "write `pids`"),
        ("threads", "write `pids`"),
        ("cpus", "write `cpu`, the processor time"),
        ("cpu_time", "write `cpu`"),
        ("log", "write `output`"),
        ("logs", "write `output`"),
        ("storage", "write `disk`"),
        ("space", "write `disk`"),
        ("file", "write `file_size`"),
        ("fsize", "write `file_size`"),
        ("usd", "write `budget` at the top level"),
        ("tokens", "write `budget` at the top level"),
        ("tasks", "write `budget` at the top level"),
    ],
};
