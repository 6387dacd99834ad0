//! Reads a journal that somebody else writes: whole lines, each once, none before it is certain.
//!
//! What is on the disk cannot be told from what is only written, so a follower asks the system itself
//! to put everything it is about to show on the disk. That changes nothing about the file.

use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err::File;
use l2_coordinator::journal::ReadError;
use protocol::event::{Chain, Event, EventKind, LineError, MAX_LINE_BYTES};
use protocol::run_dir;

use super::open_regular;
use super::stored::unreadable;
use crate::cli::error::{CliError, Kind};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Looks at the same damaged line, while somebody drives the run, before it is believed: whoever
/// resumes a run cuts a torn end off.
const MAX_STUCK: u32 = 50;

/// A journal that is being followed.
pub struct Follower {
    dir: PathBuf,
    file: File,
    /// Behind the last whole line.
    at: u64,
    chain: Chain,
    is_over: bool,
    stuck: u32,
}

impl Follower {
    /// From the start of the journal; none while there is no journal.
    ///
    /// # Errors
    /// It cannot be opened, or is no file.
    pub fn open(dir: &Path) -> Result<Option<Self>, CliError> {
        let file = match open_regular(&dir.join(run_dir::EVENTS)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(dir, error.into())),
        };
        Ok(Some(Self {
            dir: dir.to_owned(),
            file,
            at: 0,
            chain: Chain::start(),
            is_over: false,
            stuck: 0,
        }))
    }

    /// Whether the run's last event was read.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Calls `each` for every event that is new; says how many there were.
    ///
    /// # Errors
    /// The journal cannot be read, is damaged, or lost what was shown.
    pub fn read(&mut self, mut each: impl FnMut(&Event)) -> Result<u64, CliError> {
        let before = self.chain.seq;
        let failed = |error: io::Error| unreadable(&self.dir, error.into());
        let length = self.file.metadata().map_err(failed)?.len();
        if length < self.at {
            let message = format!(
                "the journal was cut to before event {before}, which was shown: its disk may be full"
            );
            return Err(CliError::new(Kind::NotReady, "journal-cut", message));
        }
        if length == self.at {
            return Ok(0);
        }
        make_certain(&self.file).map_err(failed)?;
        self.file.seek(SeekFrom::Start(self.at)).map_err(failed)?;
        // Only what was there when it was made certain.
        let certain = (&self.file).take(length - self.at);
        let mut lines = io::BufReader::with_capacity(READ_BYTES, certain);
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = MAX_LINE_BYTES as u64 + 1;
            let taken = (&mut lines).take(most).read_until(b'\n', &mut line);
            let taken = taken.map_err(failed)?;
            if line.pop() != Some(b'\n') {
                // The rest of it comes later, unless it is longer than any event.
                self.stuck = if taken as u64 == most {
                    self.stuck + 1
                } else {
                    0
                };
                break;
            }
            match self.chain.read(&line) {
                Ok(event) => {
                    self.stuck = 0;
                    self.at += taken as u64;
                    self.is_over = matches!(event.kind, EventKind::RunFinished { .. });
                    each(&event);
                }
                Err(LineError::Hash | LineError::TooLong(_)) => {
                    self.stuck += 1;
                    break;
                }
                Err(source @ (LineError::Json(_) | LineError::Seq { .. })) => {
                    let seq = self.chain.seq + 1;
                    return Err(unreadable(&self.dir, ReadError::Foreign { seq, source }));
                }
            }
        }
        if self.stuck > MAX_STUCK {
            let message = format!("the journal is damaged after event {}", self.chain.seq);
            return Err(CliError::new(
                Kind::VerifyFailed,
                "journal-damaged",
                message,
            ));
        }
        Ok(self.chain.seq - before)
    }
}

fn make_certain(file: &File) -> io::Result<()> {
    match file.sync_data() {
        // A file system that cannot be written has nothing uncertain.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use protocol::time::Timestamp;

    use super::*;

    /// Lines of a journal that its writer has not written yet.
    fn lines(events: u32) -> Vec<Vec<u8>> {
        let mut chain = Chain::start();
        let event = |n| EventKind::RunPaused {
            cause: format!("for the {n}. time"),
        };
        (0..events)
            .map(|n| {
                let mut line = Vec::new();
                chain.append(Timestamp::from_micros(n.into()), event(n), &mut line);
                line
            })
            .collect()
    }

    fn read(follower: &mut Follower) -> Vec<u64> {
        let mut seen = Vec::new();
        follower.read(|event| seen.push(event.seq)).unwrap();
        seen
    }

    #[test]
    fn lines_are_seen_once_and_whole_however_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(run_dir::EVENTS);
        assert!(Follower::open(dir.path()).unwrap().is_none());
        let mut file = File::create(&path).unwrap();
        let mut follower = Follower::open(dir.path()).unwrap().unwrap();
        assert!(read(&mut follower).is_empty());
        let all = lines(5).concat();
        let mut seen = Vec::new();
        for byte in &all {
            file.write_all(&[*byte]).unwrap();
            seen.extend(read(&mut follower));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert!(read(&mut follower).is_empty());
    }

    #[test]
    fn a_torn_end_is_waited_out_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(run_dir::EVENTS);
        let all = lines(3);
        let torn = [&all[0][..], &all[1][..], b"{\"half\":1}\n"].concat();
        fs_err::write(&path, &torn).unwrap();
        let mut follower = Follower::open(dir.path()).unwrap().unwrap();
        assert_eq!(read(&mut follower), [1, 2]);
        assert!(read(&mut follower).is_empty());
        fs_err::write(&path, all.concat()).unwrap();
        assert_eq!(read(&mut follower), [3]);
        fs_err::write(&path, torn).unwrap();
        let error = follower.read(|_| ()).unwrap_err();
        assert_eq!(error.code, "journal-cut");
    }

    #[test]
    fn damage_that_stays_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(run_dir::EVENTS);
        let damaged = [&lines(1)[0][..], b"{}\n"].concat();
        fs_err::write(path, damaged).unwrap();
        let mut follower = Follower::open(dir.path()).unwrap().unwrap();
        assert_eq!(read(&mut follower), [1]);
        let error = (0..=MAX_STUCK).find_map(|_| follower.read(|_| ()).err());
        assert_eq!(error.unwrap().code, "journal-damaged");
    }
}
