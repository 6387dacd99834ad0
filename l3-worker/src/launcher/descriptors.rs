//! Open files: the worker and its launcher need several for every slot, payloads get the limit that
//! orchestra was started with.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files of the worker for one slot: socket, tomb, four pipe ends, a log and a directory.
const PER_SLOT: u64 = 8;
/// What everything else takes: journal, runtime, standard streams, and as much again.
const BESIDES: u64 = 64;

static AT_START: OnceLock<Option<u64>> = OnceLock::new();

/// The soft limit before [`raise`]; `None` is no limit.
pub(super) fn at_start() -> Option<u64> {
    *AT_START.get_or_init(|| getrlimit(Resource::Nofile).current)
}

/// Allows this process as many open files as it may have.
pub(crate) fn raise() -> io::Result<()> {
    let _known = at_start();
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                ..limit
            },
        )?;
    }
    Ok(())
}

/// Makes room for this many slots.
///
/// # Errors
/// The system allows too few open files; the message says how many are needed.
pub(crate) fn make_room(slots: usize) -> io::Result<()> {
    raise()?;
    let needed = (slots as u64)
        .saturating_mul(PER_SLOT)
        .saturating_add(BESIDES);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => Err(io::Error::other(format!(
            "{slots} slots need {needed} open files and {limit} are allowed (ulimit -Hn); ask for \
             fewer with --max-parallel"
        ))),
        _ => Ok(()),
    }
}

/// The soft limit as an argument for a process that will start payloads.
pub(super) fn to_word(soft: Option<u64>) -> String {
    soft.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

/// Takes the soft limit that [`to_word`] wrote; anything else leaves it as it is.
pub(super) fn take_word(word: &str) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = match word.parse() {
        Ok(soft) => Some(soft),
        Err(_) if word == "none" => None,
        Err(_) => return Ok(()),
    };
    Ok(setrlimit(Resource::Nofile, Rlimit { current, ..limit })?)
}
