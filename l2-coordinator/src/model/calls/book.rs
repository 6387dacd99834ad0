//! Asks a model under a budget, and remembers.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use protocol::budget::{CallId, Ledger, Money, PriceTable, Purpose, Reserved, Settled, Used};
use protocol::digest::{CanonicalError, Digest};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass};

use super::journal::{CallJournal, JournalError};
use super::recall::{Question, Recall};
use super::store;
use crate::model::{Model, ModelError, ModelReply, ModelRequest, Progress, estimate_prompt};

/// What a call is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFor {
    /// The task; none for the scenario's plan.
    pub task: Option<TaskId>,
    /// To what end.
    pub purpose: Purpose,
    /// How often it was asked to repair its answer before.
    pub round: u32,
}

/// Resolves once nobody waits for a call any more, to why.
pub type Until<'a> = Pin<&'a mut (dyn Future<Output = ModelError> + Send)>;

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What the model said.
    pub reply: ModelReply,
    /// The file in `calls/` that holds it.
    pub file: Digest,
    /// It was given and paid for in an earlier life of the run.
    pub recalled: bool,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The budget does not let it be asked, or the journal takes nothing.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The model did not answer.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The reply could not be kept.
    #[error("the reply cannot be kept")]
    Store(#[source] io::Error),
    /// Nobody waits for the reply any more.
    #[error(transparent)]
    Stopped(ModelError),
    /// The request has no digest.
    #[error("the request cannot be told apart from others")]
    Request(#[from] CanonicalError),
}

impl CallError {
    /// The failure class of a task or plan that ends with it.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Journal(JournalError::Exhausted(_)) => FailureClass::BudgetExhausted,
            Self::Model(error) | Self::Stopped(error) => error.class(),
            Self::Journal(JournalError::Closed(_)) | Self::Store(_) | Self::Request(_) => {
                FailureClass::Internal
            }
        }
    }
}

/// The calls of one run: cheap to share, one for planner and tasks.
pub struct CallBook {
    run: PathBuf,
    model: Arc<dyn Model>,
    prices: Arc<PriceTable>,
    journal: Arc<dyn CallJournal>,
    recall: Recall,
}

impl CallBook {
    /// The calls of the run in directory `run`, which begins or goes on after what `recall` holds.
    #[must_use]
    pub fn new(
        run: PathBuf,
        model: Arc<dyn Model>,
        prices: Arc<PriceTable>,
        journal: Arc<dyn CallJournal>,
        recall: Recall,
    ) -> Self {
        Self {
            run,
            model,
            prices,
            journal,
            recall,
        }
    }

