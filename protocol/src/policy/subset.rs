//! Whether one grants no more than another. What tightening must never break is stated here.

use super::limits::{Constraints, Limits};
use super::place::covers;
use super::sandbox::{Confine, Network, SandboxLevel};

impl Constraints {
    /// Whether everything these constraints let an attempt do or use, the others do, too.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let time = (within(self.timeout.wall_ms, other.timeout.wall_ms))
            && within(self.timeout.idle_ms, other.timeout.idle_ms);
        let sizes = self.grace_ms <= other.grace_ms
            && self.output_bytes <= other.output_bytes
            && self.outputs_bytes <= other.outputs_bytes
            && self.artifact_bytes <= other.artifact_bytes
            && self.artifact_files <= other.artifact_files;
        // Sockets among its own processes are sound in `strict` without a network only. Where the other
        // has none for that reason alone, having them here is no more: they reach nobody else.
        let sockets = self.confine.unix_sockets <= other.confine.unix_sockets
            || other.confine.network == Network::Full
            || other.level != SandboxLevel::Strict;
        self.level <= other.level
            && sockets
            && time
            && sizes
            && limits_within(&self.limits, &other.limits)
            && self.confine.is_within(&other.confine)
    }
}

impl Confine {
    /// Whether everything that is open here is open there, sockets aside.
    fn is_within(&self, other: &Self) -> bool {
        let beneath = |path: &String, all: &[String]| all.iter().any(|above| covers(above, path));
        let reads = |path: &String| beneath(path, &other.read) || beneath(path, &other.write);
        let writes = self
            .write
            .iter()
            .all(|path| beneath(path, &other.write) && !beneath(path, &other.protect));
        // What is protected there is protected here, or out of reach.
        let protects = other
            .protect
            .iter()
            .all(|path| beneath(path, &self.protect) || !beneath(path, &self.write));
        self.require.is_superset(&other.require)
            && self.network <= other.network
            && self.debug <= other.debug
            && self.read.iter().all(reads)
            && self.within.iter().all(|path| beneath(path, &other.within))
            && writes
            && protects
            && self.path.iter().all(|dir| other.path.contains(dir))
            && self
                .env
                .iter()
                .all(|(name, value)| other.env.get(name) == Some(value))
            && self.pass.is_subset(&other.pass)
    }
}

/// Whether a bound is no wider than another; absent is unbounded.
fn within(inner: Option<u64>, outer: Option<u64>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner <= outer,
    }
}

fn limits_within(inner: &Limits, outer: &Limits) -> bool {
    let Limits {
        cpu_ms,
        memory_bytes,
        pids,
        disk_bytes,
        file_bytes,
        files,
        tmp_bytes,
    } = *inner;
    within(cpu_ms, outer.cpu_ms)
        && within(memory_bytes, outer.memory_bytes)
        && within(pids.map(u64::from), outer.pids.map(u64::from))
        && within(disk_bytes, outer.disk_bytes)
        && within(file_bytes, outer.file_bytes)
        && within(files, outer.files)
        && within(tmp_bytes, outer.tmp_bytes)
}
