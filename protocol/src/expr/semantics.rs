//! Whether a task starts once all its needs have ended: the semantics table, one test per row.
//!
//! | a need … | no function in `if` | `always()` | `failure()` |
//! |---|---|---|---|
//! | done | start | start | skip by `if` |
//! | failed with `continue_on_error` | start | start | skip by `if` |
//! | failed | skip by failure | start | start |
//! | skipped by failure | skip by failure | start | start |
//! | skipped by `if` | skip by `if` | start | skip by `if` |
//! | cancelled | skip by failure | start | skip by `if` |
//!
//! With several needs a failure wins over a skip by `if`. A cancelled run starts nothing. "Start"
//! means that the condition's value, if there is one, is still to be computed; false is a skip by
//! `if`, which passes on as such to whatever needs the task.

/// How a need ended, as its dependents see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeedOutcome {
    /// Succeeded.
    Done,
    /// Failed, but has `continue_on_error`.
    FailedTolerated,
    /// Failed.
    Failed,
    /// Skipped: its own condition was false, or that of something it needs.
    SkippedByIf,
    /// Skipped because something it needs failed.
    SkippedByFailure,
    /// Cancelled.
    Cancelled,
}

/// What a condition says about failures, read from its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gate {
    /// No condition, or one without `always()` and `failure()`.
    #[default]
    Default,
    /// `failure()` as a plain conjunct.
    Failure,
    /// `always()`, or `failure()` beside `or`, `not`, a comparison: the value alone decides.
    Always,
}

/// What happens to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It starts, unless its condition turns out false.
    Start,
    /// It is skipped, by a need that was skipped by `if` or by `failure()` without a failure.
    SkipIf {
        /// Position among the needs, when one is the reason.
        because: Option<usize>,
    },
    /// It is skipped because this need did not succeed.
    SkipFailure {
        /// Position among the needs.
        because: usize,
    },
    /// The run is cancelled, and the task with it.
    Cancel,
}

/// Reads the table above. `needs` are the outcomes of all needs, in their order.
#[must_use]
pub fn verdict(
    gate: Gate,
    needs: impl IntoIterator<Item = NeedOutcome>,
    run_cancelled: bool,
) -> Verdict {
    if run_cancelled {
        return Verdict::Cancel;
    }
    let mut failed = None;
    let mut cancelled = None;
    let mut skipped = None;
    for (index, outcome) in needs.into_iter().enumerate() {
        match outcome {
            NeedOutcome::Done | NeedOutcome::FailedTolerated => {}
            NeedOutcome::Failed | NeedOutcome::SkippedByFailure => failed = failed.or(Some(index)),
            NeedOutcome::Cancelled => cancelled = cancelled.or(Some(index)),
            NeedOutcome::SkippedByIf => skipped = skipped.or(Some(index)),
        }
    }
    match gate {
        Gate::Always => Verdict::Start,
        Gate::Failure if failed.is_some() => Verdict::Start,
        Gate::Failure => Verdict::SkipIf { because: None },
        Gate::Default => match (failed.or(cancelled), skipped) {
            (Some(because), _) => Verdict::SkipFailure { because },
            (None, Some(index)) => Verdict::SkipIf {
                because: Some(index),
            },
            (None, None) => Verdict::Start,
        },
    }
}

/// The value of `failure()`: whether a need failed or was skipped because of a failure.
#[must_use]
pub fn any_failure(needs: impl IntoIterator<Item = NeedOutcome>) -> bool {
    needs
        .into_iter()
        .any(|outcome| matches!(outcome, NeedOutcome::Failed | NeedOutcome::SkippedByFailure))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIP_IF: Verdict = Verdict::SkipIf { because: None };
    const PASSED_ON: Verdict = Verdict::SkipIf { because: Some(0) };
    const SKIP_FAILURE: Verdict = Verdict::SkipFailure { because: 0 };

    fn row(outcome: NeedOutcome) -> [Verdict; 3] {
        [Gate::Default, Gate::Always, Gate::Failure].map(|gate| verdict(gate, [outcome], false))
    }

    #[test]
    fn need_done() {
        assert_eq!(
            row(NeedOutcome::Done),
            [Verdict::Start, Verdict::Start, SKIP_IF]
        );
    }

    #[test]
    fn need_failed_with_continue_on_error() {
        assert_eq!(
            row(NeedOutcome::FailedTolerated),
            [Verdict::Start, Verdict::Start, SKIP_IF]
        );
    }

    #[test]
    fn need_failed() {
        assert_eq!(
            row(NeedOutcome::Failed),
            [SKIP_FAILURE, Verdict::Start, Verdict::Start]
        );
    }

    #[test]
    fn need_skipped_by_failure() {
        let expected = [SKIP_FAILURE, Verdict::Start, Verdict::Start];
        assert_eq!(row(NeedOutcome::SkippedByFailure), expected);
    }

    #[test]
    fn need_skipped_by_if_passes_on_as_such() {
        assert_eq!(
            row(NeedOutcome::SkippedByIf),
            [PASSED_ON, Verdict::Start, SKIP_IF]
        );
    }

    #[test]
    fn need_cancelled() {
        assert_eq!(
            row(NeedOutcome::Cancelled),
            [SKIP_FAILURE, Verdict::Start, SKIP_IF]
        );
    }

    #[test]
    fn no_needs() {
        let none: [NeedOutcome; 0] = [];
        assert_eq!(verdict(Gate::Default, none, false), Verdict::Start);
        assert_eq!(verdict(Gate::Always, none, false), Verdict::Start);
        assert_eq!(verdict(Gate::Failure, none, false), SKIP_IF);
    }

    #[test]
    fn a_failure_wins_over_a_skip_by_if() {
        let needs = [
            NeedOutcome::Done,
            NeedOutcome::SkippedByIf,
            NeedOutcome::Failed,
        ];
        let expected = Verdict::SkipFailure { because: 2 };
        assert_eq!(verdict(Gate::Default, needs, false), expected);
        assert_eq!(verdict(Gate::Failure, needs, false), Verdict::Start);
        let needs = [NeedOutcome::Cancelled, NeedOutcome::SkippedByFailure];
        assert_eq!(
            verdict(Gate::Default, needs, false),
            Verdict::SkipFailure { because: 1 }
        );
    }

    #[test]
    fn a_cancelled_run_starts_nothing() {
        for gate in [Gate::Default, Gate::Always, Gate::Failure] {
            assert_eq!(verdict(gate, [NeedOutcome::Failed], true), Verdict::Cancel);
            assert_eq!(verdict(gate, [NeedOutcome::Done], true), Verdict::Cancel);
        }
    }

    #[test]
    fn failure_counts_failed_and_skipped_by_failure_only() {
        let failing = [NeedOutcome::Failed, NeedOutcome::SkippedByFailure];
        assert!(failing.into_iter().all(|outcome| any_failure([outcome])));
        let others = [
            NeedOutcome::Done,
            NeedOutcome::FailedTolerated,
            NeedOutcome::SkippedByIf,
            NeedOutcome::Cancelled,
        ];
        assert!(!any_failure(others));
    }
}
