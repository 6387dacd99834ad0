//! For tests only. A run without clock, bus or disk: drives a machine as the driver does, and keeps what
//! came of it. And, for the crates above as well, a stand-in for the providers of models.

#[cfg(test)]
mod env;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod play;
#[cfg(test)]
mod show;
pub mod stub_api;
#[cfg(test)]
mod world;

#[cfg(test)]
pub(crate) use env::{Fired, Seen, TestEnv};
#[cfg(test)]
pub(crate) use plan::{Scenario, Tasks, plan_of, prompt, retry, scenario, task};
#[cfg(test)]
pub(crate) use play::{done, fails, play, play_as};
#[cfg(test)]
pub(crate) use show::show_event;
#[cfg(test)]
pub(crate) use world::{ASKER, artifact, asking, config, crashed, ended, failed, run_opening};
