//! The life of one slot: pull, claim, execute, report, acknowledge, again.

use std::sync::Arc;
use std::time::Duration;

use protocol::bus::{Acker, BusError, Delivery};
use protocol::event::AttemptEnd;
use protocol::ids::LeaseToken;
use protocol::message::{
    AttemptReply, AttemptReport, ClaimReply, ClaimRequest, Denial, MAX_MESSAGE_BYTES,
    MESSAGE_VERSION, TaskMessage, TaskOutcome, TaskResult,
};
use protocol::policy::RetryPolicy;
use protocol::queue;
use protocol::subject::{Priority, TaskSubject};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::holds::{Hold, Holds, Taken};
use super::link::Link;
use super::readable::readable;
use crate::executor::{Attempt, AttemptResult, Executor};

/// An idle slot asks again this often; a task that comes meanwhile is handed over at once.
const PULL_EXPIRES: Duration = Duration::from_secs(20);
/// Without stream or consumer yet (a coordinator that is just starting): asked again after this.
const PULL_PAUSE: Duration = Duration::from_millis(100);
/// A delivery nobody could be asked about comes back after this.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// One slot of a worker.
pub(super) struct SlotLoop {
    pub(super) number: usize,
    pub(super) link: Arc<Link>,
    pub(super) holds: Arc<Holds>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) draining: CancellationToken,
    pub(super) rng: SmallRng,
}

/// What follows the execution of one attempt.
enum Next {
    /// Said as a result.
    Settle(TaskOutcome),
    /// In place, after a delay.
    Again {
        attempt: u32,
        end: Box<AttemptEnd>,
        delay: Duration,
    },
}

impl SlotLoop {
    pub(super) fn new(
        number: usize,
        link: Arc<Link>,
        holds: Arc<Holds>,
        executor: Arc<dyn Executor>,
        draining: CancellationToken,
    ) -> Self {
        let rng = SmallRng::seed_from_u64(link.options().seed.wrapping_add(number as u64));
        Self {
            number,
            link,
            holds,
            executor,
            draining,
            rng,
        }
    }

    /// Until the worker drains or the bus is closed.
    pub(super) async fn run(mut self) {
        while let Some(delivery) = self.next_delivery().await {
            self.serve(delivery).await;
        }
    }

    async fn next_delivery(&self) -> Option<Delivery> {
        let pool = &self.link.options().pool;
        let consumer = queue::pool_consumer_name(pool, Priority::Normal);
        while !self.draining.is_cancelled() {
            let pull = self
                .link
                .bus()
                .pull(queue::TASKS, &consumer, 1, PULL_EXPIRES);
            let pulled = tokio::select! {
                biased;
                // A delivery lost here comes back by its timer, to a worker that goes on.
                () = self.draining.cancelled() => return None,
                pulled = pull => pulled,
            };
            match pulled {
                Ok(mut batch) => {
                    if let Some(delivery) = batch.pop() {
                        return Some(delivery);
                    }
                }
                Err(BusError::Closed) => return None,
                Err(error) => {
                    tracing::debug!(%error, "nothing to pull from");
                    tokio::time::sleep(PULL_PAUSE).await;
                }
            }
        }
        None
    }

    async fn serve(&mut self, delivery: Delivery) {
        let delivered = delivery.delivered;
        let acker: Arc<dyn Acker> = Arc::from(delivery.acker);
        let Some(task) = parse(&delivery.message.subject, &delivery.message.payload) else {
            // It makes no sense to any worker: the coordinator publishes anew what it misses.
            answer(acker.ack().await);
            return;
        };
        let token = LeaseToken {
            run: task.run_id,
            task: task.task_id.clone(),
            lease: task.lease,
        };
        let hold = Hold {
            token: token.clone(),
            coordinator: task.coordinator.clone(),
            acker: Arc::clone(&acker),
            renewed: None,
            is_lost: false,
        };
        match self.holds.take(self.number, hold) {
            Taken::Mine => {}
            // After a stall of this process the bus thinks the delivery lost. The slot that holds it
            // keeps it alive and answers it, as answers name the message and not the delivery.
            Taken::Elsewhere => {
                tracing::debug!(task = %task.task_id, delivered, "delivered again while it runs");
                return;
            }
            Taken::Over => return answer(acker.ack().await),
        }
        let handled = self.claim(&task, token, delivered).await;
        // Before the release: a delivery in between must not find the lease free.
        answer(match handled {
            Handled::Over => {
                self.holds.end(self.number);
                acker.ack().await
            }
            Handled::GiveBack(delay) => acker.nak(delay).await,
        });
        self.holds.release(self.number);
    }

