//! A run without clock, bus or disk: drives a machine as the driver does, and keeps what came of it.

mod env;
mod plan;
mod play;
mod show;
mod world;

pub(crate) use env::{Fired, Seen, TestEnv};
pub(crate) use plan::{Scenario, Tasks, plan_of, retry, scenario, task};
pub(crate) use play::{done, fails, play, play_as};
pub(crate) use show::show_event;
pub(crate) use world::{artifact, config, crashed, ended, failed, run_opening};
