//! A small run, changed in every way a run directory can be changed.

mod files;
mod fixture;
mod journal;
