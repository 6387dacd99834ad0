//! The whole environment of an attempt. Nothing is inherited implicitly.
//!
//! | variable | value |
//! |---|---|
//! | `PATH` | what the policy puts first, then what can be seen of the worker's own |
//! | `LANG` | `C.UTF-8` |
//! | `HOME`, `TMPDIR` | a private directory beside the workspace, empty, gone after the attempt |
//! | `ORCHESTRA_RUN` | run id; also the mark by which a later `resume` finds leftovers |
//! | `ORCHESTRA_TASK` | the task's shown id |
//! | `ORCHESTRA_ATTEMPT` | number of the attempt, from 1 |
//! | `ORCHESTRA_OUTPUT` | file for declared outputs; made by whoever writes it first |
//! | `TRACEPARENT` | W3C trace context |
//!
//! then variables that the policy hands through or sets (toolchains), then the task's own `env` and the
//! secrets it is granted, which may replace all but the last five rows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use protocol::message::TaskMessage;

use crate::sandbox::search_path;
use crate::secrets::Granted;
use crate::sweep::RUN_VARIABLE;

/// Where programs are looked up unless the options say otherwise.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables for one attempt, by name.
pub(crate) fn build(
    task: &TaskMessage,
    attempt: u32,
    path: &str,
    home: &Path,
    output: &Path,
    granted: &Granted,
) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> = BTreeMap::new();
    let mut set = |name: &str, value: OsString| env.insert(name.into(), value);
    set("PATH", search_path(&task.constraints, path).into());
    set("LANG", "C.UTF-8".into());
    set("HOME", home.into());
    set("TMPDIR", home.into());
    let confine = &task.constraints.confine;
    for name in &confine.pass {
        if let Some(value) = std::env::var_os(name) {
            set(name, value);
        }
    }
    for (name, value) in &confine.env {
        set(name, value.into());
    }
    for (name, value) in &task.env {
        set(name, value.into());
    }
    for (name, value) in granted.variables() {
        set(name, value.into());
    }
    set(RUN_VARIABLE, task.run_id.to_string().into());
    set("ORCHESTRA_TASK", task.task_id.to_string().into());
    set("ORCHESTRA_ATTEMPT", attempt.to_string().into());
    set("ORCHESTRA_OUTPUT", output.into());
    set("TRACEPARENT", (&task.traceparent).into());
    env
}

/// The first name that no environment can hold: empty, or with `=` or NUL in it; or whose value
/// holds NUL.
pub(crate) fn impossible(env: &BTreeMap<String, String>) -> Option<&str> {
    let bad = |(name, value): &(&String, &String)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    };
    env.iter().find(bad).map(|(name, _)| name.as_str())
}
