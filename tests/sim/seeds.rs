//! Seeds that once failed, each with its story. Played with every run of the suite.

/// Seed and what it had found.
pub(super) const REGRESSIONS: &[(u64, &str)] = &[];