    /// Asks once: set aside, ask, keep, settle. A reply that an earlier life was given is taken
    /// instead. If this is dropped in between, the call stays in flight until [`settle_left`].
    ///
    /// # Errors
    /// There is no reply; what the call may have cost is settled all the same.
    pub async fn ask(
        &self,
        call_for: CallFor,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Asked, CallError> {
        let forever = std::pin::pin!(std::future::pending());
        self.ask_until(call_for, request, progress, forever).await
    }

    /// As [`Self::ask`], until `until` says why nobody waits any more: the call is dropped then, and
    /// settled as one that may have been billed.
    ///
    /// # Errors
    /// There is no reply; what the call may have cost is settled all the same.
    pub async fn ask_until(
        &self,
        call_for: CallFor,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
        mut until: Until<'_>,
    ) -> Result<Asked, CallError> {
        let digest = request.digest()?;
        if let Some(asked) = self.recalled(&call_for, digest, request).await {
            return Ok(asked);
        }
        let mut reserved = self.worst_case(call_for, digest, request);
        // It may wait long for what calls in flight leave over; whoever is gone by then makes no call.
        reserved.call = tokio::select! {
            biased;
            stopped = until.as_mut() => return Err(CallError::Stopped(stopped)),
            call = self.journal.reserve(reserved.clone()) => call?,
        };
        let outcome = tokio::select! {
            biased;
            stopped = until => Err((stopped, true)),
            outcome = self.model.call(request, progress) => outcome.map_err(|error| (error, false)),
        };
        let id = match &outcome {
            Ok(reply) => reply.request_id.clone(),
            Err((error, _)) => error.request_id.clone(),
        };
        let (settled, asked) = match outcome {
            Ok(reply) => match self.keep(reserved.call, request, &reply).await {
                Ok(file) => {
                    let settled = Settled {
                        reply: Some(file),
                        ..self.used(&reserved, &reply.used)
                    };
                    let recalled = false;
                    let asked = Asked {
                        reply,
                        file,
                        recalled,
                    };
                    (settled, Ok(asked))
                }
                Err(error) => {
                    let failure = Failure::new(FailureClass::Internal, error.to_string());
                    let settled = Settled {
                        failure: Some(failure),
                        ..self.used(&reserved, &reply.used)
                    };
                    (settled, Err(CallError::Store(error)))
                }
            },
            Err((error, false)) => (self.failed(&reserved, &error), Err(CallError::Model(error))),
            Err((error, true)) => {
                let failure = Failure::new(error.class(), error.message.clone());
                let settled = Settled {
                    failure: Some(failure),
                    ..self.used(&reserved, &[])
                };
                (settled, Err(CallError::Stopped(error)))
            }
        };
        self.journal.settle(settled.known_as(id.as_deref())).await?;
        asked
    }

    /// The most that the request may come to.
    fn worst_case(&self, call_for: CallFor, digest: Digest, request: &ModelRequest) -> Reserved {
        let CallFor {
            task,
            purpose,
            round,
        } = call_for;
        let (prompt, output) = (estimate_prompt(request), u64::from(request.max_tokens));
        let (model, cache) = (&request.model, self.model.cache());
        Reserved {
            call: CallId::default(),
            task,
            purpose,
            round,
            provider: self.model.provider().to_owned(),
            model: model.clone(),
            request: digest,
            prompt,
            output,
            usd: self.prices.worst_case(model, prompt, output, cache),
        }
    }

    async fn recalled(
        &self,
        call_for: &CallFor,
        digest: Digest,
        request: &ModelRequest,
    ) -> Option<Asked> {
        let question = Question {
            task: call_for.task.clone(),
            purpose: call_for.purpose,
            request: digest,
        };
        let file = self.recall.take(&question)?;
        let (run, request) = (self.run.clone(), request.clone());
        match blocking(move || store::recall(&run, file, &request)).await {
            Ok(Some(reply)) => Some(Asked {
                reply,
                file,
                recalled: true,
            }),
            Ok(None) => {
                tracing::warn!(%file, "a kept reply is not what it was; the model is asked again");
                None
            }
            Err(error) => {
                tracing::warn!(%file, %error, "a kept reply cannot be read; the model is asked again");
                None
            }
        }
    }

    async fn keep(
        &self,
        call: CallId,
        request: &ModelRequest,
        reply: &ModelReply,
    ) -> io::Result<Digest> {
        let (run, request, reply) = (self.run.clone(), request.clone(), reply.clone());
        blocking(move || store::keep(&run, call, &request, &reply)).await
    }

    /// What a call came to whose provider says so. One that says nothing may have used everything.
    fn used(&self, reserved: &Reserved, used: &[Used]) -> Settled {
        let fixture = self.model.is_fixture();
        if used.is_empty() && !fixture {
            return reserved.in_full(None);
        }
        let cost = self.prices.cost_of(used);
        Settled {
            used: used.to_vec(),
            // Another model than the one that was asked may have no price. A budget of dollars counts
            // what was set aside then; without one nothing was, and it stays unpriced.
            usd: cost.or(reserved.usd),
            estimated: cost.is_none() && reserved.usd.is_some(),
            fixture,
            ..reserved.in_full(None)
        }
    }

    fn failed(&self, reserved: &Reserved, error: &ModelError) -> Settled {
        let line = error.message.lines().next().unwrap_or_default();
        let failure = Some(Failure::new(error.class(), line));
        let settled = match &error.used {
            Some(used) => {
                let settled = self.used(reserved, used);
                Settled {
                    estimated: settled.estimated || error.is_bound,
                    ..settled
                }
            }
            None => Settled {
                used: Vec::new(),
                usd: Some(Money::ZERO),
                estimated: false,
                fixture: self.model.is_fixture(),
                ..reserved.in_full(None)
            },
        };
        Settled { failure, ..settled }
    }
}

/// Settles in full what is still in flight by the journal's account, for nobody waits for it any more:
/// after a resume, and when a run ends while calls were dropped.
///
/// # Errors
/// The journal takes nothing, or the run directory cannot be tidied.
pub async fn settle_left(
    run: &Path,
    ledger: &Ledger,
    journal: &dyn CallJournal,
) -> Result<(), CallError> {
    for reserved in ledger.in_flight() {
        journal.settle(reserved.in_full(None)).await?;
    }
    let run = run.to_owned();
    let swept = blocking(move || store::sweep(&run)).await;
    swept.map_err(CallError::Store)
}

/// Syncing takes milliseconds and more: not on a thread that others wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|gone| Err(io::Error::other(gone)))
}
