//! The planner's loop: ask, take the reply apart, check, and send back what is wrong, a bounded number of
//! times. It ends with a plan that passed every rule, or with all reasons why there is none; nothing is ever
//! made up in between. Pure except for the calls.

use async_trait::async_trait;
use protocol::diagnostic::Diagnostic;
use protocol::plan::{DraftPlan, Limits, Plan};
use protocol::policy::{Finding, Policy, Site, finding_code};

use super::caps::Caps;
use super::data::Data;
use super::examples::{Example, MOST, choose};
use super::extract::{Form, extract};
use super::form::{Written, read};
use super::guard;
use super::prompt::{Prompt, Question};
use super::surroundings::{Surroundings, most_tasks};
use super::transcript::{ChosenExample, Round, Transcript, reply_digest};
use crate::model::{Effort, Model, ModelError, ModelReply, ModelRequest, Role, Stop, Turn};

/// Bytes of a goal.
pub const MAX_GOAL_BYTES: usize = 16 * 1024;
/// Rounds of repair unless said otherwise: what two did not mend, a third seldom does.
pub const REPAIR_ROUNDS: u32 = 2;
/// Bytes of a refused reply that go back with what is wrong about it.
const MAX_ECHO_BYTES: usize = 64 * 1024;

/// Who makes a call: a model itself, or what keeps a budget and a journal in front of one.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Why there is no reply.
    type Error: Send;

    /// One request, one reply; `round` counts from 1.
    ///
    /// # Errors
    /// There is no reply, and no use in asking again.
    async fn call(&self, request: &ModelRequest, round: u32) -> Result<ModelReply, Self::Error>;
}

/// A model asked directly: no budget, no journal.
pub struct Directly<'m>(pub &'m dyn Model);

#[async_trait]
impl Caller for Directly<'_> {
    type Error = ModelError;

    async fn call(&self, request: &ModelRequest, _round: u32) -> Result<ModelReply, ModelError> {
        self.0.call(request, &|_| {}).await
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
    pub examples: &'a [Example],
    /// How often what is wrong goes back.
    pub repair_rounds: u32,
}

/// What is to be planned, and under what.
pub struct Goal<'a> {
    /// The goal.
    pub text: &'a str,
    /// What of the plan is not the model's to say: name, inputs, environment, policy. Its tasks are replaced.
    pub base: DraftPlan,
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

