//! The worker with real processes. One binary; each file one concern.

mod launcher;
mod support;
