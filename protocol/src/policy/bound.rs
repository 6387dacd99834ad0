//! The limits of an attempt as a table, so that merging, tightening, showing and reading them know the same ones.

use crate::budget::Money;

use super::limits::{Constraints, Limits, LimitsRequest, Timeout};
use super::rule::Budgets;

/// What a bound counts, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Bytes,
    Count,
    /// Nano-dollars, written as dollars.
    Dollars,
}

/// One bound of a record `R`.
pub(crate) struct Bound<R> {
    /// Its word.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) get: fn(&R) -> Option<u64>,
    pub(crate) set: fn(&mut R, Option<u64>),
}

macro_rules! bounds {
    ($($name:literal $unit:ident $field:ident $(as $narrow:ty)?,)*) => {
        &[$(Bound {
            name: $name,
            unit: Unit::$unit,
            get: |all| all.$field.map(u64::from),
            set: |all, value| all.$field = value $(.map(|n| <$narrow>::try_from(n).unwrap_or(<$narrow>::MAX)))?,
        },)*]
    };
}

/// Every limit.
pub(crate) const LIMITS: &[Bound<LimitsRequest>] = bounds! {
    "wall" Milliseconds wall_ms,
    "idle" Milliseconds idle_ms,
    "cpu" Milliseconds cpu_ms,
    "memory" Bytes memory_bytes,
    "pids" Count pids as u32,
    "output" Bytes output_bytes,
    "disk" Bytes disk_bytes,
    "files" Count files,
    "file_size" Bytes file_bytes,
    "tmp" Bytes tmp_bytes,
};

/// Every budget.
pub(crate) const BUDGETS: &[Bound<Budgets>] = bounds! {
    "tasks" Count tasks,
    "depth" Count depth,
    "width" Count width,
    "attempts" Count attempts,
    "tokens" Count tokens,
    "usd" Dollars usd_nanos,
    "calls" Count calls,
    "wall" Milliseconds wall_ms,
};

impl<R> Bound<R> {
    /// A value as packs write it, in the largest unit that is exact.
    pub(crate) fn shown(&self, value: Option<u64>) -> String {
        let Some(value) = value else {
            return "none".to_owned();
        };
        let units: &[(&str, u64)] = match self.unit {
            Unit::Milliseconds => &[
                ("d", 86_400_000),
                ("h", 3_600_000),
                ("m", 60_000),
                ("s", 1000),
                ("ms", 1),
            ],
            Unit::Bytes => &[
                ("TiB", 1 << 40),
                ("GiB", 1 << 30),
                ("MiB", 1 << 20),
                ("KiB", 1 << 10),
                ("B", 1),
            ],
            Unit::Count => &[("", 1)],
            Unit::Dollars => return Money::from_nanos(value).exact(),
        };
        let exact = |(_, size): &&(&str, u64)| value > 0 && value.is_multiple_of(*size);
        let (word, size) = units
            .iter()
            .find(exact)
            .or(units.last())
            .copied()
            .unwrap_or(("", 1));
        format!("{}{word}", value / size)
    }
}

/// The smaller of two bounds; absent is unbounded.
pub(super) fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl LimitsRequest {
    /// As they go into a task's constraints.
    pub(super) fn apply(&self, own: Timeout, constraints: &mut Constraints) {
        constraints.timeout = Timeout {
            wall_ms: smaller(own.wall_ms, self.wall_ms),
            idle_ms: smaller(own.idle_ms, self.idle_ms),
        };
        constraints.output_bytes = self.output_bytes.unwrap_or(constraints.output_bytes);
        constraints.limits = Limits {
            cpu_ms: self.cpu_ms,
            memory_bytes: self.memory_bytes,
            pids: self.pids,
            disk_bytes: self.disk_bytes,
            file_bytes: self.file_bytes,
            files: self.files,
            tmp_bytes: self.tmp_bytes,
        };
    }
}
