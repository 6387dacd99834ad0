//! What every world needs and no seed changes: its clock, how a run opens, how trouble is told.

use l2_coordinator::Config;
use l2_coordinator::journal::MemoryDisk;
use protocol::digest::Digest;
use protocol::event::{EventKind, JOURNAL_VERSION, Origin, RunStarted};
use protocol::plan::Plan;
use protocol::policy::SandboxLevel;
use protocol::time::{Clock, Timestamp};
use tokio::time::Instant;

/// The last events of a journal, as they are.
pub(super) fn tail(disk: &MemoryDisk) -> String {
    let text = String::from_utf8_lossy(&disk.content()).into_owned();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Wall time that follows virtual time.
pub(super) struct WallClock(pub(super) Instant);

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.0.elapsed())
    }
}

pub(super) fn opening(config: &Config, plan: &Plan) -> Vec<EventKind> {
    let digest = Digest::of(b"sim");
    let started = RunStarted {
        version: JOURNAL_VERSION,
        run_id: config.run,
        scenario: "sim".parse().expect("a name"),
        run_file: None,
        scenario_file: digest,
        policy: "default@0".into(),
        policy_digest: digest,
        coordinator: config.coordinator.clone(),
        slots: config.slots,
        level: SandboxLevel::None,
        trace_id: config.trace_id.clone(),
        orchestra: "0.0.0".into(),
        retry_of: None,
        unplanned: None,
    };
    vec![
        EventKind::RunStarted(Box::new(started)),
        EventKind::PlanProposed {
            plan: plan.digest(),
            tasks: plan.len() as u64,
        },
        EventKind::PlanApproved {
            plan: plan.digest(),
            plan_file: digest,
            policy: digest,
            policy_file: None,
            scenario_file: digest,
            by: Origin::Default,
            signed: None,
        },
    ]
}
