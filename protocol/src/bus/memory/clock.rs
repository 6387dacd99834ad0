//! Arithmetic on deadlines that cannot overflow: callers may ask for "never" with a huge duration.

use std::time::Duration;

use tokio::time::Instant;

/// Stands for "never"; tokio's timers take it, `Instant + Duration::MAX` would panic.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// `now + wait`, at most a year away.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    now + wait.min(FAR)
}
