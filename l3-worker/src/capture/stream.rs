//! One output stream of one attempt: filtered, kept up to a bound, hashed while written.
//!
//! The file appears with the first byte, so that silent attempts cost no file. Logs are not
//! synced: the journal carries their digest, and a log lost in a power cut is reported as such.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::digest::Hasher;
use protocol::event::LogRef;

use super::filter::ByteFilter;
use super::tail::Tail;

/// Collects one stream.
pub(crate) struct Stream {
    path: PathBuf,
    file: Option<fs_err::File>,
    hasher: Hasher,
    kept: u64,
    limit: u64,
    truncated: bool,
    tail: Tail,
    filter: Box<dyn ByteFilter>,
    settled: Vec<u8>,
    /// The disk refused once; nothing is stored any more.
    refused: bool,
}

/// What is left of a stream once it is over.
#[derive(Default)]
pub(crate) struct Captured {
    /// Absent when nothing was kept; then there is no file either.
    pub(crate) log: Option<LogRef>,
    /// Its end, past the bound as well.
    pub(crate) tail: Tail,
}

impl Stream {
    pub(crate) fn new(path: PathBuf, limit: u64, filter: Box<dyn ByteFilter>) -> Self {
        Self {
            path,
            file: None,
            hasher: Hasher::new(),
            kept: 0,
            limit,
            truncated: false,
            tail: Tail::default(),
            filter,
            settled: Vec::new(),
            refused: false,
        }
    }

    /// Takes the next chunk; returns what may be shown of it.
    ///
    /// # Errors
    /// The log cannot be written; the file holds what was kept before, or is gone.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> io::Result<&[u8]> {
        self.settled.clear();
        self.filter.push(chunk, &mut self.settled);
        self.store()?;
        Ok(&self.settled)
    }

    /// Ends the stream: what is left of it, and why the last of it is not, if it is not. `show` is
    /// given what was held back.
    pub(crate) fn finish(mut self, show: impl FnOnce(&[u8])) -> (Captured, Option<io::Error>) {
        self.settled.clear();
        self.filter.finish(&mut self.settled);
        show(&self.settled);
        let refused = self.store().err();
        let log = (self.kept > 0).then(|| LogRef {
            bytes: self.kept,
            sha256: self.hasher.finish(),
            truncated: self.truncated,
        });
        let tail = self.tail;
        (Captured { log, tail }, refused)
    }

    fn store(&mut self) -> io::Result<()> {
        let room = usize::try_from(self.limit - self.kept).unwrap_or(usize::MAX);
        let keep = &self.settled[..self.settled.len().min(room)];
        self.tail.push(&self.settled);
        self.truncated |= keep.len() < self.settled.len();
        if self.refused {
            self.truncated |= !keep.is_empty();
            return Ok(());
        }
        if keep.is_empty() {
            return Ok(());
        }
        let written = Self::write(&mut self.file, &self.path, keep);
        if let Err(error) = written {
            self.refused = true;
            self.truncated = true;
            self.cut_back();
            return Err(error);
        }
        self.hasher.update(keep);
        self.kept += keep.len() as u64;
        Ok(())
    }

    fn write(file: &mut Option<fs_err::File>, path: &Path, keep: &[u8]) -> io::Result<()> {
        let file = match file {
            Some(file) => file,
            // A log of an attempt that a crash cut short is written anew.
            empty => empty.insert(fs_err::File::create(path)?),
        };
        file.write_all(keep)
    }

    /// After a failed write: the file holds what its digest says, or is not there.
    fn cut_back(&mut self) {
        let Some(file) = self.file.take() else { return };
        let cut = if self.kept > 0 {
            file.set_len(self.kept)
        } else {
            fs_err::remove_file(&self.path)
        };
        if let Err(error) = cut {
            tracing::warn!(%error, "an unfinished log stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::digest::Digest;

    use super::*;
    use crate::capture::Identity;

    /// Hides one word, holding back what could be its beginning.
    struct Hide(&'static [u8], Vec<u8>);

    impl ByteFilter for Hide {
        fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
            for &byte in chunk {
                self.1.push(byte);
                while !self.0.starts_with(&self.1) {
                    out.push(self.1.remove(0));
                }
                if self.1 == self.0 {
                    out.extend_from_slice(b"***");
                    self.1.clear();
                }
            }
        }

        fn finish(&mut self, out: &mut Vec<u8>) {
            out.append(&mut self.1);
        }
    }

    fn stream(limit: u64, filter: Box<dyn ByteFilter>) -> (tempfile::TempDir, Stream) {
        let dir = tempfile::tempdir().unwrap();
        let stream = Stream::new(dir.path().join("log"), limit, filter);
        (dir, stream)
    }

    #[test]
    fn keeps_up_to_the_bound_and_remembers_the_end() {
        let (dir, mut stream) = stream(10, Box::new(Identity));
        for chunk in [b"12345".as_slice(), b"6789", b"abcdef", b"last\n"] {
            stream.take(chunk).unwrap();
        }
        let (captured, refused) = stream.finish(|_| ());
        assert!(refused.is_none());
        let kept = fs_err::read(dir.path().join("log")).unwrap();
        assert_eq!(kept, b"123456789a");
        let log = LogRef {
            bytes: 10,
            sha256: Digest::of(&kept),
            truncated: true,
        };
        assert_eq!(captured.log, Some(log));
        assert_eq!(captured.tail.render(), "123456789abcdeflast");
    }

    #[test]
    fn silence_leaves_no_file() {
        let (dir, stream) = stream(10, Box::new(Identity));
        let (captured, _) = stream.finish(|_| ());
        assert_eq!(
            (captured.log, captured.tail.render()),
            (None, String::new())
        );
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_that_takes_nothing_leaves_no_file() {
        let (dir, mut stream) = stream(10, Box::new(Identity));
        let log = dir.path().join("log");
        fs_err::os::unix::fs::symlink("/dev/full", &log).unwrap();
        let error = stream.take(b"12345").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(stream.take(b"6789").unwrap(), b"6789");
        let (captured, refused) = stream.finish(|_| ());
        assert!(refused.is_none(), "said once");
        assert_eq!(captured.log, None);
        assert_eq!(captured.tail.render(), "123456789");
        assert!(fs_err::symlink_metadata(log).is_err(), "no file stays");
    }

    #[test]
    fn a_filter_sees_across_chunks() {
        let (dir, mut stream) = stream(1000, Box::new(Hide(b"secret", Vec::new())));
        assert_eq!(stream.take(b"a sec").unwrap(), b"a ");
        assert_eq!(stream.take(b"ret b se").unwrap(), b"*** b ");
        let mut last = Vec::new();
        let (captured, _) = stream.finish(|rest| last.extend_from_slice(rest));
        assert_eq!(last, b"se");
        assert_eq!(fs_err::read(dir.path().join("log")).unwrap(), b"a *** b se");
        assert_eq!(captured.tail.render(), "a *** b se");
    }
}
