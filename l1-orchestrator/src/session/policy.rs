//! The effective policy of a run, `policy.json`. Before packs exist there is one: `default@0`.

use protocol::digest::Digest;
use protocol::policy::{Constraints, SandboxLevel};
use schemars::JsonSchema;
use serde::Serialize;

/// The `schema` of this version.
const SCHEMA: &str = "orchestra.policy/v1";

/// What a run may do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Policy {
    /// This version of the shape.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// `pack@version`.
    pub pack: &'static str,
    /// Who approves a plan made only of written tasks.
    approvals: &'static str,
    /// Bounds of every attempt.
    pub constraints: Constraints,
}

impl Policy {
    /// `default@0`: written tasks run without asking, bounded in time to stop, output and artifacts.
    #[must_use]
    pub fn default_pack(level: SandboxLevel) -> Self {
        Self {
            schema: SCHEMA,
            pack: "default@0",
            approvals: "never for written tasks",
            constraints: Constraints {
                level,
                ..Constraints::unconfined()
            },
        }
    }

    /// Digest of its canonical form.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_canonical("policy/v1", self).expect("a policy holds integers and text only")
    }

    /// The file's content.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a policy serializes");
        text.push(b'\n');
        text
    }
}
