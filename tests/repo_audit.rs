//! `scenarios/repo-audit.yaml` on repositories of all kinds: it ends well, or says what is wrong, writes
//! nothing to them and lets nothing of theirs run. Needs git.

mod damage;
mod large;
mod names;
mod ordinary;
mod repository;
mod shapes;
mod traps;
