//! What worker, launcher and slot process say to each other, as bytes.
//!
//! Hand-written rather than serde: argv and environment are bytes, not text, and the slot process
//! stays small. Every length is checked before it is used.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

/// Worker to launcher, with the slot's socket and tomb: start a slot process of this number (u32).
pub(super) const START_SLOT: u8 = 1;
/// Worker to launcher: this slot process (u32) does not answer; kill it and what it runs.
pub(super) const KILL_SLOT: u8 = 7;
/// Worker to slot, with the write ends of two pipes: [`Spawn`].
pub(super) const SPAWN: u8 = 2;
/// Worker to slot: SIGTERM to the tree, SIGKILL after a grace in milliseconds (u32).
pub(super) const TERMINATE: u8 = 3;
/// Worker to slot: SIGKILL to the tree.
pub(super) const KILL: u8 = 4;
/// Slot to worker: [`Exit`], the tree is dead.
pub(super) const EXITED: u8 = 5;
/// Slot to worker: nothing was started; errno (i32).
pub(super) const SPAWN_FAILED: u8 = 6;

/// What to start. Nothing is inherited: the environment is exactly `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// File to execute, resolved: a path with a slash.
    pub program: PathBuf,
    /// `argv[0]` and what follows.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub cwd: PathBuf,
    /// How long processes left behind by a payload that ended get between SIGTERM and SIGKILL.
    pub leftover_grace: Duration,
}

/// How an attempt's processes ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Raw wait status of the payload.
    pub status: i32,
    /// User CPU time of the payload and what it waited for, microseconds.
    pub user_us: u64,
    /// System CPU time of the same, microseconds.
    pub system_us: u64,
    /// Largest resident set of any one of these processes, bytes.
    pub peak_rss_bytes: u64,
    /// Processes still alive when the payload ended, all ended since.
    pub leftovers: u32,
    /// False when something survived SIGKILL for the whole deadline (uninterruptible sleep).
    pub tree_dead: bool,
}

impl Spawn {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let grace = u32::try_from(self.leftover_grace.as_millis()).unwrap_or(u32::MAX);
        put_u32(&mut out, grace);
        put_bytes(&mut out, self.program.as_os_str().as_bytes());
        put_bytes(&mut out, self.cwd.as_os_str().as_bytes());
        put_u32(&mut out, u32::try_from(self.argv.len()).unwrap_or(u32::MAX));
        for arg in &self.argv {
            put_bytes(&mut out, arg.as_bytes());
        }
        put_u32(&mut out, u32::try_from(self.env.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.env {
            put_bytes(&mut out, name.as_bytes());
            put_bytes(&mut out, value.as_bytes());
        }
        out
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let leftover_grace = Duration::from_millis(rest.u32()?.into());
        let program = PathBuf::from(rest.os_string()?);
        let cwd = PathBuf::from(rest.os_string()?);
        let mut argv = Vec::new();
        for _ in 0..rest.u32()? {
            argv.push(rest.os_string()?);
        }
        let mut env = Vec::new();
        for _ in 0..rest.u32()? {
            env.push((rest.os_string()?, rest.os_string()?));
        }
        rest.0.is_empty().then_some(Self {
            program,
            argv,
            env,
            cwd,
            leftover_grace,
        })
    }
}

impl Exit {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        out.extend_from_slice(&self.status.to_le_bytes());
        for number in [self.user_us, self.system_us, self.peak_rss_bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        put_u32(&mut out, self.leftovers);
        out.push(u8::from(self.tree_dead));
        out
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let exit = Self {
            status: i32::from_le_bytes(rest.array()?),
            user_us: u64::from_le_bytes(rest.array()?),
            system_us: u64::from_le_bytes(rest.array()?),
            peak_rss_bytes: u64::from_le_bytes(rest.array()?),
            leftovers: rest.u32()?,
            tree_dead: rest.array::<1>()? == [1],
        };
        rest.0.is_empty().then_some(exit)
    }
}

/// An errno, a grace period in milliseconds, or a slot process's number.
pub(super) fn decode_u32(body: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(body.try_into().ok()?))
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn os_string(&mut self) -> Option<OsString> {
        let length = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(OsString::from_vec(head.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = OsString> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(OsString::from_vec)
    }

    proptest! {
        #[test]
        fn spawn_round_trips(
            program in bytes(), cwd in bytes(), millis in any::<u32>(),
            argv in proptest::collection::vec(bytes(), 0..5),
            env in proptest::collection::vec((bytes(), bytes()), 0..5),
        ) {
            let leftover_grace = Duration::from_millis(millis.into());
            let (program, cwd) = (program.into(), cwd.into());
            let spawn = Spawn { program, argv, env, cwd, leftover_grace };
            prop_assert_eq!(Spawn::decode(&spawn.encode()), Some(spawn));
        }

        #[test]
        fn any_bytes_decode_or_not_but_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(spawn) = Spawn::decode(&body) {
                prop_assert_eq!(spawn.encode(), body.clone());
            }
            if let Some(exit) = Exit::decode(&body) {
                prop_assert_eq!(exit.encode().len(), body.len());
            }
        }
    }
}
