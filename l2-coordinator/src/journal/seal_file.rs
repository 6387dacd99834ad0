//! `seal.json`: written once the journal is synced to its last event, read by whoever verifies.

use std::io::{self, Read as _};
use std::path::Path;

use protocol::run_dir;
use protocol::seal::{MAX_SEAL_BYTES, Seal};

use super::durable::write_durably;

/// Why a seal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SealFileError {
    /// The file cannot be read.
    #[error("seal cannot be read")]
    Io(#[from] io::Error),
    /// It is larger than any seal.
    #[error("seal is larger than {MAX_SEAL_BYTES} bytes")]
    TooLarge,
    /// It is not the JSON of a seal.
    #[error("seal is not understood")]
    Json(#[source] serde_json::Error),
}

/// Writes a run's seal durably.
///
/// # Errors
/// The disk fails or is full; the run stays without a seal.
pub fn write_seal(dir: &Path, seal: &Seal) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(seal)?;
    text.push(b'\n');
    write_durably(&dir.join(run_dir::SEAL), &text)
}

/// Reads a run's seal; `None` when it has none. Its signature is not looked at.
///
/// # Errors
/// There is one that cannot be read.
pub fn read_seal(dir: &Path) -> Result<Option<Seal>, SealFileError> {
    let file = match fs_err::File::open(dir.join(run_dir::SEAL)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SEAL_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SEAL_BYTES {
        return Err(SealFileError::TooLarge);
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(SealFileError::Json)
}
