//! The journal on disk: `events.jsonl`, its reserve and its torn ends, all in one run directory.

use std::fs::Metadata;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use protocol::run_dir;
use rustix::fs::FallocateFlags;

use super::durable::sync_dir;
use super::storage::{AppendError, Storage};

/// Bytes held back for the last words of a run on a full disk: a `run.paused` line and what the
/// filesystem needs to place it.
const RESERVE_BYTES: u64 = 64 * 1024;

/// Most torn ends kept for one run; a journal damaged more often needs a person.
const MAX_TORN_FILES: u32 = 1000;

/// The journal of one run directory.
///
/// The file is its lines and nothing else, so its end is not filled with zeros in advance, though
/// syncing into such space takes half the time; space allocated beyond the end (measured: 115 µs a
/// synced append with it, 116 µs without) gains nothing.
#[derive(Debug)]
pub struct FileStorage {
    dir: PathBuf,
    file: File,
}

impl FileStorage {
    /// Makes the empty journal of a new run; its directory entry is synced.
    ///
    /// # Errors
    /// There is a journal already, or the directory cannot be written.
    pub fn create(dir: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true);
        let file = options.open(dir.join(run_dir::EVENTS))?;
        sync_dir(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            file,
        })
    }

    /// Opens the journal of an existing run for reading and appending.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(dir.join(run_dir::EVENTS))?;
        Ok(Self {
            dir: dir.to_owned(),
            file,
        })
    }

    /// What is synced into a file that nobody can find again is no record.
    fn check_in_place(&self) -> io::Result<()> {
        let held = self.file.metadata()?;
        let named = fs_err::metadata(self.dir.join(run_dir::EVENTS));
        let same = |named: Metadata| (named.dev(), named.ino()) == (held.dev(), held.ino());
        match named.map(same) {
            Ok(true) => Ok(()),
            Ok(false) => Err(gone("replaced")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone("removed")),
            Err(error) => Err(error),
        }
    }

    fn reserve(&self) -> PathBuf {
        self.dir.join(run_dir::RESERVE)
    }

    fn new_torn_file(&self) -> io::Result<(String, File)> {
        for n in 1..=MAX_TORN_FILES {
            let name = format!("{}.{n}", run_dir::TORN_PREFIX);
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(self.dir.join(&name))
            {
                Ok(file) => return Ok((name, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!(
            "{MAX_TORN_FILES} torn ends are kept already"
        )))
    }
}

fn gone(how: &str) -> io::Error {
    let message = format!("{} was {how} while the run was driven", run_dir::EVENTS);
    io::Error::new(io::ErrorKind::NotFound, message)
}

impl Storage for FileStorage {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn reader(&self) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(File::open(self.dir.join(run_dir::EVENTS))?))
    }

    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let mut file = self.file.file();
        let mut written = 0;
        while written < bytes.len() {
            let source = match file.write(&bytes[written..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                // A short write is no error yet: the next one takes the rest or says why not.
                Ok(n) => {
                    written += n;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(AppendError {
                written,
                wanted: bytes.len(),
                source,
            });
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
        self.check_in_place()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn set_aside(&self, from: u64) -> io::Result<String> {
        let mut source = File::open(self.dir.join(run_dir::EVENTS))?;
        source.seek(io::SeekFrom::Start(from))?;
        let (name, mut copy) = self.new_torn_file()?;
        let copied = io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all());
        if let Err(error) = copied {
            // Half a copy is worth nothing: the original is still where it was.
            fs_err::remove_file(self.dir.join(&name))?;
            return Err(error);
        }
        sync_dir(&self.dir)?;
        Ok(name)
    }

    fn hold_reserve(&self) -> io::Result<()> {
        let path = self.reserve();
        let held = fs_err::metadata(&path).is_ok_and(|found| found.len() == RESERVE_BYTES);
        if held {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        let allocated =
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
                // Filesystems that cannot allocate in advance get plain zeros.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                    io::copy(&mut io::repeat(0).take(RESERVE_BYTES), &mut file).map(|_| ())
                }
                other => other.map_err(io::Error::from),
            };
        if let Err(error) = allocated.and_then(|()| file.sync_all()) {
            fs_err::remove_file(&path)?;
            return Err(error);
        }
        Ok(())
    }

    fn drop_reserve(&self) -> io::Result<()> {
        match fs_err::remove_file(self.reserve()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            // Some filesystems free the blocks of a removed file only once its removal is synced.
            _ => sync_dir(&self.dir),
        }
    }
}
