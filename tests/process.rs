//! Real processes, really killed: nothing that a run started outlives it, and what is interrupted can
//! be resumed.

mod dry_run;
mod full_disk;
mod killed;
mod stopped;
mod watch;
