//! Whether a plan may run, and who says so: the policy, a flag, a person.

mod answer;
mod decide;
mod details;
mod dialog;
mod editor;
mod refusal;
mod said;
mod settle;
mod told;

pub(super) use decide::differs;
pub(super) use dialog::Ready;
pub(super) use refusal::other;
pub(super) use said::Approving;
pub(super) use settle::{Settled, command, foresee, reason_against, settle};
pub(super) use told::told;
