//! What testers found, each as it should have been.

mod beginnings;
mod output;
mod pipes;
mod stopping;
mod taken_away;
mod telling;
