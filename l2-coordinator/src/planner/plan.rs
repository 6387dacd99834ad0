//! The planner's loop: ask, take the reply apart, check, and send back what is wrong, a bounded number of
//! times. It ends with a plan that passed every rule, or with all reasons why there is none; nothing is ever
//! made up in between. Pure except for the calls.

use std::collections::BTreeSet;

use async_trait::async_trait;
use protocol::diagnostic::Diagnostic;
use protocol::event::{Example, PlanRequested};
use protocol::ids::TaskId;
use protocol::plan::{DraftPlan, Plan};
use protocol::policy::{Finding, Policy, Site, one_line, prompt_findings};
use serde_json::Value;

use super::caps::Caps;
use super::data::Data;
use super::examples::{MOST, PlanExample, choose};
use super::judge::{Judged, judge};
use super::prompt::{Prompt, Question};
use super::surroundings::Surroundings;
use super::transcript::Transcript;
use crate::model::{Effort, Model, ModelError, ModelReply, ModelRequest, Turn};

/// Bytes of a goal.
pub const MAX_GOAL_BYTES: usize = 16 * 1024;
/// Rounds of repair unless said otherwise: what two did not mend, a third seldom does.
pub const REPAIR_ROUNDS: u32 = 2;

/// Longest label of a text in a remark.
const MAX_LABEL: usize = 200;

/// Stands for the value of an input that is a path. Which one is nobody's business but the machine's, and
/// equal goals on two machines ask the same.
const A_PATH: &str = "(an absolute path where the plan runs; use it by its name)";

/// Who makes a call: a model itself, or what keeps a budget and a journal in front of one.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Why there is no reply.
    type Error: Send;

    /// One request, one reply; `round` is how often an answer had been sent back before.
    ///
    /// # Errors
    /// There is no reply, and no use in asking again.
    async fn call(&self, request: &ModelRequest, round: u32) -> Result<ModelReply, Self::Error>;

    /// The reply of this round is no plan that may be proposed, and these are its problems.
    ///
    /// # Errors
    /// That could not be kept, and nothing further is to be asked.
    async fn refused(&self, round: u32, problems: &[Diagnostic]) -> Result<(), Self::Error>;
}

/// A model asked directly: no budget, no journal.
pub struct Directly<'m>(pub &'m dyn Model);

#[async_trait]
impl Caller for Directly<'_> {
    type Error = ModelError;

    async fn call(&self, request: &ModelRequest, _round: u32) -> Result<ModelReply, ModelError> {
        self.0.call(request, &|_| {}).await
    }

    async fn refused(&self, _round: u32, _problems: &[Diagnostic]) -> Result<(), ModelError> {
        Ok(())
    }
}

/// What does not change between goals.
pub struct Planner<'a> {
    /// The model's name.
    pub model: String,
    /// Most tokens of one reply.
    pub max_tokens: u32,
    /// How hard it thinks; its own default unless given.
    pub effort: Option<Effort>,
    /// Its words.
    pub prompt: &'static Prompt,
    /// What there is to learn from.
    pub examples: &'a [PlanExample],
    /// How often what is wrong goes back.
    pub repair_rounds: u32,
}

/// What is to be planned, and under what.
pub struct Goal<'a> {
    /// The goal.
    pub text: &'a str,
    /// What of the plan is not the model's to say: name, inputs, environment, policy. Its tasks are replaced.
    pub base: DraftPlan,
    /// Inputs that are paths of this machine: the model is told that, and not which.
    pub paths: &'a BTreeSet<String>,
    /// The effective policy.
    pub policy: &'a Policy,
    /// Where it runs.
    pub site: &'a Site,
    /// Material, in the order it is shown.
    pub data: &'a [Data],
    /// How large the plan may get.
    pub caps: Caps,
}

/// A plan that a model wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// As it was written, with what it was written into.
    pub draft: DraftPlan,
    /// The same, checked.
    pub plan: Plan,
    /// What the policy refuses in it still. It has been told to the model; nothing of it is granted.
    pub findings: Vec<Finding>,
    /// Words in the material that address a model. Worth a look; they changed nothing.
    pub remarks: Vec<Finding>,
    /// How it came about.
    pub transcript: Transcript,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Unplanned<E> {
    /// No reply passed, or the model said that there is no plan.
    Rejected {
        /// Everything that was wrong with the last reply.
        reasons: Vec<Diagnostic>,
        /// What was asked and answered.
        transcript: Transcript,
    },
    /// A call came to nothing.
    Call {
        /// Why.
        error: E,
        /// What was asked and answered before.
        transcript: Transcript,
    },
}

