//! What a level keeps of what a policy requires: fail closed, or say what is missing.

use protocol::policy::{Confine, Guarantee};

use crate::launcher::Unavailable;

/// The promises without `kept`, or the first of them that the policy does not go without.
pub(super) fn degraded(
    confine: &Confine,
    kept: &[Guarantee],
    why: impl Fn(Guarantee) -> String,
) -> Result<Vec<Guarantee>, Unavailable> {
    let missing = Guarantee::ALL.iter().copied();
    let missing: Vec<Guarantee> = missing.filter(|one| !kept.contains(one)).collect();
    match missing.iter().find(|one| confine.require.contains(*one)) {
        Some(one) => Err(Unavailable {
            guarantee: Some(*one),
            message: why(*one),
        }),
        None => Ok(missing),
    }
}
