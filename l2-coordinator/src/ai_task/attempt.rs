//! The loop of one attempt: ask, take the reply apart, hold it against what is declared, send back what is
//! wrong, a bounded number of times; then the fallbacks. An answer that fits or a failure, never a guess.

use std::sync::Arc;

use protocol::budget::Purpose;
use protocol::diagnostic::Diagnostic;
use protocol::event::ModelEnd;
use protocol::outcome::{Bound, Failure, FailureClass};
use protocol::plan::{Effort, Tier};
use protocol::policy::{Finding, context_finding, one_line, prompt_findings};

use super::context::{Context, fit};
use super::outcome::Outcome;
use super::parse::{Parsed, parse};
use super::results::{Results, results};
use super::schema::Schema;
use super::subset::{Sent, reduce};
use super::task::PromptTask;
use super::words::{SYSTEM, question, repair};
use crate::model::{
    CallBook, CallError, CallFor, ErrorKind, ModelError, ModelReply, ModelRequest, Progress, Stop,
    Turn, Until,
};
use crate::planner::check_end;

/// Rounds of repair of one question: what two did not mend, a third seldom does.
pub const REPAIR_ROUNDS: u32 = 2;
/// Calls of one attempt at most: the prompt, its fallback, and the fallback's model, each with its repairs.
pub const MAX_CALLS: u32 = 3 * (1 + REPAIR_ROUNDS);
/// Findings of one attempt; a context of hostile files says the same again.
const MAX_FINDINGS: usize = 16;
/// Lines of one attempt's log.
const MAX_SAID: usize = 200;

/// A model of one tier, and who keeps its calls.
#[derive(Clone)]
pub struct Tiered {
    /// Keeps budget and journal in front of it.
    pub calls: Arc<CallBook>,
    /// Its name, as its provider spells it.
    pub model: String,
    /// How hard it thinks unless a task says so; its own default unless given.
    pub effort: Option<Effort>,
}

/// Does prompt tasks.
pub struct AiTask {
    /// For tasks of tier `fast`.
    pub fast: Tiered,
    /// For tasks of tier `smart`.
    pub smart: Tiered,
    /// Most tokens of a reply unless a task says so.
    pub max_tokens: u32,
}

/// One question: what is asked, and who.
struct Asking<'a> {
    text: &'a str,
    tier: Tier,
}

/// How one question ended.
enum Came {
    /// With an answer that fits.
    Fits(Results),
    /// With none; another question may do better.
    Unfit(Failure),
    /// Without one from this model; another model may do better.
    Unanswered(Failure),
    /// With all of the attempt.
    Over(Failure),
}

/// What is kept while an attempt goes on.
struct Going<'w, 'u> {
    work: &'w PromptTask<'w>,
    until: Until<'u>,
    context: Context,
    schema: Option<Schema>,
    sent: Option<Sent>,
    text: String,
    said: Vec<String>,
    end: ModelEnd,
}

impl AiTask {
    /// Makes one attempt, until `until` says why nobody waits for it.
    pub async fn attempt(&self, work: &PromptTask<'_>, until: Until<'_>) -> Outcome {
        let mut going = Going {
            work,
            until,
            context: fit(work.material, work.prompt.context_tokens),
            schema: None,
            sent: work.prompt.schema.as_ref().map(reduce),
            text: String::new(),
            said: Vec::new(),
            end: ModelEnd {
                model: self.tier(work.prompt.tier).model.clone(),
                calls: 0,
                findings: Vec::new(),
            },
        };
        going.look_at_context();
        if let Some(schema) = &work.prompt.schema {
            match Schema::new(schema) {
                Ok(schema) => going.schema = Some(schema),
                Err(why) => {
                    let message = format!("output_schema is no JSON Schema: {why}");
                    return going.failed(Failure::new(FailureClass::InvalidOutput, message));
                }
            }
        }
        let mut last: Option<Came> = None;
        for asking in questions(work) {
            let is_other_model = asking.tier != work.prompt.tier;
            match &last {
                Some(Came::Unanswered(_)) if !is_other_model => continue,
                Some(_) => going.say(format!("falling back to {}", described(&asking, work))),
                None => {}
            }
            match self.ask(&asking, &mut going).await {
                Came::Fits(results) => return going.done(results),
                Came::Over(failure) => return going.failed(failure),
                came => last = Some(came),
            }
        }
        match last {
            Some(Came::Unfit(failure) | Came::Unanswered(failure)) => going.failed(failure),
            _ => going.failed(Failure::new(FailureClass::Internal, "nothing was asked")),
        }
    }

