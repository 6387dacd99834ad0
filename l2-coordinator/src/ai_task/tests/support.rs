//! Scripted models behind a book of calls, and a task to ask them about.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use protocol::budget::{Ask, Budget, CallId, Ledger, Reserved, Settled};
use protocol::ids::TaskId;
use protocol::message::PromptMessage;
use protocol::plan::{OutputType, Parse, Tier};
use serde_json::Value;

use crate::ai_task::{AiTask, Material, Outcome, PromptTask, Tiered};
use crate::model::{
    CallBook, CallJournal, JournalError, Model, ModelError, ModelReply, ModelRequest, Progress,
    Recall, Scripted, known_prices,
};

/// A journal in memory.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) budget: Budget,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) reserved: Mutex<Vec<Reserved>>,
}

#[async_trait]
impl CallJournal for Journal {
    async fn reserve(&self, mut ask: Reserved) -> Result<CallId, JournalError> {
        let mut ledger = self.ledger.lock().unwrap();
        self.budget.admits(&ledger, &Ask::of(&ask, 0))?;
        ask.call = ledger.next_call();
        ledger.reserve(&ask).unwrap();
        let call = ask.call;
        self.reserved.lock().unwrap().push(ask);
        Ok(call)
    }

    async fn settle(&self, settled: Settled) -> Result<(), JournalError> {
        self.ledger.lock().unwrap().settle(&settled).unwrap();
        Ok(())
    }
}

/// A script that remembers what it was asked.
struct Heard {
    script: Scripted,
    asked: Arc<Mutex<Vec<ModelRequest>>>,
}

#[async_trait]
impl Model for Heard {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    fn is_fixture(&self) -> bool {
        true
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        self.asked.lock().unwrap().push(request.clone());
        self.script.call(request, progress).await
    }
}

/// A task, and models that answer it.
pub(super) struct Bench {
    dir: tempfile::TempDir,
    pub(super) journal: Arc<Journal>,
    pub(super) asked: Arc<Mutex<Vec<ModelRequest>>>,
    pub(super) prompt: PromptMessage,
    pub(super) material: Vec<Material>,
    pub(super) outputs: BTreeMap<String, OutputType>,
    pub(super) artifacts: BTreeMap<String, String>,
}

impl Bench {
    pub(super) fn new(parse: Parse) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            journal: Arc::default(),
            asked: Arc::default(),
            prompt: PromptMessage {
                text: "Say what is new.".into(),
                context: Vec::new(),
                context_tokens: None,
                schema: None,
                parse,
                tier: Tier::Smart,
                max_tokens: None,
                effort: None,
                fallback: None,
            },
            material: Vec::new(),
            outputs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        }
    }

    pub(super) fn json(schema: Value) -> Self {
        let mut bench = Self::new(Parse::Json);
        bench.prompt.schema = Some(schema);
        bench
    }

    pub(super) fn output(mut self, name: &str, kind: OutputType) -> Self {
        self.outputs.insert(name.into(), kind);
        self
    }

    pub(super) fn artifact(mut self, name: &str, path: &str) -> Self {
        self.artifacts.insert(name.into(), path.into());
        self
    }

    pub(super) fn material(mut self, label: &str, text: &str) -> Self {
        self.material.push(material(label, text));
        self
    }

    /// One attempt; the models answer by these lines, in order.
    pub(super) async fn attempt(&self, script: &str) -> Outcome {
        let never = std::pin::pin!(std::future::pending());
        self.attempt_until(script, never).await
    }

    pub(super) async fn attempt_until(
        &self,
        script: &str,
        until: crate::model::Until<'_>,
    ) -> Outcome {
        let model = Heard {
            script: Scripted::parse(script.as_bytes()).unwrap(),
            asked: Arc::clone(&self.asked),
        };
        let journal: Arc<dyn CallJournal> = Arc::clone(&self.journal) as _;
        let calls = Arc::new(CallBook::new(
            self.dir.path().to_owned(),
            Arc::new(model),
            Arc::new(known_prices()),
            journal,
            Recall::default(),
        ));
        let tiered = |model: &str| Tiered {
            calls: Arc::clone(&calls),
            model: model.into(),
            effort: None,
        };
        let ai = AiTask {
            fast: tiered("quick"),
            smart: tiered("clever"),
            max_tokens: 1000,
        };
        let task: TaskId = "notes".parse().unwrap();
        let work = PromptTask {
            task: &task,
            prompt: &self.prompt,
            material: &self.material,
            outputs: &self.outputs,
            artifacts: &self.artifacts,
        };
        ai.attempt(&work, until).await
    }

    /// The models that were asked, in order.
    pub(super) fn models(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|request| request.model.clone()).collect()
    }

    pub(super) fn request(&self, index: usize) -> ModelRequest {
        self.asked.lock().unwrap()[index].clone()
    }
}

pub(super) fn material(label: &str, text: &str) -> Material {
    Material {
        label: label.into(),
        bytes: text.as_bytes().to_vec(),
        total: text.len() as u64,
    }
}

/// A script of replies with these texts.
pub(super) fn texts(texts: &[&str]) -> String {
    let lines = texts.iter();
    let lines = lines.map(|text| serde_json::json!({ "text": text }).to_string());
    lines.collect::<Vec<_>>().join("\n")
}
