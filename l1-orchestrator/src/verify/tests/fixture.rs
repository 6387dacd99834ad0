//! A small run on disk, whole or unfinished.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use l2_coordinator::journal::{FileStorage, SyncMode, Writer, write_seal};
use protocol::artifact::{Artifact, SealedFile};
use protocol::digest::Digest;
use protocol::event::{
    AttemptEnd, EventKind, JOURNAL_VERSION, LeaseEnd, LogRef, Origin, RunStarted,
};
use protocol::ids::{LeaseId, RunId, TaskId};
use protocol::outcome::RunOutcome;
use protocol::policy::SandboxLevel;
use protocol::run_dir;
use protocol::seal::UserKey;
use protocol::time::Timestamp;
use protocol::warrant::Warrant;
use serde_json::{Map, json};
use tempfile::TempDir;

use crate::verify::{Code, Options, Verification, verify};

const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";
const SCENARIO: &[u8] = b"version: 1\nname: hello\n";
const PLAN: &[u8] = b"{\"tasks\":[]}\n";
const RECORD: &[u8] = b"{\"schema\": \"orchestra.run/v1\"}\n";
const POLICY: &[u8] = b"{\n  \"pack\": \"default@0\"\n}\n";
const REPORT: &[u8] = b"# hello completed\n";

pub(super) struct Run {
    dir: TempDir,
}

pub(super) fn key() -> UserKey {
    UserKey::from_seed([5; 32])
}

pub(super) fn run_id() -> RunId {
    RUN.parse().unwrap()
}

pub(super) fn task(name: &str) -> TaskId {
    name.parse().unwrap()
}

pub(super) fn started() -> EventKind {
    let policy = serde_json::from_slice::<serde_json::Value>(POLICY).unwrap();
    EventKind::RunStarted(Box::new(RunStarted {
        version: JOURNAL_VERSION,
        run_id: run_id(),
        scenario: "hello".parse().unwrap(),
        run_file: Some(Digest::of(RECORD)),
        scenario_file: Digest::of(SCENARIO),
        policy: "default@0".to_owned(),
        policy_digest: Digest::of_canonical("policy/v1", &policy).unwrap(),
        coordinator: "c1".parse().unwrap(),
        slots: 2,
        level: SandboxLevel::None,
        trace_id: "0".repeat(32),
        orchestra: "0.1.0".to_owned(),
        retry_of: None,
        unplanned: None,
    }))
}

pub(super) fn approved() -> EventKind {
    let policy = serde_json::from_slice::<serde_json::Value>(POLICY).unwrap();
    let mut approved = EventKind::PlanApproved {
        plan: Digest::of(b"plan"),
        plan_file: Digest::of(PLAN),
        policy: Digest::of_canonical("policy/v1", &policy).unwrap(),
        policy_file: Some(Digest::of(POLICY)),
        scenario_file: Digest::of(SCENARIO),
        by: Origin::Default,
        signed: None,
    };
    let EventKind::RunStarted(started) = started() else {
        unreachable!("it is what begins a run")
    };
    let warrant = Warrant::of(&started, &approved).unwrap().sign(&key());
    if let EventKind::PlanApproved { signed, .. } = &mut approved {
        *signed = Some(Box::new(warrant));
    }
    approved
}

pub(super) fn log(content: &[u8]) -> Option<LogRef> {
    let (bytes, sha256) = (content.len() as u64, Digest::of(content));
    Some(LogRef {
        bytes,
        sha256,
        truncated: false,
    })
}

pub(super) fn attempt_started(name: &str, attempt: u32) -> EventKind {
    let lease = LeaseId {
        epoch: 1,
        lease: attempt,
    };
    EventKind::AttemptStarted {
        task: task(name),
        lease,
        attempt,
    }
}

pub(super) fn attempt_finished(name: &str, attempt: u32, out: &[u8]) -> EventKind {
    EventKind::AttemptFinished {
        task: task(name),
        lease: LeaseId {
            epoch: 1,
            lease: attempt,
        },
        attempt,
        end: Box::new(AttemptEnd {
            level: SandboxLevel::None,
            degraded: Vec::new(),
            denied: Vec::new(),
            agent_denied: Vec::new(),
            model: None,
            writes: Vec::new(),
            exit: Some(0),
            signal: None,
            failure: None,
            wall_us: 1,
            cpu_us: 1,
            peak_rss_bytes: 1,
            peak_memory_bytes: None,
            peak_disk_bytes: None,
            out: log(out),
            err: None,
            tail: None,
        }),
    }
}

