//! Sets a slot process up, once, for all its attempts.

use protocol::policy::{Guarantee, SandboxLevel};

use super::available;
use super::rules::Confinement;
use crate::launcher::Unavailable;

/// What even an unconfined attempt is promised.
const ALWAYS: [Guarantee; 2] = [Guarantee::TreeKill, Guarantee::EnvClean];

/// What cannot be promised here, or why nothing may start.
pub(crate) fn set_up(confinement: &Confinement) -> Result<Vec<Guarantee>, Unavailable> {
    match confinement.level {
        SandboxLevel::None => available::degraded(&confinement.confine, &ALWAYS, |one| {
            format!("the policy requires {one}, and the sandbox level is `none`")
        }),
        level => Err(Unavailable {
            guarantee: None,
            message: format!("the sandbox level `{level}` is not set up"),
        }),
    }
}
