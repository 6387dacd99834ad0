//! The policy of the cases, and how a payload becomes a task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::message::{MESSAGE_VERSION, StagedFile, TaskMessage};
use protocol::policy::{
    Confine, Constraints, Guarantee, Limits, RetryPolicy, SandboxLevel, Timeout,
};

pub const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";
const MIB: u64 = 1024 * 1024;

/// What a payload may do.
#[derive(Clone, Debug)]
pub struct Policy {
    pub level: SandboxLevel,
    pub confine: Confine,
    pub limits: Limits,
    pub wall_ms: u64,
    pub grace_ms: u64,
    pub output_bytes: u64,
    pub env: BTreeMap<String, String>,
    pub files: Vec<StagedFile>,
    pub project: Option<String>,
    pub artifacts: BTreeMap<String, String>,
}

impl Policy {
    /// The strictest that tools still work under, at this level.
    pub fn at(level: SandboxLevel) -> Self {
        let confined = level != SandboxLevel::None;
        let required = [
            Guarantee::FsWriteConfined,
            Guarantee::FsReadConfined,
            Guarantee::NetNone,
            Guarantee::TreeKill,
            Guarantee::EnvClean,
        ];
        let require: BTreeSet<_> = required.into_iter().filter(|_| confined).collect();
        Self {
            level,
            confine: Confine {
                require,
                ..Confine::CLOSED
            },
            limits: Limits {
                cpu_ms: Some(10_000),
                memory_bytes: Some(256 * MIB),
                pids: Some(64),
                disk_bytes: Some(128 * MIB),
                file_bytes: Some(64 * MIB),
                files: Some(5_000),
                tmp_bytes: Some(64 * MIB),
            },
            wall_ms: 20_000,
            grace_ms: 200,
            output_bytes: MIB,
            env: BTreeMap::new(),
            files: Vec::new(),
            project: None,
            artifacts: BTreeMap::new(),
        }
    }

    /// Sandbox off: nothing confined, nothing limited but time.
    pub fn off() -> Self {
        Self {
            limits: Limits::default(),
            ..Self::at(SandboxLevel::None)
        }
    }

    /// Room for a compiler.
    pub fn roomy(mut self) -> Self {
        self.limits = Limits {
            cpu_ms: Some(60_000),
            memory_bytes: Some(2048 * MIB),
            pids: Some(256),
            disk_bytes: Some(1024 * MIB),
            file_bytes: Some(512 * MIB),
            files: Some(20_000),
            tmp_bytes: Some(256 * MIB),
        };
        self.wall_ms = 60_000;
        self
    }

    pub fn declaring(mut self, path: &str) -> Self {
        self.artifacts
            .insert(format!("a{}", self.artifacts.len()), path.to_owned());
        self
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same confinement for a task that asks for nothing.
    pub(super) fn trivial(&self) -> Self {
        let (env, files, artifacts) = Default::default();
        Self {
            env,
            files,
            artifacts,
            ..self.clone()
        }
    }

    pub(super) fn task(&self, argv: Vec<String>) -> TaskMessage {
        let constraints = Constraints {
            level: self.level,
            timeout: Timeout {
                wall_ms: Some(self.wall_ms),
                idle_ms: None,
            },
            grace_ms: self.grace_ms,
            output_bytes: self.output_bytes,
            limits: self.limits,
            confine: Arc::new(self.confine.clone()),
            ..Constraints::unconfined()
        };
        TaskMessage {
            version: MESSAGE_VERSION,
            coordinator: "c1".parse().unwrap(),
            run_id: RUN.parse().unwrap(),
            task_id: "t".parse().unwrap(),
            parent_id: None,
            lease: "1-1".parse().unwrap(),
            argv,
            prompt: None,
            env: self.env.clone(),
            project: self.project.clone(),
            working_dir: None,
            secrets: Vec::new(),
            files: self.files.clone(),
            outputs: BTreeMap::new(),
            artifacts: self.artifacts.clone(),
            retry: RetryPolicy::default(),
            constraints,
            traceparent: String::new(),
        }
    }
}

/// What runs.
#[derive(Clone, Debug)]
pub enum Payload {
    Bash(String),
    Python(String),
    Program(Vec<String>),
}

impl Payload {
    pub fn program(words: &[&str]) -> Self {
        Self::Program(words.iter().map(ToString::to_string).collect())
    }

    /// As arguments, with the host's places and numbers filled in.
    pub(super) fn argv(&self, fill: impl Fn(&str) -> String) -> Vec<String> {
        match self {
            Self::Bash(text) => vec!["/bin/bash".into(), "-c".into(), fill(text)],
            Self::Python(text) => vec!["/usr/bin/python3".into(), "-c".into(), fill(text)],
            Self::Program(words) => words.iter().map(|word| fill(word)).collect(),
        }
    }
}
