//! The ways in which a bus may misbehave, and how often.

use std::time::Duration;

/// One way to misbehave. All of them happen on real servers or networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A publish is not stored; its sender sees `TimedOut`.
    PublishLost,
    /// A publish is stored; its sender sees `TimedOut` all the same.
    PublishUnanswered,
    /// A publish takes effect late.
    PublishDelayed,
    /// A publish is stored again although its id was known: the window was forgotten.
    PublishRepeated,
    /// A delivery is handed out twice, with the same count.
    DeliveryRepeated,
    /// A delivery is kept back and handed out after later ones, perhaps after its redelivery.
    DeliveryHeld,
    /// An answer to a delivery (ack, nak, progress) never arrives.
    AckLost,
    /// An answer to a delivery arrives late, perhaps when another holds the message.
    AckStale,
    /// A double ack takes effect; its sender sees `TimedOut` all the same.
    AckUnanswered,
    /// A request never arrives.
    RequestLost,
    /// A request arrives late.
    RequestDelayed,
    /// A request arrives twice.
    RequestRepeated,
    /// A request was handled; its answer never arrives.
    ReplyLost,
    /// A request was handled; its answer arrives late or too late.
    ReplyDelayed,
    /// A broadcast reaches nobody.
    BroadcastLost,
    /// A broadcast arrives after later ones.
    BroadcastDelayed,
    /// A broadcast arrives twice.
    BroadcastRepeated,
}

impl Fault {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 17] = [
        Self::PublishLost,
        Self::PublishUnanswered,
        Self::PublishDelayed,
        Self::PublishRepeated,
        Self::DeliveryRepeated,
        Self::DeliveryHeld,
        Self::AckLost,
        Self::AckStale,
        Self::AckUnanswered,
        Self::RequestLost,
        Self::RequestDelayed,
        Self::RequestRepeated,
        Self::ReplyLost,
        Self::ReplyDelayed,
        Self::BroadcastLost,
        Self::BroadcastDelayed,
        Self::BroadcastRepeated,
    ];

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// How likely each fault is, each time it could happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    probabilities: [f64; Fault::ALL.len()],
    max_delay: Duration,
}

impl Faults {
    /// A bus without faults.
    #[must_use]
    pub fn none() -> Self {
        Self::all(0.0)
    }

    /// Every fault with probability `p` (cut to 0 ..= 1), delays up to two seconds.
    #[must_use]
    pub fn all(p: f64) -> Self {
        let probabilities = [p.clamp(0.0, 1.0); Fault::ALL.len()];
        Self {
            probabilities,
            max_delay: Duration::from_secs(2),
        }
    }

    /// The same with one kind's probability changed.
    #[must_use]
    pub fn with(mut self, fault: Fault, p: f64) -> Self {
        self.probabilities[fault.index()] = p.clamp(0.0, 1.0);
        self
    }

    /// The same with other delays: each is chosen between one millisecond and `max`.
    #[must_use]
    pub fn delays_up_to(mut self, max: Duration) -> Self {
        self.max_delay = max.max(Duration::from_millis(1));
        self
    }

    pub(super) fn probability(&self, fault: Fault) -> f64 {
        self.probabilities[fault.index()]
    }

    pub(super) fn max_delay(&self) -> Duration {
        self.max_delay
    }

    pub(super) fn are_none(&self) -> bool {
        self.probabilities.iter().all(|p| *p <= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn all_lists_every_kind_at_its_index() {
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault.index(), index, "{fault:?}");
        }
        assert_eq!(
            Fault::BroadcastRepeated.index() + 1,
            Fault::ALL.len(),
            "the last one"
        );
    }
}
