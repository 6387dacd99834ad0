//! One stream's file as it grows: bounded reads, whole lines.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use protocol::ids::TaskId;

use super::chosen::Stream;
use crate::runs::open_regular;

/// Bytes read at one look, so that a task that writes without end does not hide the others.
const MAX_AT_ONCE: u64 = 1024 * 1024;
/// A line without end is shown in pieces of this size.
const MAX_LINE: usize = 64 * 1024;

/// A file that may not be there yet: a stream has one from its first byte on.
pub(super) struct Tail {
    pub(super) task: TaskId,
    pub(super) attempt: u32,
    pub(super) stream: Stream,
    path: PathBuf,
    at: u64,
    /// A line that has no end yet.
    open: Vec<u8>,
}

impl Tail {
    pub(super) fn new(task: TaskId, attempt: u32, stream: Stream, path: PathBuf) -> Self {
        Self {
            task,
            attempt,
            stream,
            path,
            at: 0,
            open: Vec::new(),
        }
    }

    /// Calls `each` for every line that is new; whether there is more to be read at once. Opened for
    /// each look: a run may have thousands of attempts, a process not as many open files.
    ///
    /// # Errors
    /// The file cannot be read, or `each` fails.
    pub(super) fn read<E: From<io::Error>>(
        &mut self,
        mut each: impl FnMut(&Self, &[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut file = match open_regular(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        let taken = file.take(MAX_AT_ONCE).read_to_end(&mut bytes)? as u64;
        self.at += taken;
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end);
            rest = &behind[1..];
            self.open.extend_from_slice(line);
            self.emit(&mut each)?;
        }
        self.open.extend_from_slice(rest);
        while self.open.len() > MAX_LINE {
            let behind = self.open.split_off(MAX_LINE);
            self.emit(&mut each)?;
            self.open = behind;
        }
        Ok(taken == MAX_AT_ONCE)
    }

    /// The last line of a stream that has ended, if it has no end of its own.
    ///
    /// # Errors
    /// `each` fails.
    pub(super) fn finish<E>(
        &mut self,
        mut each: impl FnMut(&Self, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.open.is_empty() {
            return Ok(());
        }
        self.emit(&mut each)
    }

    fn emit<E>(&mut self, each: &mut impl FnMut(&Self, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let line = std::mem::take(&mut self.open);
        each(self, &line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(tail: &mut Tail) -> Vec<usize> {
        let mut seen = Vec::new();
        let read = tail.read(|_, line| {
            seen.push(line.len());
            io::Result::Ok(())
        });
        read.unwrap();
        seen
    }

    #[test]
    fn lines_come_whole_and_endless_ones_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.1.out");
        let mut tail = Tail::new("a".parse().unwrap(), 1, Stream::Out, path.clone());
        assert!(lines(&mut tail).is_empty(), "not there yet");
        let mut file = fs_err::File::create(path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(lines(&mut tail), [3]);
        file.write_all(b"o\n\nthree").unwrap();
        assert_eq!(lines(&mut tail), [3, 0]);
        let mut last = Vec::new();
        tail.finish(|_, line| {
            last.extend_from_slice(line);
            io::Result::Ok(())
        })
        .unwrap();
        assert_eq!(last, b"three");
        file.write_all(&vec![b'x'; MAX_LINE * 2 + 1]).unwrap();
        assert_eq!(lines(&mut tail), [MAX_LINE, MAX_LINE]);
    }
}
