//! Hostile payloads against the sandbox, and everyday tools inside it. One binary; each file one
//! concern; every case once as root and once as an ordinary user.
//!
//! A case shows first that its payload does harm with the sandbox off, then, level by level, which
//! mechanism stops it. Everything happens in a host of its own (`tests/fixture/host`): it has no
//! route to anywhere, and nothing survives it.

#[cfg(test)]
#[macro_use]
mod support;

#[cfg(test)]
mod environment;
#[cfg(test)]
mod filesystem;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod network;
#[cfg(test)]
mod output;
#[cfg(test)]
mod positive;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod refusal;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod swaps;
#[cfg(test)]
mod tools;