    async fn claim(&mut self, task: &TaskMessage, token: LeaseToken, delivered: u32) -> Handled {
        let options = self.link.options();
        let request = ClaimRequest {
            version: MESSAGE_VERSION,
            token: token.clone(),
            worker: options.worker.clone(),
            incarnation: options.incarnation.clone(),
            delivered,
        };
        match self.link.claim(&task.coordinator, &request).await {
            Ok((
                ClaimReply::Granted {
                    token: granted,
                    first_attempt,
                    attempts_left,
                    lease_ms,
                },
                asked,
            )) => {
                if granted != token {
                    tracing::warn!(task = %token.task, "granted another lease than asked for");
                    return Handled::Over;
                }
                self.holds.granted(self.number, asked, lease_ms.is_some());
                self.attempts(task, &token, first_attempt, attempts_left)
                    .await
            }
            Ok((
                ClaimReply::Denied {
                    why: Denial::Busy,
                    retry_after_ms,
                },
                _,
            )) => Handled::GiveBack(retry_after_ms.map_or(GIVE_BACK, Duration::from_millis)),
            Ok((ClaimReply::Denied { .. }, _)) => Handled::Over,
            Err(error) => {
                tracing::warn!(%error, task = %token.task, "no answer to a claim");
                Handled::GiveBack(GIVE_BACK)
            }
        }
    }

    /// Attempts under one lease, until a result is said or the lease is gone.
    async fn attempts(
        &mut self,
        task: &TaskMessage,
        token: &LeaseToken,
        first: u32,
        left: u32,
    ) -> Handled {
        let mut attempt = first;
        // Lost leases use up attempt numbers, not retries.
        let failed_before = task.retry.max.saturating_sub(left);
        loop {
            let stop = self.holds.stop(self.number);
            let spec = Attempt {
                task,
                number: attempt,
                slot: self.number,
                stop,
            };
            let result = self.executor.execute(spec).await;
            if self.holds.is_lost(self.number) {
                return Handled::Over;
            }
            let failed = failed_before.saturating_add(attempt.saturating_sub(first) + 1);
            match self.next(&task.retry, attempt, failed, result) {
                Next::Settle(outcome) => return self.settle(task, token, outcome).await,
                Next::Again {
                    attempt: ended,
                    end,
                    delay,
                } => match self.wait_in_place(task, token, ended, end, delay).await {
                    Ok(()) => attempt = attempt.saturating_add(1),
                    Err(handled) => return handled,
                },
            }
        }
    }

    fn next(
        &mut self,
        retry: &RetryPolicy,
        attempt: u32,
        failed: u32,
        result: AttemptResult,
    ) -> Next {
        let AttemptResult {
            end,
            outputs,
            artifacts,
        } = result;
        let Some(failure) = &end.failure else {
            let end = Box::new(end);
            return Next::Settle(TaskOutcome::Done {
                attempt,
                end,
                outputs,
                artifacts,
            });
        };
        let jitter = self.rng.random_range(0..1000);
        let delay = retry.next(failure.class, end.exit, failed, jitter);
        let end = Box::new(end);
        Next::Settle(match delay {
            None => TaskOutcome::Failed { attempt, end },
            Some(delay) if delay <= RetryPolicy::IN_PLACE && !self.draining.is_cancelled() => {
                return Next::Again {
                    attempt,
                    end,
                    delay,
                };
            }
            Some(delay) => {
                let retry_after_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                TaskOutcome::Yield {
                    attempt,
                    end,
                    retry_after_ms,
                }
            }
        })
    }

