//! What confines attempts: from a policy's constraints to what a slot process sets up.

mod available;
mod cgroup;
mod engine;
mod landlock;
mod rules;
mod seccomp;

pub use cgroup::{Group, Host, Usage, WhyNot};
pub(crate) use engine::set_up;
pub use landlock::{Access, Missing, Rules, Without, ruleset};
pub use rules::Confinement;
pub(crate) use rules::search_path;
pub use seccomp::{Fences, denied_name, program};
