//! What confines attempts: from a policy's constraints to what a slot process sets up.

mod available;
mod cgroup;
mod child;
mod denied;
mod engine;
mod etc;
mod init;
mod landlock;
mod linux;
mod net;
mod paths;
mod plan;
mod private;
mod probe;
mod problem;
mod root;
mod rules;
mod seccomp;
mod sockets;
mod strict;
mod tree;
mod user;
mod view;

pub use cgroup::{Group, Host, Usage, WhyNot};
pub(crate) use engine::{Engine, Unstarted};
pub use landlock::{Access, Missing, Rules, Without, lacking as lacking_landlock, ruleset};
pub(crate) use linux::{Started, close_inherited, wait4};
pub(crate) use probe::payload;
pub use probe::{Probe, State, probe, probe_with};
pub use rules::Confinement;
pub(crate) use rules::search_path;
pub use seccomp::{Fences, denied_name, program};
pub(crate) use tree::Tree;
