//! The user's key as a file: made at first need, whole or not at all, one even when two processes
//! need it first at the same time.
//!
//! Where it lives is told by the caller; home directories are not known here.

use std::fs::DirBuilder;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use protocol::seal::{InvalidKey, MAX_KEY_BYTES, UserKey};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

use crate::journal::sync_dir;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file or its directory cannot be read or made.
    #[error("user key cannot be read or made")]
    Io(#[from] io::Error),
    /// Others can read it, so it may not be the user's alone.
    #[error("{} has mode {mode:04o}; a key must be readable by its owner alone (chmod 600)", path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others can replace it.
    #[error("{} has mode {mode:04o}; others could replace the key in it (chmod 700)", path.display())]
    ExposedDir {
        /// The directory of the key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} is damaged; move it away to have a new one made", path.display())]
    Garbage {
        /// The key.
        path: PathBuf,
        /// What is wrong, without its content.
        #[source]
        source: InvalidKey,
    },
    /// The system has no random bytes.
    #[error("no randomness for a new key")]
    Randomness(#[source] rand::rand_core::OsError),
}

/// The key at `path`, made now when there is none, with its directory (0700).
///
/// # Errors
/// See [`KeyError`]; a key that is there is never replaced.
pub fn load_or_create_key(path: &Path) -> Result<UserKey, KeyError> {
    if let Some(key) = load_key(path)? {
        return Ok(key);
    }
    create(path)?;
    // Ours or that of whoever was faster: what is at the path now counts.
    load_key(path)?.ok_or_else(|| KeyError::Io(io::ErrorKind::NotFound.into()))
}

/// The key at `path`, if there is one.
///
/// # Errors
/// See [`KeyError`].
pub fn load_key(path: &Path) -> Result<Option<UserKey>, KeyError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let dir = directory_of(path);
    let mode = fs_err::metadata(dir)?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(KeyError::ExposedDir {
            path: dir.to_owned(),
            mode,
        });
    }
    let garbage = |source| KeyError::Garbage {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    file.take(MAX_KEY_BYTES).read_to_end(&mut bytes)?;
    // Anything that is no text is no key; the empty text says so as well as any.
    let text = String::from_utf8(bytes).unwrap_or_default();
    UserKey::from_file_text(&text).map(Some).map_err(garbage)
}

/// Puts a new key at `path` unless one is there. The name appears only when the content is whole
/// and synced, because it is a link to a finished file.
fn create(path: &Path) -> Result<(), KeyError> {
    let dir = directory_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut seed = [0; 32];
    OsRng
        .try_fill_bytes(&mut seed)
        .map_err(KeyError::Randomness)?;
    let nonce = OsRng.try_next_u64().map_err(KeyError::Randomness)?;
    let temporary = dir.join(format!(".new-key.{nonce:016x}"));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let text = UserKey::from_seed(seed).to_file_text();
    let linked = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs_err::hard_link(&temporary, path));
    fs_err::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(sync_dir(dir)?),
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}
