//! Values that every machine test needs and none cares about.

use protocol::artifact::{Artifact, SealedFile};
use protocol::budget::Budget;
use protocol::digest::Digest;
use protocol::event::{AttemptEnd, EventKind, JOURNAL_VERSION, Origin, RunStarted};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::Plan;
use protocol::policy::{Dispatch, SandboxLevel};

use crate::machine::{CRASH_LIMIT, Config, Embedded};

const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// One run with an in-process worker `local-c`; others are remote.
pub(crate) fn config() -> Config {
    Config {
        coordinator: "c".parse().expect("a token"),
        run: RUN.parse().expect("a run id"),
        trace_id: TRACE.into(),
        max_parallel: None,
        slots: 1,
        fail_fast: false,
        policy: std::sync::Arc::new(Dispatch::unconfined()),
        embedded: Some(Embedded {
            worker: "local-c".parse().expect("a token"),
            incarnation: "life1".parse().expect("a token"),
        }),
        crash_limit: CRASH_LIMIT,
        project: None,
        budget: Budget::default(),
        models: None,
    }
}

/// The worker that asks models in [`asking`].
pub(crate) const ASKER: &str = "local-ai-c";

/// The same with a worker that asks models, within a budget.
pub(crate) fn asking(budget: Budget) -> Config {
    Config {
        budget,
        models: Some(Embedded {
            worker: ASKER.parse().expect("a token"),
            incarnation: "life1".parse().expect("a token"),
        }),
        ..config()
    }
}

/// How every run begins.
pub(crate) fn run_opening(config: &Config, plan: &Plan) -> Vec<EventKind> {
    let policy = Digest::of(b"policy");
    let scenario_file = Digest::of(b"scenario");
    vec![
        EventKind::RunStarted(Box::new(RunStarted {
            version: JOURNAL_VERSION,
            run_id: config.run,
            scenario: "test".parse().expect("a name"),
            run_file: None,
            scenario_file,
            policy: "default@0".into(),
            policy_digest: policy,
            coordinator: config.coordinator.clone(),
            slots: config.slots,
            level: SandboxLevel::None,
            trace_id: TRACE.into(),
            orchestra: "0.0.0".into(),
            retry_of: None,
            unplanned: None,
        })),
        EventKind::PlanProposed {
            plan: plan.digest(),
            tasks: plan.len() as u64,
        },
        EventKind::PlanApproved {
            plan: plan.digest(),
            plan_file: Digest::of(b"plan"),
            policy,
            policy_file: None,
            scenario_file,
            by: Origin::Default,
            signed: None,
        },
    ]
}

/// An attempt that exited with 0.
pub(crate) fn ended() -> AttemptEnd {
    AttemptEnd {
        level: SandboxLevel::None,
        degraded: Vec::new(),
        denied: Vec::new(),
        agent_denied: Vec::new(),
        model: None,
        writes: Vec::new(),
        exit: Some(0),
        signal: None,
        failure: None,
        wall_us: 1_000,
        cpu_us: 500,
        peak_rss_bytes: 1 << 20,
        peak_memory_bytes: None,
        peak_disk_bytes: None,
        out: None,
        err: None,
        tail: None,
    }
}

/// An attempt that failed.
pub(crate) fn failed(class: FailureClass) -> AttemptEnd {
    AttemptEnd {
        exit: Some(1),
        failure: Some(Failure::new(class, "it said no")),
        ..ended()
    }
}

/// An attempt that exited with 1.
pub(crate) fn crashed() -> AttemptEnd {
    failed(FailureClass::ToolFailed)
}

/// An artifact of one file.
pub(crate) fn artifact(name: &str, path: &str) -> Artifact {
    Artifact {
        name: name.into(),
        media_type: "text/plain".into(),
        directory: false,
        left_out: 0,
        files: vec![SealedFile {
            path: path.into(),
            bytes: 3,
            sha256: Digest::of(b"abc"),
        }],
    }
}
