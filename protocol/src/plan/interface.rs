//! What a nested scenario takes and gives, as far as the check of whoever uses it must know.

use std::collections::BTreeMap;

use crate::expr::{ArtifactField, Target, Template};
use crate::policy::Secrets;

use super::checked::Plan;
use super::draft::Parameter;

/// Nested scenarios by file. One that is not there is not checked against.
pub(crate) type Interfaces<'a> = BTreeMap<&'a str, Interface<'a>>;

/// Of one nested scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface<'a> {
    pub(crate) parameters: &'a BTreeMap<String, Parameter>,
    pub(crate) outputs: &'a BTreeMap<String, Template>,
    pub(crate) secrets: &'a Secrets,
}

impl<'a> Interface<'a> {
    /// Of a scenario that is not checked yet.
    #[cfg(feature = "author")]
    pub(crate) fn of_draft(draft: &'a super::draft::DraftPlan) -> Self {
        Self {
            parameters: &draft.parameters,
            outputs: &draft.outputs,
            secrets: &draft.secrets,
        }
    }

    /// Of a checked scenario.
    pub(super) fn of_plan(plan: &'a Plan) -> Self {
        Self {
            parameters: plan.parameters(),
            outputs: plan.outputs(),
            secrets: plan.secrets(),
        }
    }

    /// Names of its outputs that are values, or of those that are artifacts.
    pub(super) fn names(self, artifacts: bool) -> Vec<&'a str> {
        let outputs = self.outputs.iter();
        let wanted = outputs.filter(|(_, value)| is_artifact(value) == artifacts);
        wanted.map(|(name, _)| name.as_str()).collect()
    }
}

/// Whether a scenario's output is one whole artifact.
pub(crate) fn is_artifact(output: &Template) -> bool {
    let whole = output.whole_reference().map(|reference| reference.target);
    let field = ArtifactField::Whole;
    matches!(whole, Some(Target::Artifact { field: found, .. }) if found == field)
}
