//! Beside the slots: hello and heartbeats, renewed deliveries, the fence, and orders to cancel.

use std::sync::Arc;

use protocol::bus::{Acker, Subscription};
use protocol::ids::{CoordinatorId, LeaseToken};
use protocol::message::{
    Cancel, Heartbeat, HeartbeatReply, MAX_MESSAGE_BYTES, MESSAGE_VERSION, WorkerHello,
};
use protocol::policy::SandboxLevel;
use protocol::queue;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::holds::Holds;
use super::link::{Link, LinkError};
use super::options::{FENCE_AFTER, HEARTBEAT_EVERY};

/// Heartbeats under way at once; a coordinator that does not answer is asked again each second.
const MAX_HEARTBEATS: usize = 64;
/// Hellos and signs of life under way at once. A bus that takes its time gets no more of them, and
/// never keeps the fence waiting.
const MAX_CHORES: usize = 4;
/// How exactly the fence is kept: the coordinator allows a second more.
const FENCE_CHECK: std::time::Duration = std::time::Duration::from_millis(200);

/// Keeps a worker's leases and deliveries alive, and stops what it is told to.
pub(super) struct Keeper {
    pub(super) link: Arc<Link>,
    pub(super) holds: Arc<Holds>,
    pub(super) level: SandboxLevel,
    pub(super) cancels: Subscription,
    pub(super) draining: CancellationToken,
}

type Answer = (Vec<LeaseToken>, Instant, Result<HeartbeatReply, LinkError>);

impl Keeper {
    /// Until its future is dropped; it ends on its own when the bus closes.
    pub(super) async fn run(mut self) {
        let mut beat = interval(HEARTBEAT_EVERY);
        let mut check = interval(FENCE_CHECK);
        let mut progress = interval(queue::PROGRESS_EVERY);
        for timer in [&mut beat, &mut check, &mut progress] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut answers: JoinSet<Answer> = JoinSet::new();
        let mut chores: JoinSet<()> = JoinSet::new();
        let mut told_drain = false;
        loop {
            tokio::select! {
                // Every arm is cancel-safe; nothing is dropped half done.
                incoming = self.cancels.next() => match incoming {
                    Some(incoming) => self.cancel(&incoming.message.payload),
                    None => return,
                },
                Some(answer) = answers.join_next() => self.take(answer),
                Some(_done) = chores.join_next() => {}
                _ = check.tick() => self.holds.fence(Instant::now(), FENCE_AFTER),
                _ = beat.tick() => {
                    if chores.len() < MAX_CHORES {
                        self.hello(&mut chores);
                    }
                    self.heartbeat(&mut answers);
                }
                _ = progress.tick() => if chores.len() < MAX_CHORES {
                    chores.spawn(progress_all(self.holds.ackers()));
                },
                () = self.draining.cancelled(), if !told_drain => {
                    told_drain = true;
                    self.hello(&mut chores);
                }
            }
        }
    }

    fn cancel(&self, payload: &[u8]) {
        if payload.len() > MAX_MESSAGE_BYTES {
            return;
        }
        match serde_json::from_slice::<Cancel>(payload) {
            Ok(cancel) => self.holds.cancel(&cancel),
            Err(error) => tracing::warn!(%error, "no cancel message; dropped"),
        }
    }

    fn hello(&self, chores: &mut JoinSet<()>) {
        let options = self.link.options();
        let slots = if self.draining.is_cancelled() {
            0
        } else {
            options.slots
        };
        let hello = WorkerHello {
            version: MESSAGE_VERSION,
            worker: options.worker.clone(),
            incarnation: options.incarnation.clone(),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            level: self.level,
        };
        let link = Arc::clone(&self.link);
        chores.spawn(async move { link.hello(&hello).await });
    }

    fn heartbeat(&self, answers: &mut JoinSet<Answer>) {
        for (coordinator, tokens) in self.holds.to_renew() {
            if answers.len() < MAX_HEARTBEATS {
                answers.spawn(beat(Arc::clone(&self.link), coordinator, tokens));
            }
        }
    }

    fn take(&self, answer: Result<Answer, tokio::task::JoinError>) {
        let Ok((tokens, asked, reply)) = answer else {
            return;
        };
        match reply {
            Ok(HeartbeatReply { cancelled, stale }) => {
                let renewed: Vec<LeaseToken> = tokens
                    .into_iter()
                    .filter(|token| !stale.contains(token))
                    .collect();
                self.holds.renew(&renewed, asked);
                cancelled
                    .iter()
                    .for_each(|token| self.holds.cancel_lease(token));
                stale.iter().for_each(|token| self.holds.lose(token));
            }
            Err(error) => tracing::debug!(%error, "heartbeat not answered"),
        }
    }
}

async fn progress_all(ackers: Vec<Arc<dyn Acker>>) {
    for acker in ackers {
        if let Err(error) = acker.progress().await {
            tracing::debug!(%error, "a delivery was not kept alive");
        }
    }
}

async fn beat(link: Arc<Link>, coordinator: CoordinatorId, tokens: Vec<LeaseToken>) -> Answer {
    let asked = Instant::now();
    let options = link.options();
    let heartbeat = Heartbeat {
        worker: options.worker.clone(),
        incarnation: options.incarnation.clone(),
        tokens: tokens.clone(),
    };
    let reply = link.heartbeat(&coordinator, &heartbeat).await;
    (tokens, asked, reply)
}
