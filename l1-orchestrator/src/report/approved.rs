//! The approval of a run's plan, as its journal has it: by whom, of what, and whose key says so.

use protocol::digest::Digest;
use protocol::event::{Event, EventKind, Origin, RunStarted, Signed};
use protocol::seal::PublicKey;
use protocol::time::Timestamp;
use protocol::warrant::Warrant;

/// The approved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// Who approved.
    pub by: Origin,
    /// When.
    pub at: Timestamp,
    /// All that the run executes by; none where an earlier build left digests out.
    warrant: Option<Box<Warrant>>,
    /// Whose key says so.
    signed: Option<Box<Signed>>,
}

/// Who opened a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// A key that is trusted here.
    Trusted,
    /// A key that is not.
    Stranger(PublicKey),
    /// Nobody says: an earlier build, or somebody who took the signature away.
    Nobody,
    /// Not whoever the journal names: its signature is of something else.
    Forged,
}

impl Approval {
    /// From the event, after the run's first one.
    #[must_use]
    pub fn of(started: Option<&RunStarted>, event: &Event) -> Option<Self> {
        let EventKind::PlanApproved {
            plan,
            policy,
            by,
            signed,
            ..
        } = &event.kind
        else {
            return None;
        };
        let warrant = started.and_then(|started| Warrant::of(started, &event.kind));
        Some(Self {
            plan: *plan,
            policy: *policy,
            by: by.clone(),
            at: event.ts,
            warrant: warrant.map(Box::new),
            signed: signed.clone(),
        })
    }

    /// Who opened the run, as far as these keys tell.
    #[must_use]
    pub fn opener(&self, trusted: &[PublicKey]) -> Opener {
        match &self.signed {
            None => Opener::Nobody,
            Some(signed) => Opener::by(self.warrant.as_deref(), signed, trusted),
        }
    }
}

impl Opener {
    /// Who opened a run that stopped before it had a plan, as far as these keys tell.
    #[must_use]
    pub fn of_unplanned(started: &RunStarted, trusted: &[PublicKey]) -> Self {
        match &started.unplanned {
            None => Self::Nobody,
            Some(unplanned) => {
                let warrant = Warrant::of_unplanned(started);
                Self::by(warrant.as_ref(), &unplanned.signed, trusted)
            }
        }
    }

    fn by(warrant: Option<&Warrant>, signed: &Signed, trusted: &[PublicKey]) -> Self {
        match warrant.and_then(|warrant| warrant.signer(signed)) {
            None => Self::Forged,
            Some(key) if trusted.contains(&key) => Self::Trusted,
            Some(key) => Self::Stranger(key),
        }
    }

    /// For machines.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Stranger(_) => "unknown-key",
            Self::Nobody => "nobody",
            Self::Forged => "forged",
        }
    }
}
