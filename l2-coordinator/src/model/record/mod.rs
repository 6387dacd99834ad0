//! Recordings of calls, and replies from them: one line a call, matched by the digest of the canonical
//! request and how often it was asked before, so that parallel calls replay in any order. A replay
//! opens no socket and starts no process. What was written by hand says so: a fixture is no recording.

mod cassette;
mod line;
mod miss;
mod nearest;
mod recorder;
mod replay;
#[cfg(test)]
mod tests;

pub use cassette::{Cassette, CassetteError};
pub use recorder::{Existing, Recorder, RecorderOptions, Redact};
pub use replay::Replay;
