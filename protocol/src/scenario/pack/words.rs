//! Every word of a pack: the top level, and how tasks are confined.

use super::super::keys::{Shape, Table};
use super::super::words::{TEXTS, key, required};
use super::words_more::{APPROVALS, BUDGETS, ENVIRONMENT, LIMITS, RULE, SECRETS, TOOLCHAIN};

const NETWORK: Shape = Shape::Word {
    now: &["none", "full"],
    later: &["allowlist"],
};
const MODE: Shape = Shape::Word {
    now: &["warn", "enforce"],
    later: &[],
};
/// The guarantees; a test compares them with the enum.
pub(super) const GUARANTEES: &[&str] = &[
    "fs_write_confined",
    "fs_read_confined",
    "net_none",
    "tree_kill",
    "mem_limit",
    "pids_limit",
    "disk_quota",
    "env_clean",
];
const GUARANTEE_LIST: Shape = Shape::ListOf(&Shape::Word {
    now: GUARANTEES,
    later: &[],
});
const HINTS: &[(&str, &str)] = &[
    ("name", "write `pack`"),
    ("extends", "write `use`"),
    ("base", "write `use`"),
    ("commands", "write `programs`"),
    ("binaries", "write `programs`"),
    ("filesystem", "write `paths`"),
    ("fs", "write `paths`"),
    ("read", "write `paths: { read: […] }`"),
    ("write", "write `paths: { write: […] }`"),
    ("protect", "write `paths: { protect: […] }`"),
    ("env", "write `environment`"),
    ("net", "write `network`"),
    ("level", "write `sandbox: { level: … }`"),
    ("require", "write `sandbox: { require: […] }`"),
    ("timeout", "write `limits: { wall: … }`"),
    ("budget", "write `budgets`"),
    ("approval", "write `approvals`"),
    ("enforce", "write `mode: enforce`"),
];

