//! What was seen from outside, in order: events shown, attempts executed.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use l2_coordinator::Observer;
use l2_coordinator::journal::MemoryDisk;
use l3_worker::{Attempt, AttemptResult, Executor};
use protocol::event::Event;
use protocol::ids::{LeaseId, TaskId};
use protocol::policy::SandboxLevel;
use serde_json::Value;
use tokio::time::Instant;

use super::asking::Asked;

/// One execution of an attempt, however it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    pub(super) task: TaskId,
    pub(super) lease: LeaseId,
    pub(super) attempt: u32,
    pub(super) worker: String,
    pub(super) began: Instant,
    pub(super) ended: Option<Instant>,
    /// Events shown before it began.
    pub(super) after: usize,
    /// Bytes of the journal that were certain by then.
    pub(super) synced: usize,
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) shown: Vec<Event>,
    pub(super) executions: Vec<Execution>,
    pub(super) asked: Vec<Asked>,
}

/// Shared by observers and executors of one world.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Seen>>);

impl Log {
    pub(super) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0
            .lock()
            .expect("no critical section of the log panics")
    }
}

/// Notes what it is shown.
pub(super) struct Watcher(pub(super) Log);

impl Observer for Watcher {
    fn on_event(&mut self, event: &Event) {
        self.0.lock().shown.push(event.clone());
    }
}

/// Notes what it executes, and gives every success its number as output `n`.
pub(super) struct Watched {
    pub(super) inner: Arc<dyn Executor>,
    pub(super) log: Log,
    pub(super) worker: String,
    pub(super) disk: Arc<MemoryDisk>,
}

#[async_trait]
impl Executor for Watched {
    fn level(&self) -> SandboxLevel {
        self.inner.level()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult {
        let number = {
            let mut seen = self.log.lock();
            let after = seen.shown.len();
            seen.executions.push(Execution {
                task: attempt.task.task_id.clone(),
                lease: attempt.task.lease,
                attempt: attempt.number,
                worker: self.worker.clone(),
                began: Instant::now(),
                ended: None,
                after,
                synced: self.disk.synced_len(),
            });
            seen.executions.len() - 1
        };
        // Also noted when the worker dies and this future with it.
        let _ended = OnEnd(&self.log, number);
        let mut result = self.inner.execute(attempt).await;
        if result.end.failure.is_none() {
            result.outputs.insert("n".into(), Value::from(number));
        }
        result
    }
}

struct OnEnd<'a>(&'a Log, usize);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        self.0.lock().executions[self.1].ended = Some(Instant::now());
    }
}