impl Planner<'_> {
    /// Makes a plan.
    ///
    /// # Errors
    /// There is none; no part of a reply that was refused is used.
    pub async fn plan<C: Caller>(
        &self,
        caller: &C,
        goal: &Goal<'_>,
    ) -> Result<Planned, Unplanned<C::Error>> {
        let examples = choose(goal.text, self.examples, MOST);
        let mut transcript = self.transcript(&examples);
        if let Some(problem) = unaskable(goal) {
            return Err(Unplanned::Rejected {
                reasons: vec![problem],
                transcript,
            });
        }
        let mut request = self.request(goal, &examples);
        let mut round = 0;
        loop {
            let reply = match caller.call(&request, round).await {
                Ok(reply) => reply,
                Err(error) => return Err(Unplanned::Call { error, transcript }),
            };
            let (form, judged) = judge(&reply, goal);
            let problems = judged.problems();
            transcript.push(&request, &reply, form, problems.clone());
            let is_last = round >= self.repair_rounds;
            let is_over = match judged {
                Judged::Plan(made, findings) if findings.is_empty() || is_last => {
                    let (draft, plan) = *made;
                    return Ok(Planned {
                        draft,
                        plan,
                        findings,
                        remarks: remarks(goal.data),
                        transcript,
                    });
                }
                Judged::Over(_) => true,
                Judged::Mend(_) | Judged::Plan(..) => is_last,
            };
            if let Err(error) = caller.refused(round, &problems).await {
                return Err(Unplanned::Call { error, transcript });
            }
            if is_over {
                return Err(Unplanned::Rejected {
                    reasons: problems,
                    transcript,
                });
            }
            request.send_back(&reply.text, self.prompt.repair(&problems));
            round += 1;
        }
    }

    /// What the journal says before a goal is planned; `task` is whose goal it is, none of the scenario's.
    #[must_use]
    pub fn requested(&self, goal: &Goal<'_>, task: Option<TaskId>) -> PlanRequested {
        let transcript = self.transcript(&choose(goal.text, self.examples, MOST));
        PlanRequested {
            task,
            goal: PlanRequested::told_goal(goal.text),
            prompt: self.prompt.version.to_owned(),
            prompt_digest: self.prompt.digest,
            examples: transcript.examples,
            model: self.model.clone(),
        }
    }

    fn transcript(&self, examples: &[&PlanExample]) -> Transcript {
        let chosen = |example: &&PlanExample| Example {
            name: example.name.clone(),
            digest: example.digest,
        };
        Transcript {
            prompt: self.prompt.version,
            prompt_digest: self.prompt.digest,
            examples: examples.iter().map(chosen).collect(),
            rounds: Vec::new(),
        }
    }

    /// The first request for a goal: the same bytes whenever it is asked.
    #[must_use]
    pub fn first_request(&self, goal: &Goal<'_>) -> ModelRequest {
        self.request(goal, &choose(goal.text, self.examples, MOST))
    }

    fn request(&self, goal: &Goal<'_>, examples: &[&PlanExample]) -> ModelRequest {
        let shown = |(name, value): (&String, &Value)| {
            let is_path = goal.paths.contains(name) && value.is_string();
            let value = if is_path {
                A_PATH.into()
            } else {
                value.clone()
            };
            (name.clone(), value)
        };
        let inputs = goal.base.inputs.iter().map(shown).collect();
        let question = self.prompt.question(&Question {
            goal: goal.text,
            inputs: &inputs,
            data: goal.data,
            examples,
            at: &Surroundings::of(goal.policy, &goal.caps),
        });
        ModelRequest {
            model: self.model.clone(),
            system: self.prompt.system.clone(),
            messages: vec![Turn::user(question)],
            schema: Some(self.prompt.schema.clone()),
            max_tokens: self.max_tokens,
            effort: self.effort,
        }
    }
}

fn unaskable(goal: &Goal<'_>) -> Option<Diagnostic> {
    let bytes = goal.text.len();
    if goal.text.trim().is_empty() {
        return Some(Diagnostic::error("empty-goal", "the goal is empty"));
    }
    if bytes > MAX_GOAL_BYTES {
        let message = format!("a goal of {bytes} bytes; at most {MAX_GOAL_BYTES}");
        return Some(
            Diagnostic::error("goal-too-long", message)
                .help("say what is wanted, and hand the material over as inputs"),
        );
    }
    (goal.caps.tasks == 0).then(|| {
        let message = "no task is left of what this plan may have in all";
        Diagnostic::error("too-many-tasks", message)
    })
}

/// What there is to say about texts that nobody vouches for.
fn remarks(data: &[Data]) -> Vec<Finding> {
    let all = data.iter();
    all.flat_map(|data| prompt_findings(&one_line(&data.label, MAX_LABEL), &data.text, None))
        .collect()
}
