//! What a policy says of a plan before anything of it starts.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingSeverity};
use super::grant::Grant;

/// The most a run can come to, fan-outs at their widest and every retry used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct WorstCase {
    /// Tasks that start, at most.
    pub tasks: u64,
    /// Attempts of all of them.
    pub attempts: u64,
    /// Seconds of all attempts one after the other; absent where an attempt has no time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Whether a fan-out's width is known only when it expands.
    pub open: bool,
}

/// What a policy says of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Everything there is to say, in the order of the plan.
    pub findings: Vec<Finding>,
    /// The most it can come to.
    pub worst: WorstCase,
    /// Why a person is to approve the plan; empty: nobody is asked.
    pub approval: Vec<String>,
    /// What an approval of these findings grants; nobody's yet.
    pub grants: Vec<Grant>,
    /// Whether the plan is refused.
    pub refused: bool,
    /// Whether an approval by digest takes away every refusal.
    pub grantable: bool,
}

impl Verdict {
    /// The same once somebody approved the plan by this digest, with everything that exceeded the policy.
    #[must_use]
    pub fn granted(mut self, approval: &str) -> Self {
        for finding in &mut self.findings {
            if finding.severity == FindingSeverity::Refused {
                finding.severity = FindingSeverity::Granted;
                finding.message = format!("{}; granted by approval {approval}", finding.message);
                finding.suggested_fix = None;
            }
        }
        self.refused = false;
        self
    }

    /// The findings that refuse.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        let refuses = |found: &&Finding| found.severity == FindingSeverity::Refused;
        self.findings.iter().filter(refuses)
    }
}
