//! The secrets of a run whose worker is in this process: resolved in the environment of whoever runs it.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use l3_worker::secrets::{Guard, Host, SystemSecrets};
use protocol::plan::Plan;

use super::log;
use crate::runs::{RunEntry, RunRecord};
use crate::settings;

/// Grants the secrets of the plan's scenario, and keeps what it granted out of `log.jsonl`. Nothing is
/// resolved before a task needs it.
pub(super) fn guard(plan: &Plan, entry: &RunEntry) -> Guard {
    if plan.secrets().is_empty() {
        return Guard::default();
    }
    let root = RunRecord::read(&entry.dir)
        .ok()
        .and_then(|record| record.root);
    let host = Host {
        // Beneath a directory that is not there no file is found.
        root: root.map_or_else(|| entry.dir.join("no-root"), PathBuf::from),
        home: settings::home(),
        variable: Arc::new(|name| env::var_os(name)),
    };
    let guard = Guard::new(SystemSecrets::new(plan.secrets().clone(), host));
    log::keep_out(&guard);
    guard
}
