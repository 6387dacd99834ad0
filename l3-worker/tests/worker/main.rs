//! The worker with real processes. One binary; each file one concern.

mod artifacts;
mod executor;
mod killed;
mod launcher;
mod lease;
mod support;
mod threads;