    const fn tier(&self, tier: Tier) -> &Tiered {
        match tier {
            Tier::Fast => &self.fast,
            Tier::Smart => &self.smart,
        }
    }

    /// One question with its repairs.
    async fn ask(&self, asking: &Asking<'_>, going: &mut Going<'_, '_>) -> Came {
        let tiered = self.tier(asking.tier);
        let mut request = self.request(asking, tiered, going);
        going.end.model.clone_from(&tiered.model);
        let mut round = 0;
        loop {
            let reply = match going.call(tiered, &request, round).await {
                Ok(reply) => reply,
                Err(error) => return going.no_reply(&error),
            };
            let (problems, is_over) = match going.judge(&reply) {
                Ok(results) => return Came::Fits(results),
                Err(problems) => problems,
            };
            for problem in &problems {
                going.say(format!("round {round}: {problem}"));
            }
            if is_over || round == REPAIR_ROUNDS {
                return Came::Unfit(unfit(&problems, round));
            }
            request.send_back(&reply.text, repair(&problems));
            round += 1;
        }
    }

    fn request(&self, asking: &Asking<'_>, tiered: &Tiered, going: &Going<'_, '_>) -> ModelRequest {
        let work = going.work;
        // What the provider does not enforce is asked for in words.
        let told = going.sent.as_ref().filter(|sent| !sent.is_whole);
        let told = told.and(work.prompt.schema.as_ref());
        let sent = going.sent.as_ref().and_then(|sent| sent.schema.clone());
        ModelRequest {
            model: tiered.model.clone(),
            system: SYSTEM.to_owned(),
            messages: vec![Turn::user(question(
                asking.text,
                work,
                &going.context,
                told,
            ))],
            schema: sent,
            max_tokens: work.prompt.max_tokens.unwrap_or(self.max_tokens),
            effort: work.prompt.effort.or(tiered.effort),
        }
    }
}

/// The questions of a task, in the order they are tried: the prompt, the fallback's prompt, the fallback's
/// model.
fn questions<'a>(work: &PromptTask<'a>) -> Vec<Asking<'a>> {
    let prompt = work.prompt;
    let first = Asking {
        text: &prompt.text,
        tier: prompt.tier,
    };
    let Some(fallback) = &prompt.fallback else {
        return vec![first];
    };
    let mut all = vec![first];
    let text = fallback.text.as_deref();
    if let Some(text) = text {
        let tier = prompt.tier;
        all.push(Asking { text, tier });
    }
    if fallback.tier != prompt.tier {
        all.push(Asking {
            text: text.unwrap_or(&prompt.text),
            tier: fallback.tier,
        });
    }
    all
}

fn described(asking: &Asking<'_>, work: &PromptTask<'_>) -> &'static str {
    match asking.tier == work.prompt.tier {
        true => "the other prompt",
        false => "the other model",
    }
}

impl Going<'_, '_> {
    /// Says what was left out, and what in the rest addresses a model.
    fn look_at_context(&mut self) {
        let task = self.work.task;
        for line in std::mem::take(&mut self.context.said) {
            self.find(context_finding(line.clone(), Some(task)));
            self.say(line);
        }
        for material in self.work.material {
            let text = String::from_utf8_lossy(&material.bytes);
            let what = format!("`{}`", one_line(&material.label, 120));
            for finding in prompt_findings(&what, &text, Some(task)) {
                self.find(finding);
            }
        }
    }

    fn say(&mut self, line: String) {
        if self.said.len() < MAX_SAID {
            self.said.push(line);
        }
    }