/// A pack.
pub(in super::super) static PACK: Table = Table {
    what: "a pack",
    keys: &[
        required(
            "version",
            Shape::Count {
                min: 1,
                max: 1_000_000,
            },
            "The pack's own version, told in every run: `default@1`.",
        ),
        required(
            "pack",
            Shape::Text,
            "The pack's name, `[a-z][a-z0-9_-]{0,62}`.",
        ),
        key("description", Shape::Text, "What it is for."),
        key(
            "use",
            Shape::Text,
            "A pack of this build that it is built on. Lists add up, toolchains and programs replace those of \
             the same name, everything else is replaced where it is said.",
        ),
        key(
            "mode",
            MODE,
            "What findings about governance do: `warn` tells them (the default), `enforce` refuses the plan. \
             Containment and approvals do not depend on it.",
        ),
        key(
            "sandbox",
            Shape::Object(&SANDBOX),
            "How tasks are confined.",
        ),
        key(
            "programs",
            Shape::ListOf(&Shape::Either(&Shape::Text, &Shape::Object(&RULE))),
            "Programs that may be started, by name. Admission, not containment: what an admitted program \
             starts is confined by the sandbox, and by nothing else. None unless given.",
        ),
        key(
            "workspace_programs",
            Shape::Flag,
            "Whether programs that lie in a workspace or in the tree may be started; `false` unless given.",
        ),
        key(
            "paths",
            Shape::Object(&PATHS),
            "What of the file system is open.",
        ),
        key(
            "toolchains",
            Shape::MapOf {
                keys: "^[a-z][a-z0-9_-]{0,62}$",
                values: &Shape::Object(&TOOLCHAIN),
            },
            "What of the user's home programming tools need, by name. What does not exist is passed over.",
        ),
        key(
            "network",
            NETWORK,
            "Network of tasks: `none` unless given, or `full`, what the host reaches.",
        ),
        key(
            "environment",
            Shape::Object(&ENVIRONMENT),
            "Variables beyond those that every task has.",
        ),
        key(
            "secrets",
            Shape::Object(&SECRETS),
            "Secrets that tasks may be granted.",
        ),
        key(
            "limits",
            Shape::Object(&LIMITS),
            "Bounds of each attempt; none unless given.",
        ),
        key(
            "budgets",
            Shape::Object(&BUDGETS),
            "Bounds of a run; none unless given.",
        ),
        key(
            "approvals",
            Shape::Object(&APPROVALS),
            "When a plan waits for a person.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: HINTS,
};

/// The `policy` of a project's settings: the same words, which only take away.
pub(super) static BLOCK: Table = Table {
    what: "`policy`",
    keys: &[
        key(
            "use",
            Shape::Text,
            "The pack it is written for; another one in effect is told.",
        ),
        key(
            "mode",
            MODE,
            "`enforce` takes effect; `warn` is the default anyway.",
        ),
        key(
            "sandbox",
            Shape::Object(&SANDBOX),
            "How tasks are confined, at least.",
        ),
        key("programs", TEXTS, "Programs that are left, by whole names."),
        key(
            "workspace_programs",
            Shape::Flag,
            "`false`: programs in a workspace or in the tree are not started.",
        ),
        key(
            "paths",
            Shape::Object(&PATHS),
            "What is left open of the file system.",
        ),
        key("toolchains", TEXTS, "Toolchains that are left, by name."),
        key("network", NETWORK, "`none` takes it away."),
        key(
            "environment",
            Shape::Object(&ENVIRONMENT),
            "Variables that are left, by whole names.",
        ),
        key(
            "secrets",
            Shape::Object(&SECRETS),
            "Secrets that are left, by whole names.",
        ),
        key(
            "limits",
            Shape::Object(&LIMITS),
            "Bounds of each attempt; the smaller ones hold.",
        ),
        key(
            "budgets",
            Shape::Object(&BUDGETS),
            "Bounds of a run; the smaller ones hold.",
        ),
        key(
            "approvals",
            Shape::Object(&APPROVALS),
            "When a plan waits for a person, at least.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("pack", "write `use`"),
        ("commands", "write `programs`"),
        ("read", "write `paths: { read: […] }`"),
        ("write", "write `paths: { write: […] }`"),
        ("env", "write `environment`"),
        ("level", "write `sandbox: { level: … }`"),
        ("budget", "write `budgets`"),
    ],
};

/// How tasks are confined.
static SANDBOX: Table = Table {
    what: "`sandbox`",
    keys: &[
        key(
            "level",
            Shape::Word {
                now: &["strict", "landlock", "none"],
                later: &[],
            },
            "By which means; `strict` unless given.",
        ),
        key(
            "may_lower",
            Shape::Flag,
            "Whether `--sandbox` may choose a lower level; `true` unless given.",
        ),
        key(
            "require",
            GUARANTEE_LIST,
            "Guarantees without which nothing starts. Every guarantee that is not in `allow_degraded` is \
             required, too.",
        ),
        key(
            "allow_degraded",
            GUARANTEE_LIST,
            "Guarantees that a host need not keep; an attempt without them says so. None unless given.",
        ),
        key(
            "unix_sockets",
            Shape::Word {
                now: &["deny", "private"],
                later: &[],
            },
            "Whether processes of one attempt may talk by unix sockets; `deny` unless given. `private` holds in \
             `strict` without a network only.",
        ),
        key(
            "debug",
            Shape::Flag,
            "Whether debuggers and tracers work within an attempt; `false` unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("required", "write `require`"),
        ("guarantees", "write `require`"),
        ("degraded", "write `allow_degraded`"),
        ("sockets", "write `unix_sockets`"),
        ("network", "write `network` at the top level"),
        ("ptrace", "write `debug`"),
    ],
};

/// What of the file system is open.
static PATHS: Table = Table {
    what: "`paths`",
    keys: &[
        key(
            "read",
            TEXTS,
            "Read beyond the system's own files: `tree` is the scenario's tree, `~/x` is in the user's home, \
             `/x` is absolute, anything else is in the tree.",
        ),
        key(
            "write",
            TEXTS,
            "Written beyond a fresh workspace, which always can be: `workspace` is the tree for tasks with \
             `workspace: project`, `tree` is the tree for every task.",
        ),
        key(
            "protect",
            TEXTS,
            "Beneath what can be written: read only. Where orchestra keeps its runs is protected anyway.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        (
            "deny",
            "name in `read` and `write` what is open, and in `protect` what stays read only",
        ),
        ("allow", "write `read` or `write`"),
        ("readonly", "write `protect`"),
        ("exec", "write `read`: what can be read can be executed"),
    ],
};
