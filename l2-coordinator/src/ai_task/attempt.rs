//! The loop of one attempt: ask, take the reply apart, hold it against what is declared, send back what is
//! wrong, a bounded number of times; then the fallbacks. An answer that fits or a failure, never a guess.

use std::sync::Arc;

use protocol::budget::Purpose;
use protocol::outcome::{Bound, Failure, FailureClass};
use protocol::plan::{Effort, Tier};

use super::context::{Context, fit};
use super::judge::judge;
use super::outcome::Outcome;
use super::results::Results;
use super::schema::Schema;
use super::subset::{Sent, reduce};
use super::task::PromptTask;
use super::told::Told;
use super::words::{SYSTEM, question, repair};
use crate::model::{
    CallBook, CallError, CallFor, ErrorKind, ModelError, ModelReply, ModelRequest, Progress, Turn,
    Until,
};

/// Rounds of repair of one question: what two did not mend, a third seldom does.
pub const REPAIR_ROUNDS: u32 = 2;
/// Calls of one attempt at most: the prompt, its fallback, and the fallback's model, each with its repairs.
pub const MAX_CALLS: u32 = 3 * (1 + REPAIR_ROUNDS);

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

/// What does not change while an attempt goes on, and what is told of it.
struct Going<'w, 'u> {
    work: &'w PromptTask<'w>,
    until: Until<'u>,
    context: Context,
    schema: Option<Schema>,
    sent: Option<Sent>,
    told: Told,
}

impl AiTask {
    /// Makes one attempt, until `until` says why nobody waits for it.
    pub async fn attempt(&self, work: &PromptTask<'_>, until: Until<'_>) -> Outcome {
        let context = fit(work.material, work.prompt.context_tokens);
        let told = Told::of(work, &context);
        let asked_for = work.prompt.schema.as_ref();
        let schema = match asked_for.map(Schema::new).transpose() {
            Ok(schema) => schema,
            Err(why) => {
                let message = format!("output_schema is no JSON Schema: {why}");
                return told.failed(Failure::new(FailureClass::InvalidOutput, message));
            }
        };
        let mut going = Going {
            work,
            until,
            context,
            schema,
            sent: asked_for.map(reduce),
            told,
        };
        let mut last: Option<Came> = None;
        for asking in questions(work) {
            let is_other_model = asking.tier != work.prompt.tier;
            match &last {
                Some(Came::Unanswered(_)) if !is_other_model => continue,
                Some(_) => going
                    .told
                    .say(format!("falling back to {}", described(&asking, work))),
                None => {}
            }
            match self.ask(&asking, &mut going).await {
                Came::Fits(results) => return going.told.done(results),
                Came::Over(failure) => return going.told.failed(failure),
                came => last = Some(came),
            }
        }
        match last {
            Some(Came::Unfit(failure) | Came::Unanswered(failure)) => going.told.failed(failure),
            _ => going
                .told
                .failed(Failure::new(FailureClass::Internal, "nothing was asked")),
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
        let mut round = 0;
        loop {
            let reply = match going.call(tiered, &request, round).await {
                Ok(reply) => reply,
                Err(error) => return going.no_reply(&error),
            };
            let wrong = match judge(&reply, going.work, going.schema.as_ref()) {
                Ok(results) => return Came::Fits(results),
                Err(wrong) => wrong,
            };
            for problem in &wrong.problems {
                going.told.say(format!("round {round}: {problem}"));
            }
            if wrong.is_over || round == REPAIR_ROUNDS {
                return Came::Unfit(wrong.failure(round));
            }
            request.send_back(&reply.text, repair(&wrong.problems));
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
        self.told.asks(&tiered.model);
        let quiet = |_: Progress| {};
        let until = self.until.as_mut();
        let asked = tiered
            .calls
            .ask_until(call_for, request, &quiet, until)
            .await?;
        self.told.heard(&asked, self.work);
        Ok(asked.reply)
    }

    fn no_reply(&mut self, error: &CallError) -> Came {
        match error {
            CallError::Model(error) => {
                self.told.say(error.message.clone());
                if let Some(help) = &error.help {
                    self.told.say(format!("help: {help}"));
                }
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
                self.told.say(failure.message.clone());
                Came::Over(failure)
            }
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
