//! What lets a run execute: exactly these files, said by a user's key when the run is opened.
//!
//! A run directory can come with a clone or from another machine. Its digests and its chain hold for
//! whoever wrote them; that it is one's own is only told by a signature. An amendment of the plan is
//! signed as an opening is, and names the plan that it amends. Pure: which keys are trusted is not
//! known here.

use crate::digest::{Digest, canonical_json};
use crate::event::{EventKind, RunStarted, Signed};
use crate::ids::RunId;
use crate::seal::{PublicKey, UserKey};

/// What is signed under this name is a warrant and nothing else.
pub const WARRANT_DOMAIN: &str = "warrant/v1";

/// Everything that a run executes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warrant {
    /// The run.
    pub run_id: RunId,
    /// SHA-256 of `run.json`, which says where its tasks work.
    pub run_file: Digest,
    /// SHA-256 of `scenario.yaml`.
    pub scenario_file: Digest,
    /// Digest of the plan.
    pub plan: Digest,
    /// SHA-256 of `plan.json`.
    pub plan_file: Digest,
    /// Digest of the effective policy.
    pub policy: Digest,
    /// SHA-256 of `policy.json`.
    pub policy_file: Digest,
    /// Digest of the plan that this one amends; none when a run is opened.
    pub amends: Option<Digest>,
}

impl Warrant {
    /// What an approval lets execute, by the run's first event; none for other events, and where
    /// an earlier build left digests out.
    #[must_use]
    pub fn of(started: &RunStarted, approval: &EventKind) -> Option<Self> {
        let EventKind::PlanApproved {
            plan,
            plan_file,
            policy,
            policy_file,
            scenario_file,
            ..
        } = approval
        else {
            return None;
        };
        Some(Self {
            run_id: started.run_id,
            run_file: started.run_file?,
            scenario_file: *scenario_file,
            plan: *plan,
            plan_file: *plan_file,
            policy: *policy,
            policy_file: (*policy_file)?,
            amends: None,
        })
    }

    /// What a run goes on from that stopped before it had a plan: who opened it signed this.
    #[must_use]
    pub fn of_unplanned(started: &RunStarted) -> Option<Self> {
        let unplanned = started.unplanned.as_ref()?;
        Some(Self {
            run_id: started.run_id,
            run_file: started.run_file?,
            scenario_file: started.scenario_file,
            plan: unplanned.plan,
            plan_file: unplanned.plan_file,
            policy: started.policy_digest,
            policy_file: unplanned.policy_file,
            amends: None,
        })
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &UserKey) -> Signed {
        Signed {
            public_key: key.public().to_string(),
            signature: key.sign(&self.signed_bytes()),
        }
    }

    /// The key that signed exactly this; none when the signature is of something else.
    #[must_use]
    pub fn signer(&self, signed: &Signed) -> Option<PublicKey> {
        let key: PublicKey = signed.public_key.parse().ok()?;
        key.signed(&self.signed_bytes(), &signed.signature)
            .then_some(key)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let value = serde_json::json!({
            "amends": self.amends,
            "domain": WARRANT_DOMAIN,
            "plan": self.plan,
            "plan_file": self.plan_file,
            "policy": self.policy,
            "policy_file": self.policy_file,
            "run_file": self.run_file,
            "run_id": self.run_id,
            "scenario_file": self.scenario_file,
        });
        canonical_json(&value).expect("it holds no fraction")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warrant() -> Warrant {
        let digest = |text: &str| Digest::of(text.as_bytes());
        Warrant {
            run_id: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
            run_file: digest("run"),
            scenario_file: digest("scenario"),
            plan: digest("plan"),
            plan_file: digest("plan file"),
            policy: digest("policy"),
            policy_file: digest("policy file"),
            amends: None,
        }
    }

    fn key() -> UserKey {
        UserKey::from_seed([7; 32])
    }

    #[test]
    fn a_warrant_is_of_its_signer() {
        let signed = warrant().sign(&key());
        assert_eq!(warrant().signer(&signed), Some(key().public()));
        // It is also what the journal keeps.
        let text = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<Signed>(&text).unwrap(), signed);
    }

    #[test]
    fn any_other_value_is_signed_by_nobody() {
        let signed = warrant().sign(&key());
        let other = Digest::of(b"other");
        let changes: [fn(&mut Warrant, Digest); 8] = [
            |it, _| it.run_id = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b".parse().unwrap(),
            |it, other| it.run_file = other,
            |it, other| it.scenario_file = other,
            |it, other| it.plan = other,
            |it, other| it.plan_file = other,
            |it, other| it.policy = other,
            |it, other| it.policy_file = other,
            |it, other| it.amends = Some(other),
        ];
        for change in changes {
            let mut changed = warrant();
            change(&mut changed, other);
            assert_eq!(changed.signer(&signed), None, "{changed:?}");
        }
        let stranger = UserKey::from_seed([8; 32]).public().to_string();
        for (public_key, signature) in [
            (stranger, signed.signature.clone()),
            (signed.public_key.clone(), "0".repeat(128)),
            (signed.public_key.clone(), String::new()),
            ("not a key".to_owned(), signed.signature.clone()),
        ] {
            let forged = Signed {
                public_key,
                signature,
            };
            assert_eq!(warrant().signer(&forged), None, "{forged:?}");
        }
    }

    #[test]
    fn what_is_signed_is_fixed() {
        let text = String::from_utf8(warrant().signed_bytes()).unwrap();
        let begins = "{\"amends\":null,\"domain\":\"warrant/v1\",\"plan\":\"";
        assert!(text.starts_with(begins), "{text}");
        let seal = key().seal(
            warrant().run_id,
            crate::event::Chain {
                seq: 1,
                hash: warrant().plan,
            },
        );
        let borrowed = Signed {
            public_key: seal.public_key.to_string(),
            signature: seal.signature,
        };
        assert_eq!(warrant().signer(&borrowed), None, "a seal is no warrant");
    }
}
