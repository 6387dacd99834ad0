//! One executor over a temporary run directory, and tasks for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use l3_worker::secrets::Guard;
use l3_worker::{
    Attempt, AttemptResult, CommandExecutor, CommandOptions, DEFAULT_PATH, Executor as _,
    OutputChunk, Stop,
};
use protocol::message::TaskMessage;
use protocol::outcome::{Bound, Failure, FailureClass};
use protocol::policy::Constraints;

use super::launcher;

pub const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";

pub struct Bench {
    dir: tempfile::TempDir,
    pub executor: Arc<CommandExecutor>,
    pub stop: Arc<Stop>,
    pub seen: Arc<Mutex<Vec<u8>>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::guarded(Guard::default())
    }

    pub fn guarded(secrets: Guard) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let observer =
            move |chunk: &OutputChunk<'_>| sink.lock().unwrap().extend_from_slice(chunk.bytes);
        let options = CommandOptions {
            run_dir: dir.path().to_owned(),
            path: DEFAULT_PATH.to_owned(),
            slots: 1,
            secrets,
            observer: Some(Arc::new(observer)),
            on_phase: None,
        };
        let executor = Arc::new(CommandExecutor::new(launcher(), options).unwrap());
        Self {
            dir,
            executor,
            stop: Arc::new(Stop::new().unwrap()),
            seen,
        }
    }

    pub fn path(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }

    pub fn run(&self, task: &TaskMessage) -> AttemptResult {
        let attempt = Attempt {
            task,
            number: 1,
            slot: 0,
            stop: &self.stop,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(self.executor.execute(attempt))
    }

    /// Whether the live output, both streams mixed, holds this text by now.
    pub fn has_seen(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).contains(text)
    }

    pub fn log(&self, stream: &str) -> Vec<u8> {
        fs_err::read(self.path(&format!("logs/t.1.{stream}"))).unwrap()
    }

    /// Everything beneath a directory of the run, as sorted relative paths.
    pub fn tree(&self, inner: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut queue = vec![self.path(inner)];
        while let Some(dir) = queue.pop() {
            let Ok(entries) = fs_err::read_dir(&dir) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    queue.push(path.clone());
                }
                found.push(shown(&path, self.dir.path()));
            }
        }
        found.sort();
        found
    }
}

fn shown(path: &Path, top: &Path) -> String {
    path.strip_prefix(top)
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

/// A task that runs shell text.
pub fn sh(script: &str) -> TaskMessage {
    argv(&["sh", "-c", script])
}

pub fn argv(words: &[&str]) -> TaskMessage {
    TaskMessage {
        version: protocol::message::MESSAGE_VERSION,
        coordinator: "c1".parse().unwrap(),
        run_id: RUN.parse().unwrap(),
        task_id: "t".parse().unwrap(),
        parent_id: None,
        lease: "1-1".parse().unwrap(),
        argv: words.iter().map(ToString::to_string).collect(),
        prompt: None,
        env: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        project: None,
        working_dir: None,
        files: Vec::new(),
        outputs: std::collections::BTreeMap::new(),
        artifacts: std::collections::BTreeMap::new(),
        retry: protocol::policy::RetryPolicy::default(),
        constraints: Constraints {
            grace_ms: 100,
            ..Constraints::unconfined()
        },
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
    }
}

pub fn artifacts<const N: usize>(
    mut task: TaskMessage,
    declared: [(&str, &str); N],
) -> TaskMessage {
    task.artifacts = declared
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .into();
    task
}

/// Class and bound of the failure.
pub fn failed(result: &AttemptResult) -> (FailureClass, Option<Bound>) {
    match &result.end.failure {
        Some(Failure { class, bound, .. }) => (*class, *bound),
        None => panic!("it succeeded: {result:?}"),
    }
}

pub fn message(result: &AttemptResult) -> &str {
    result
        .end
        .failure
        .as_ref()
        .map_or("", |failure| failure.message.as_str())
}
