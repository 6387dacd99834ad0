//! Decides what happens next in a run, and remembers it: the machine, the journal, the driver.

pub mod journal;
