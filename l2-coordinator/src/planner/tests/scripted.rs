//! A caller that answers from a list and keeps what it was asked, and a goal to ask about.

use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{LazyLock, Mutex};

use async_trait::async_trait;
use protocol::diagnostic::Diagnostic;
use protocol::plan::DraftPlan;
use protocol::policy::{Pack, Policy, Site, builtin_pack};
use serde_json::Value;

use crate::model::{ModelError, ModelReply, ModelRequest, Stop};
use crate::planner::{
    Caller, Caps, Goal, Planned, Planner, REPAIR_ROUNDS, Unplanned, builtin_examples, prompt,
};

/// Answers in order.
#[derive(Default)]
pub(super) struct Scripted {
    replies: Mutex<VecDeque<Result<ModelReply, ModelError>>>,
    pub(super) asked: Mutex<Vec<ModelRequest>>,
    pub(super) refused: Mutex<Vec<(u32, usize)>>,
}

impl Scripted {
    pub(super) fn new(replies: impl IntoIterator<Item = ModelReply>) -> Self {
        Self::failing(replies.into_iter().map(Ok))
    }

    pub(super) fn failing(
        replies: impl IntoIterator<Item = Result<ModelReply, ModelError>>,
    ) -> Self {
        Self {
            replies: Mutex::new(replies.into_iter().collect()),
            asked: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    pub(super) fn asked(&self) -> Vec<ModelRequest> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Caller for Scripted {
    type Error = ModelError;

    async fn call(&self, request: &ModelRequest, round: u32) -> Result<ModelReply, ModelError> {
        let mut asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), round as usize);
        asked.push(request.clone());
        self.replies
            .lock()
            .unwrap()
            .pop_front()
            .expect("asked more often than expected")
    }

    async fn refused(&self, round: u32, problems: &[Diagnostic]) -> Result<(), ModelError> {
        self.refused.lock().unwrap().push((round, problems.len()));
        Ok(())
    }
}

/// A whole reply.
pub(super) fn reply(text: impl Into<String>) -> ModelReply {
    ModelReply {
        text: text.into(),
        stop: Stop::End,
        used: Vec::new(),
        model: "scripted".into(),
        id: None,
        request_id: None,
        tool_calls: Vec::new(),
        findings: Vec::new(),
    }
}

fn policy() -> Policy {
    static DEFAULT: LazyLock<Policy> = LazyLock::new(|| {
        let text = builtin_pack("default").unwrap();
        Policy::from_pack(&Pack::parse("default", text.as_bytes()).unwrap())
    });
    DEFAULT.clone()
}

/// What is around a goal.
pub(super) struct Around {
    pub(super) policy: Policy,
    pub(super) site: Site,
    pub(super) base: DraftPlan,
}

impl Around {
    pub(super) fn new() -> Self {
        let base = DraftPlan {
            name: "notes".into(),
            inputs: BTreeMap::from([
                ("since".to_owned(), Value::from("v1.4.0")),
                ("table".to_owned(), Value::from("/srv/table.csv")),
            ]),
            ..DraftPlan::default()
        };
        Self {
            policy: policy(),
            site: Site::default(),
            base,
        }
    }

    pub(super) fn goal<'a>(&'a self, text: &'a str) -> Goal<'a> {
        Goal {
            text,
            base: self.base.clone(),
            paths: const { &std::collections::BTreeSet::new() },
            policy: &self.policy,
            site: &self.site,
            data: &[],
            caps: Caps::default(),
        }
    }
}

pub(super) const GOAL: &str = "Draft release notes from the commits since the last release.";

pub(super) fn planner() -> Planner<'static> {
    Planner {
        model: "scripted".into(),
        max_tokens: 16_000,
        effort: None,
        prompt: prompt("plan@1").unwrap(),
        examples: builtin_examples(),
        repair_rounds: REPAIR_ROUNDS,
    }
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Plans [`GOAL`] with these replies and nothing mended.
pub(super) fn once(reply: ModelReply) -> Result<Planned, Box<Unplanned<ModelError>>> {
    let planner = Planner {
        repair_rounds: 0,
        ..planner()
    };
    run(planner.plan(&Scripted::new([reply]), &Around::new().goal(GOAL))).map_err(Box::new)
}

/// The codes of a refusal.
pub(super) fn codes(
    result: &Result<Planned, impl Borrow<Unplanned<ModelError>>>,
) -> Vec<&'static str> {
    match result.as_ref().map_err(Borrow::borrow) {
        Err(Unplanned::Rejected { reasons, .. }) => reasons.iter().map(|one| one.code).collect(),
        Err(Unplanned::Call { .. }) => vec!["call"],
        Ok(_) => Vec::new(),
    }
}

/// A plan that passes.
pub(super) const GOOD: &str = r##"{"summary":"Collects, then counts.","unable":null,"tasks":[
{"id":"collect","description":"List the commits since the release.","needs":[],"run":"git log --oneline \"$SINCE\"..HEAD > commits.txt","command":[],"env":[{"name":"SINCE","value":"${{ inputs.since }}"}],"files":[],"outputs":[],"artifacts":[{"name":"commits","path":"commits.txt"}],"workspace":"project","timeout_s":60,"retry":null,"network":"none","programs":["git"]},
{"id":"count","description":"Count the listed commits.","needs":["collect"],"run":"echo \"count=$(wc -l < commits.txt)\" >> \"$ORCHESTRA_OUTPUT\"","command":[],"env":[],"files":[{"path":"commits.txt","from":"tasks.collect.artifacts.commits"}],"outputs":[{"name":"count","type":"int"}],"artifacts":[],"workspace":"scratch","timeout_s":null,"retry":1,"network":"none","programs":["wc"]}
],"outputs":[{"name":"commits","value":"${{ tasks.collect.artifacts.commits }}"}]}"##;
