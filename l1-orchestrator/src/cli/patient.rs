//! Reads a file that may be a pipe or a terminal, without ever waiting for ever: silence has a bound.
//! Regular files are read as always.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;

/// Silence after which a person is told what is waited for.
const QUIET: Duration = Duration::from_millis(80);
/// A pipe that is silent for longer has nobody at its other end.
const SILENCE: Duration = Duration::from_secs(10);
const CHUNK_BYTES: usize = 64 * 1024;

/// Up to `most` bytes of what is at `path`; `waits` is called once, when a pipe makes us wait.
///
/// # Errors
/// It cannot be opened or read; `TimedOut` when a pipe or a terminal stays silent.
pub(super) fn read(path: &Path, most: u64, waits: impl FnOnce()) -> io::Result<Vec<u8>> {
    // Without it the opening of a pipe that nobody writes would not return.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let flags = i32::try_from(flags).expect("flags of open fit its argument");
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    read_slowly(file, most, SILENCE, waits)
}

fn read_slowly(
    mut file: File,
    most: u64,
    silence: Duration,
    waits: impl FnOnce(),
) -> io::Result<Vec<u8>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut waits = Some(waits);
    let mut bytes = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while bytes.len() < most {
        if !readable(&file, QUIET)? {
            if let Some(waits) = waits.take() {
                waits();
            }
            if !readable(&file, silence)? {
                let seconds = silence.as_secs();
                let message =
                    format!("it is a pipe or a terminal, and nothing came from it for {seconds}s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
        let room = chunk.len().min(most - bytes.len());
        match file.read(&mut chunk[..room]) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Whether there is something to read, or an end, before `patience` is over.
fn readable(file: &File, patience: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        // A signal; whoever waits looks again.
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode};

    use super::*;

    #[test]
    fn a_pipe_that_nobody_writes_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ff");
        rustix::fs::mkfifoat(CWD, &path, Mode::RWXU).unwrap();
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(flags).open(&path).unwrap();
        let mut told = false;
        let error = read_slowly(file, 100, Duration::from_millis(20), || told = true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(told);
    }

    #[test]
    fn devices_and_files_are_read_up_to_a_bound() {
        let waits = || panic!("nothing to wait for");
        assert_eq!(read(Path::new("/dev/zero"), 100, waits).unwrap(), [0; 100]);
        let waits = || panic!("nothing to wait for");
        let nothing = read(Path::new("/dev/null"), 100, waits).unwrap();
        assert!(nothing.is_empty());
        assert!(read(Path::new("/nowhere"), 100, || ()).is_err());
    }
}
