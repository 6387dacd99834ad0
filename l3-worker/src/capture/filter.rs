//! The seam where secrets are taken out of output before anything stores or shows it.

/// A streaming rewrite of one output stream. What spans two chunks is the filter's to hold back:
/// bytes it is unsure of stay inside until the next call decides.
pub trait ByteFilter: Send {
    /// Takes the next chunk and appends to `out` what is settled.
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>);
    /// No more chunks follow: appends what was held back.
    fn finish(&mut self, out: &mut Vec<u8>);
}

/// Passes everything on: no secrets are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl ByteFilter for Identity {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(chunk);
    }

    fn finish(&mut self, _out: &mut Vec<u8>) {}
}