pub(super) fn artifact(path: &str, content: &[u8]) -> Artifact {
    let (bytes, sha256) = (content.len() as u64, Digest::of(content));
    Artifact {
        name: "result".to_owned(),
        media_type: "text/plain".to_owned(),
        directory: false,
        left_out: 0,
        files: vec![SealedFile {
            path: path.to_owned(),
            bytes,
            sha256,
        }],
    }
}

pub(super) fn done(name: &str, attempt: u32) -> EventKind {
    EventKind::TaskDone {
        task: task(name),
        attempt,
        outputs: Map::new(),
        artifacts: vec![artifact("artifacts/a/out/result.txt", b"a result\n")],
    }
}

pub(super) fn finished() -> EventKind {
    EventKind::RunFinished {
        outcome: RunOutcome::Completed,
        exit_code: 0,
        outputs: Map::new(),
    }
}

/// Everything before the end: attempt 1 was lost, attempt 2 succeeded.
pub(super) fn unfinished_events() -> Vec<EventKind> {
    let lease = LeaseId { epoch: 1, lease: 1 };
    let lost = EventKind::LeaseLost {
        task: task("a"),
        lease,
        cause: LeaseEnd::WorkerLost,
    };
    vec![
        started(),
        approved(),
        attempt_started("a", 1),
        lost,
        attempt_started("a", 2),
        attempt_finished("a", 2, b"hello from a\n"),
        done("a", 2),
    ]
}

impl Run {
    pub(super) fn with(events: Vec<EventKind>) -> Self {
        let run = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        run.write(run_dir::SCENARIO, SCENARIO);
        run.write(run_dir::PLAN, PLAN);
        run.write(run_dir::RUN_JSON, RECORD);
        run.write(run_dir::POLICY, POLICY);
        run.write("artifacts/a/out/result.txt", b"a result\n");
        run.write("logs/a.1.out", b"cut off");
        run.write("logs/a.2.out", b"hello from a\n");
        let storage = Arc::new(FileStorage::create(run.path()).unwrap());
        let mut writer = Writer::create(storage, SyncMode::Inline).unwrap();
        writer.append(Timestamp::from_micros(1), events).unwrap();
        writer.close().unwrap();
        run
    }

    pub(super) fn unfinished() -> Self {
        Self::with(unfinished_events())
    }

    pub(super) fn finished() -> Self {
        let mut events = unfinished_events();
        events.push(finished());
        let run = Self::with(events);
        let end = l2_coordinator::journal::Reader::new(&run.read(run_dir::EVENTS)[..]).finish();
        write_seal(run.path(), &key().seal(run_id(), end.unwrap().chain)).unwrap();
        let files = &artifact("artifacts/a/out/result.txt", b"a result\n");
        let manifest = json!({"schema": "orchestra.artifacts/v1", "artifacts": [{
            "task": "a", "name": files.name, "media_type": files.media_type, "files": files.files,
        }]});
        run.write(
            run_dir::MANIFEST,
            &serde_json::to_vec_pretty(&manifest).unwrap(),
        );
        for name in reports() {
            run.write(name, REPORT);
        }
        run
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs_err::read(self.file(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        let path = self.file(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs_err::remove_file(self.file(name)).unwrap();
    }

    pub(super) fn verify(&self) -> Verification {
        let rendered = |name: &str| {
            let known = reports().any(|report| report == name);
            Ok(known.then(|| Digest::of(REPORT)))
        };
        let trusted = [key().public()];
        verify(
            self.path(),
            &Options {
                trusted: &trusted,
                rendered: Some(&rendered),
            },
        )
        .unwrap()
    }

    pub(super) fn problems(&self) -> Vec<(Code, String)> {
        let problems = self.verify().problems.into_iter();
        problems
            .map(|problem| (problem.code, problem.path))
            .collect()
    }

    #[track_caller]
    pub(super) fn assert_problem(&self, code: Code, path: &str) {
        assert_eq!(self.problems(), [(code, path.to_owned())]);
    }
}

/// Files that hold nothing but what is rendered.
pub(super) fn reports() -> impl Iterator<Item = &'static str> {
    let all = run_dir::REPORTS.into_iter();
    all.filter(|name| *name != run_dir::MANIFEST)
}
