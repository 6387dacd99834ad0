//! Answers that get lost, come late, or take effect without saying so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::bus::ANSWER_TIMEOUT;
use super::chaos::{Answer, Chaos, Held};
use super::kind::Fault;
use crate::bus::{Acker, BusError};

/// Wraps the acker of one delivery; cheap to copy, so a delivery can be handed out twice.
#[derive(Clone)]
pub(super) struct FaultAcker {
    pub chaos: Arc<Chaos>,
    pub inner: Arc<dyn Acker>,
}

impl FaultAcker {
    async fn answer(&self, answer: Answer) -> Result<(), BusError> {
        if self.chaos.strikes(Fault::AckLost) {
            return Ok(());
        }
        if self.chaos.strikes(Fault::AckStale) {
            let held = Held::Answer(answer, Arc::clone(&self.inner));
            if self.chaos.hold(held).is_ok() {
                return Ok(());
            }
        }
        answer.give(&*self.inner).await
    }
}

#[async_trait]
impl Acker for FaultAcker {
    async fn ack(&self) -> Result<(), BusError> {
        self.answer(Answer::Ack).await
    }

    async fn double_ack(&self) -> Result<(), BusError> {
        let timed_out = Err(BusError::TimedOut("double ack".to_owned()));
        if self.chaos.strikes(Fault::AckLost) {
            sleep(ANSWER_TIMEOUT).await;
            return timed_out;
        }
        if self.chaos.strikes(Fault::AckStale) {
            let held = Held::Answer(Answer::Ack, Arc::clone(&self.inner));
            if self.chaos.hold(held).is_ok() {
                sleep(ANSWER_TIMEOUT).await;
                return timed_out;
            }
        }
        let done = self.inner.double_ack().await;
        if self.chaos.strikes(Fault::AckUnanswered) {
            sleep(ANSWER_TIMEOUT).await;
            return timed_out;
        }
        done
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.answer(Answer::Nak(delay)).await
    }

    async fn progress(&self) -> Result<(), BusError> {
        self.answer(Answer::Progress).await
    }
}