    fn find(&mut self, finding: Finding) {
        let findings = &mut self.end.findings;
        if findings.len() < MAX_FINDINGS && !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    async fn call(
        &mut self,
        tiered: &Tiered,
        request: &ModelRequest,
        round: u32,
    ) -> Result<ModelReply, CallError> {
        let call_for = CallFor {
            task: Some(self.work.task.clone()),
            purpose: Purpose::Prompt,
            round,
        };
        self.end.calls += 1;
        let quiet = |_: Progress| {};
        let until = self.until.as_mut();
        let asked = tiered
            .calls
            .ask_until(call_for, request, &quiet, until)
            .await?;
        let recalled = if asked.recalled { ", paid before" } else { "" };
        let name = one_line(&asked.reply.model, 120);
        let tokens = asked.reply.usage().total();
        self.say(format!("{name}: {tokens} tokens{recalled}"));
        self.text.clone_from(&asked.reply.text);
        for finding in &asked.reply.findings {
            self.find(finding.clone());
        }
        let task = self.work.task;
        for finding in prompt_findings("the reply", &asked.reply.text, Some(task)) {
            self.find(finding);
        }
        Ok(asked.reply)
    }

    /// What a reply comes to; otherwise what is wrong, and whether asking on is of no use.
    fn judge(&self, reply: &ModelReply) -> Result<Results, (Vec<Diagnostic>, bool)> {
        if let Err(problem) = check_end(reply) {
            // A model that declined declines again, and a full context gets fuller.
            let is_over = matches!(reply.stop, Stop::Refusal { .. } | Stop::ContextFull);
            return Err((vec![*problem], is_over));
        }
        let parsed =
            parse(&reply.text, &self.work.prompt.parse).map_err(|one| (vec![*one], false))?;
        let problems = match (&parsed, &self.schema) {
            (Parsed::Json(value), Some(schema)) => schema.check(value),
            _ => Vec::new(),
        };
        match (results(&parsed, self.work), problems.is_empty()) {
            (Ok(results), true) => Ok(results),
            (Ok(_), false) => Err((problems, false)),
            (Err(more), _) => Err((problems.into_iter().chain(more).collect(), false)),
        }
    }

    fn no_reply(&mut self, error: &CallError) -> Came {
        match error {
            CallError::Model(error) => {
                self.say(error.message.clone());
                let failure = failure(error);
                match error.kind {
                    // Of a recording, another question is another miss.
                    ErrorKind::Miss | ErrorKind::Cancelled => Came::Over(failure),
                    ErrorKind::Transient
                    | ErrorKind::Fatal
                    | ErrorKind::Refused
                    | ErrorKind::TimedOut => Came::Unanswered(failure),
                }
            }
            CallError::Stopped(error) => Came::Over(failure(error)),
            CallError::Journal(_) | CallError::Store(_) | CallError::Request(_) => {
                let failure = Failure::new(error.class(), error.to_string());
                self.say(failure.message.clone());
                Came::Over(failure)
            }
        }
    }

    fn done(self, results: Results) -> Outcome {
        Outcome {
            failure: None,
            outputs: results.outputs,
            files: results.files,
            text: self.text,
            said: self.said,
            end: self.end,
        }
    }

    fn failed(self, failure: Failure) -> Outcome {
        let nothing = self.done(Results::default());
        Outcome {
            failure: Some(failure),
            ..nothing
        }
    }
}

fn failure(error: &ModelError) -> Failure {
    let line = error.message.lines().next().unwrap_or_default();
    match error.kind {
        ErrorKind::TimedOut => Failure::at_bound(error.class(), Bound::Wall, line),
        _ => Failure::new(error.class(), line),
    }
}

fn unfit(problems: &[Diagnostic], round: u32) -> Failure {
    let first = problems.first().map(|problem| problem.message.as_str());
    let more = match problems.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let after = match round {
        0 => String::new(),
        1 => " after 1 round of repair".to_owned(),
        rounds => format!(" after {rounds} rounds of repair"),
    };
    let first = first.unwrap_or("it does not fit");
    let message = format!("no answer that fits{after}: {first}{more}");
    Failure::new(FailureClass::InvalidOutput, message)
}
