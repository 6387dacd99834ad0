//! The worker with real processes. One binary; each file one concern.
//!
//! Each module says `cfg(test)`, so that helpers may `unwrap` as tests do.

#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod denied;
#[cfg(test)]
mod executor;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod launcher;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod project;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod support;
#[cfg(test)]
mod threads;