/// What a reply comes to.
enum Judged {
    /// A plan, and what the policy refuses in it.
    Plan(Box<(DraftPlan, Plan)>, Vec<Finding>),
    /// Problems that the model can mend.
    Mend(Vec<Diagnostic>),
    /// The end.
    Over(Diagnostic),
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
        let mut round = 1;
        loop {
            let reply = match caller.call(&request, round).await {
                Ok(reply) => reply,
                Err(error) => return Err(Unplanned::Call { error, transcript }),
            };
            let (form, judged) = judge(&reply, goal);
            let is_last = round > self.repair_rounds;
            let problems = match &judged {
                Judged::Plan(_, findings) => findings.iter().map(told).collect(),
                Judged::Mend(problems) => problems.clone(),
                Judged::Over(problem) => vec![problem.clone()],
            };
            transcript.rounds.push(Round {
                request: request
                    .digest()
                    .expect("a request holds integers and texts only"),
                reply: reply_digest(&reply),
                model: reply.model.clone(),
                stop: reply.stop.clone(),
                form,
                diagnostics: problems.clone(),
                used: reply.used.clone(),
                findings: reply.findings.clone(),
            });
            match judged {
                Judged::Plan(made, findings) if findings.is_empty() || is_last => {
                    let (draft, plan) = *made;
                    return Ok(Planned {
                        draft,
                        plan,
                        findings,
                        transcript,
                    });
                }
                Judged::Mend(_) | Judged::Plan(..) if !is_last => {}
                Judged::Mend(_) | Judged::Plan(..) | Judged::Over(_) => {
                    return Err(Unplanned::Rejected {
                        reasons: problems,
                        transcript,
                    });
                }
            }
            self.go_back(&mut request, &reply, &problems);
            round += 1;
        }
    }

    fn transcript(&self, examples: &[&Example]) -> Transcript {
        let chosen = |example: &&Example| ChosenExample {
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

    fn request(&self, goal: &Goal<'_>, examples: &[&Example]) -> ModelRequest {
        let question = self.prompt.question(&Question {
            goal: goal.text,
            inputs: &goal.base.inputs,
            data: goal.data,
            examples,
            at: &Surroundings::of(goal.policy, &goal.caps),
        });
        ModelRequest {
            model: self.model.clone(),
            system: self.prompt.system.clone(),
            messages: vec![user(question)],
            schema: Some(self.prompt.schema.clone()),
            max_tokens: self.max_tokens,
            effort: self.effort,
        }
    }

    /// Puts a refused reply and what is wrong with it behind the conversation.
    fn go_back(&self, request: &mut ModelRequest, reply: &ModelReply, problems: &[Diagnostic]) {
        let repair = self.prompt.repair(problems);
        let text = echo(&reply.text);
        if text.is_empty() {
            // Providers refuse an empty turn, and two of one speaker after each other.
            let last = request
                .messages
                .last_mut()
                .expect("a conversation begins with a question");
            last.text.push_str("\n\n");
            last.text.push_str(&repair);
            return;
        }
        let said = Turn {
            role: Role::Assistant,
            text,
        };
        request.messages.extend([said, user(repair)]);
    }
}

fn user(text: String) -> Turn {
    Turn {
        role: Role::User,
        text,
    }
}

fn echo(text: &str) -> String {
    let text = text.trim();
    if text.len() <= MAX_ECHO_BYTES {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(MAX_ECHO_BYTES)];
    format!("{kept}\n[{} more bytes]", text.len() - kept.len())
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

fn judge(reply: &ModelReply, goal: &Goal<'_>) -> (Option<Form>, Judged) {
    let extracted = match extract(reply) {
        Ok(extracted) => extracted,
        Err(problem) => {
            // A model that declined declines again, and a full context gets fuller.
            let is_over = matches!(reply.stop, Stop::Refusal { .. } | Stop::ContextFull);
            let judged = match is_over {
                true => Judged::Over(*problem),
                false => Judged::Mend(vec![*problem]),
            };
            return (None, judged);
        }
    };
    let form = Some(extracted.form);
    let caps = Caps {
        tasks: most_tasks(goal.policy, &goal.caps),
        ..goal.caps
    };
    let mut base = goal.base.clone();
    base.tasks = Vec::new();
    let draft = match read(&extracted.object, base, &caps) {
        Ok(Written::Plan(draft)) => *draft,
        Ok(Written::Unable(why)) => {
            let message = format!("the model says that there is no plan: {why}");
            return (
                form,
                Judged::Over(Diagnostic::error("planner-unable", message)),
            );
        }
        Err(problems) => return (form, Judged::Mend(problems)),
    };
    let mut problems = guard::check(goal.text, &draft);
    let limits = Limits {
        tasks: caps.tasks,
        edges: caps.edges,
    };
    let plan = match draft.clone().check(&limits) {
        Ok(plan) => Some(plan),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    problems.extend(
        plan.as_ref()
            .and_then(|plan| guard::check_chain(plan, &caps)),
    );
    match plan.filter(|_| problems.is_empty()) {
        None => (form, Judged::Mend(problems)),
        Some(plan) => {
            let verdict = goal.policy.check(&plan, goal.site);
            let findings = verdict.refusals().cloned().collect();
            (form, Judged::Plan(Box::new((draft, plan)), findings))
        }
    }
}

/// What the policy refuses, as it goes back to the model.
fn told(finding: &Finding) -> Diagnostic {
    let code = finding_code(&finding.code).map_or("policy", |code| code.code);
    let place = finding
        .task
        .as_ref()
        .map(|task| protocol::diagnostic::Place::task(task.as_str()));
    let problem = Diagnostic::error(code, finding.message.clone())
        .help("do without it: what is asked for beyond the policy is not granted");
    match place {
        Some(place) => problem.in_place(place),
        None => problem,
    }
}
