//! One attempt as it is asked for, and its encoding.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use protocol::policy::Limits;

use super::wire::{Cursor, put_bytes, put_list, put_option, put_u32};

/// What to start. Nothing is inherited: the environment is exactly `env`.
#[derive(Clone, PartialEq, Eq)]
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
    /// Bounds on what it uses. Those on disk are the worker's own business: the slot process
    /// bounds each file only.
    pub limits: Limits,
}

impl fmt::Debug for Spawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Spawn")
            .field("program", &self.program)
            .field("argv", &self.argv)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

impl Spawn {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let grace = u32::try_from(self.leftover_grace.as_millis()).unwrap_or(u32::MAX);
        put_u32(&mut out, grace);
        put_limits(&mut out, &self.limits);
        put_bytes(&mut out, self.program.as_os_str().as_bytes());
        put_bytes(&mut out, self.cwd.as_os_str().as_bytes());
        put_list(&mut out, self.argv.iter(), |out, arg| {
            put_bytes(out, arg.as_bytes());
        });
        put_list(&mut out, self.env.iter(), |out, (name, value)| {
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        });
        out
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let spawn = Self {
            leftover_grace: Duration::from_millis(rest.u32()?.into()),
            limits: limits(&mut rest)?,
            program: rest.os_string()?.into(),
            cwd: rest.os_string()?.into(),
            argv: rest.list(Cursor::os_string)?,
            env: rest.list(|rest| Some((rest.os_string()?, rest.os_string()?)))?,
        };
        rest.end()?;
        Some(spawn)
    }
}

fn put_limits(out: &mut Vec<u8>, limits: &Limits) {
    let Limits {
        cpu_ms,
        memory_bytes,
        pids,
        disk_bytes,
        file_bytes,
        files,
        tmp_bytes,
    } = *limits;
    let pids = pids.map(u64::from);
    for number in [
        cpu_ms,
        memory_bytes,
        pids,
        disk_bytes,
        file_bytes,
        files,
        tmp_bytes,
    ] {
        put_option(out, number);
    }
}

fn limits(rest: &mut Cursor<'_>) -> Option<Limits> {
    Some(Limits {
        cpu_ms: rest.option()?,
        memory_bytes: rest.option()?,
        pids: rest.option()?.map(u32::try_from).transpose().ok()?,
        disk_bytes: rest.option()?,
        file_bytes: rest.option()?,
        files: rest.option()?,
        tmp_bytes: rest.option()?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

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
            memory_bytes in any::<Option<u64>>(), pids in any::<Option<u32>>(),
            tmp_bytes in any::<Option<u64>>(), cpu_ms in any::<Option<u64>>(),
        ) {
            let leftover_grace = Duration::from_millis(millis.into());
            let (program, cwd) = (program.into(), cwd.into());
            let limits = Limits { memory_bytes, pids, tmp_bytes, cpu_ms, ..Limits::default() };
            let spawn = Spawn { program, argv, env, cwd, leftover_grace, limits };
            prop_assert_eq!(Spawn::decode(&spawn.encode()), Some(spawn));
        }

        #[test]
        fn any_bytes_decode_or_not_but_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(spawn) = Spawn::decode(&body) {
                prop_assert_eq!(spawn.encode(), body);
            }
        }
    }
}
