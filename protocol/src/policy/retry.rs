//! When a failed attempt is repeated, and after which delay. Pure: jitter is an input, and the
//! chosen delay is recorded, so replay never computes it again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outcome::FailureClass;

/// How the delay grows with each further attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// The same delay each time.
    Fixed,
    /// Doubles each time, up to `max_delay`.
    #[default]
    Exponential,
}

/// `retry: N`, or its long form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// Extra attempts after the first; at most [`RetryPolicy::MAX_EXTRA`].
    pub max: u32,
    /// Delay before the first extra attempt, milliseconds.
    pub delay_ms: u64,
    /// How it grows.
    pub backoff: Backoff,
    /// Upper bound of one delay, milliseconds.
    pub max_delay_ms: u64,
    /// Classes that are repeated; empty means those that are by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<FailureClass>,
    /// With `tool_failed`: only these exit codes are repeated; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit_codes: Vec<i32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max: 0,
            delay_ms: 1_000,
            backoff: Backoff::Exponential,
            max_delay_ms: 60_000,
            when: Vec::new(),
            exit_codes: Vec::new(),
        }
    }
}

impl RetryPolicy {
    /// Most extra attempts one task may ask for: enough for any flaky service, small enough that the
    /// journal of one task stays readable.
    pub const MAX_EXTRA: u32 = 100;
    /// Longest delay one may ask for.
    pub const MAX_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// Up to this delay the worker waits in place, holding its lease; beyond it the task is handed
    /// back, so that no slot sleeps.
    pub const IN_PLACE: Duration = Duration::from_secs(5);

    /// The delay before the next attempt, or `None` when there is none.
    ///
    /// `failed_attempts` counts the attempts that ended, this one included, from 1. `jitter` is
    /// between 0 and 999: up to a quarter of the delay is taken off, so that tasks which failed
    /// together do not return together.
    #[must_use]
    pub fn next(
        &self,
        class: FailureClass,
        exit: Option<i32>,
        failed_attempts: u32,
        jitter: u16,
    ) -> Option<Duration> {
        if failed_attempts > self.max || !self.repeats(class, exit) {
            return None;
        }
        let doublings = match self.backoff {
            Backoff::Fixed => 0,
            Backoff::Exponential => failed_attempts.saturating_sub(1).min(32),
        };
        let grown = self
            .delay_ms
            .saturating_mul(1_u64 << doublings)
            .min(self.max_delay_ms);
        let off = grown / 4 * u64::from(jitter.min(999)) / 1000;
        Some(Duration::from_millis(grown - off))
    }

    fn repeats(&self, class: FailureClass, exit: Option<i32>) -> bool {
        let listed = if self.when.is_empty() {
            class.retried_by_default()
        } else {
            self.when.contains(&class)
        };
        let code_fits = class != FailureClass::ToolFailed
            || self.exit_codes.is_empty()
            || exit.is_some_and(|code| self.exit_codes.contains(&code));
        listed && code_fits && class != FailureClass::Cancelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(max: u32) -> RetryPolicy {
        RetryPolicy {
            max,
            ..RetryPolicy::default()
        }
    }

    #[test]
    fn delays_double_up_to_the_bound() {
        let policy = RetryPolicy {
            max_delay_ms: 3_000,
            ..policy(4)
        };
        let delays: Vec<_> = (1..=5)
            .map(|n| policy.next(FailureClass::ToolFailed, Some(1), n, 0))
            .collect();
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(delays, [ms(1000), ms(2000), ms(3000), ms(3000), None]);
    }

    #[test]
    fn jitter_takes_off_at_most_a_quarter() {
        let with = |jitter| {
            policy(1)
                .next(FailureClass::ToolFailed, Some(1), 1, jitter)
                .unwrap()
        };
        assert_eq!(with(0), Duration::from_millis(1000));
        assert!(with(u16::MAX) >= Duration::from_millis(750));
        assert!(with(500) < with(0));
    }

    #[test]
    fn classes_and_exit_codes_narrow() {
        assert_eq!(policy(3).next(FailureClass::ToolNotFound, None, 1, 0), None);
        let narrow = RetryPolicy {
            exit_codes: vec![75],
            ..policy(3)
        };
        assert!(
            narrow
                .next(FailureClass::ToolFailed, Some(75), 1, 0)
                .is_some()
        );
        assert!(
            narrow
                .next(FailureClass::ToolFailed, Some(1), 1, 0)
                .is_none()
        );
        assert!(narrow.next(FailureClass::TimedOut, None, 1, 0).is_some());
        let only = RetryPolicy {
            when: vec![FailureClass::ArtifactMissing],
            ..policy(3)
        };
        assert!(
            only.next(FailureClass::ArtifactMissing, Some(0), 1, 0)
                .is_some()
        );
        assert!(only.next(FailureClass::ToolFailed, Some(1), 1, 0).is_none());
        let never = RetryPolicy {
            when: vec![FailureClass::Cancelled],
            ..policy(3)
        };
        assert!(never.next(FailureClass::Cancelled, None, 1, 0).is_none());
    }
}
