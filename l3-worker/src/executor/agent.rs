//! What an agent CLI says of itself at the end of its output. Detection only: it changes no outcome.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use protocol::policy::{DeniedTool, MAX_RESULT_BYTES, denied_tools};

use crate::capture::Captured;

/// Tools that were denied to it; none where the output does not end as a result does. Read from what
/// was kept, in which no secret is left.
pub(super) fn denied(log: &Path, out: &Captured) -> Vec<DeniedTool> {
    let may_be_result = matches!(out.tail.bytes().trim_ascii_end().last(), Some(b'}' | b']'));
    match &out.log {
        Some(kept) if may_be_result && !kept.truncated => {
            let end = end_of(log, kept.bytes).unwrap_or_default();
            denied_tools(&end)
        }
        _ => Vec::new(),
    }
}

fn end_of(log: &Path, bytes: u64) -> std::io::Result<Vec<u8>> {
    let most = MAX_RESULT_BYTES as u64;
    let mut file = fs_err::File::open(log)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(most)))?;
    let mut end = Vec::new();
    file.take(most).read_to_end(&mut end)?;
    Ok(end)
}
