//! What a plan will find where it runs: programs, network, limits, as the effective policy has them. Told,
//! so that a model need not guess; granted by nobody here.

use std::collections::BTreeSet;

use protocol::policy::{Policy, PolicyPath};
use serde::Serialize;

use super::caps::Caps;

/// Names of programs that are told; a pack with more lists patterns.
const MAX_PROGRAMS: usize = 400;

/// For the template of the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Surroundings {
    pack: String,
    programs: String,
    more_programs: usize,
    network: &'static str,
    project_read: bool,
    project_written: bool,
    wall_s: Option<u64>,
    most_tasks: usize,
    most_chain: usize,
    most_attempts: Option<u64>,
}

impl Surroundings {
    pub(super) fn of(policy: &Policy, caps: &Caps) -> Self {
        let tree = PolicyPath::tree();
        let opens = |paths: &BTreeSet<PolicyPath>| {
            paths
                .iter()
                .any(|path| path.is_of_workspace() || path.covers(&tree))
        };
        let names = policy.programs.iter().map(|rule| rule.program.as_str());
        let names: Vec<_> = names.take(MAX_PROGRAMS).collect();
        Self {
            pack: policy.pack.clone(),
            programs: names.join(" "),
            more_programs: policy.programs.len().saturating_sub(MAX_PROGRAMS),
            network: policy.network.as_str(),
            project_read: opens(&policy.paths.read) || opens(&policy.paths.write),
            project_written: opens(&policy.paths.write),
            wall_s: policy.limits.wall_ms.map(|ms| ms / 1000),
            most_tasks: most_tasks(policy, caps),
            most_chain: caps.chain,
            most_attempts: policy.budgets.attempts,
        }
    }
}

/// Tasks that a plan may have under both.
pub(super) fn most_tasks(policy: &Policy, caps: &Caps) -> usize {
    let budget = policy.budgets.tasks.unwrap_or(u64::MAX);
    caps.tasks
        .min(usize::try_from(budget).unwrap_or(usize::MAX))
}
