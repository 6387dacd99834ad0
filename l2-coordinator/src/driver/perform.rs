//! What is owed outside, done.

use protocol::budget::CallId;

use super::Driver;
use crate::machine::{Effect, Input, RequestId, Unreserved};
use crate::wire::{self, Way};

impl Driver {
    pub(super) async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Finished { outcome, exit_code } => self.finished = Some((outcome, exit_code)),
            Effect::ReplyClaim(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::ReplyAttempt(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::ReplyHeartbeat(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::ReplyReserve(id, answer) => self.answer(id, answer),
            Effect::ReplySettle(id) => {
                if let Some(Way::Settle(way)) = self.sources.way(id) {
                    // Whoever is gone needs no word of it: the journal has it.
                    let _told = way.send(());
                }
            }
            Effect::AckResult(id) => {
                if let Some(Way::Ack(acker)) = self.sources.way(id) {
                    self.outbox.ack(acker).await;
                }
            }
            Effect::Publish { task, message } => self.outbox.publish(task, &message).await,
            Effect::Unpublish { seq } => self.outbox.unpublish(seq).await,
            Effect::Cancel { task, kill } => self.outbox.cancel(task, kill).await,
        }
    }

    async fn reply(&mut self, id: RequestId, payload: bytes::Bytes) {
        if let Some(Way::Reply(replier)) = self.sources.way(id) {
            self.outbox.reply(replier, payload).await;
        }
    }

    fn answer(&mut self, id: RequestId, answer: Result<CallId, Unreserved>) {
        let way = self.sources.way(id);
        let Some(Way::Reserve(way)) = way else {
            return;
        };
        // Whoever went away in the meantime makes no call: nothing stays set aside for it.
        if let Err(Ok(call)) = way.send(answer) {
            self.outbox.feed(Input::Unasked(call));
        }
    }
}