    /// The next attempt starts only after the coordinator has journaled the end of the last one.
    async fn wait_in_place(
        &self,
        task: &TaskMessage,
        token: &LeaseToken,
        attempt: u32,
        end: Box<AttemptEnd>,
        delay: Duration,
    ) -> Result<(), Handled> {
        let worker = self.link.options().worker.clone();
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let (fence, by) = (token.clone(), worker.clone());
        let ended = AttemptReport::Ended {
            token: fence,
            worker: by,
            attempt,
            end,
            delay_ms,
        };
        self.may_go_on(task, &ended).await?;
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // The coordinator knows why, and says what follows.
            _ = self.holds.stop(self.number).raised() => {}
            () = self.draining.cancelled() => {
                return Err(self.settle(task, token, TaskOutcome::HandedBack).await);
            }
        }
        let starting = AttemptReport::Starting {
            token: token.clone(),
            worker,
            attempt: attempt.saturating_add(1),
        };
        self.may_go_on(task, &starting).await
    }

    async fn may_go_on(&self, task: &TaskMessage, report: &AttemptReport) -> Result<(), Handled> {
        if self.holds.is_lost(self.number) {
            return Err(Handled::Over);
        }
        match self.link.report(&task.coordinator, report).await {
            Ok(AttemptReply::Continue) if !self.holds.is_lost(self.number) => Ok(()),
            Ok(AttemptReply::Continue | AttemptReply::Stop) => Err(Handled::Over),
            Err(error) => {
                tracing::warn!(%error, task = %task.task_id, "no answer between attempts");
                Err(Handled::GiveBack(GIVE_BACK))
            }
        }
    }

    async fn settle(
        &self,
        task: &TaskMessage,
        token: &LeaseToken,
        outcome: TaskOutcome,
    ) -> Handled {
        let options = self.link.options();
        let result = TaskResult {
            version: MESSAGE_VERSION,
            token: token.clone(),
            worker: options.worker.clone(),
            incarnation: options.incarnation.clone(),
            outcome,
        };
        let result = readable(result);
        match self.link.result(&task.coordinator, &result).await {
            Ok(()) => Handled::Over,
            Err(error) => {
                tracing::error!(%error, task = %task.task_id, "a result could not be said");
                Handled::GiveBack(GIVE_BACK)
            }
        }
    }
}

/// What becomes of the delivery.
enum Handled {
    Over,
    GiveBack(Duration),
}

/// An answer that is lost makes the bus deliver again; the claim then says what to do.
fn answer(answered: Result<(), BusError>) {
    if let Err(error) = answered {
        tracing::debug!(%error, "a delivery was not answered");
    }
}

/// A task whose message and subject agree, in a version this worker speaks.
fn parse(subject: &str, payload: &[u8]) -> Option<TaskMessage> {
    if payload.len() > MAX_MESSAGE_BYTES {
        tracing::warn!(
            bytes = payload.len(),
            "a task message is too large; dropped"
        );
        return None;
    }
    let parsed: Result<TaskMessage, _> = serde_json::from_slice(payload);
    let task = parsed
        .inspect_err(|error| tracing::warn!(%error, "no task message; dropped"))
        .ok()?;
    let subject: TaskSubject = subject.parse().ok()?;
    let fits = task.version == MESSAGE_VERSION
        && subject.coordinator == task.coordinator
        && subject.run == task.run_id
        && subject.task == task.task_id.wire()
        && subject.lease == task.lease;
    if !fits {
        tracing::warn!(
            version = task.version,
            "a task message does not fit its subject; dropped"
        );
    }
    fits.then_some(task)
}
