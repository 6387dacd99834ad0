//! The worker with real processes. One binary; each file one concern.

mod artifacts;
mod executor;
mod launcher;
mod lease;
mod support;
