//! Bytes of unknown origin to text, bounded before anything looks inside.

use crate::diagnostic::Diagnostic;
use crate::source::{SourceFile, Span};

/// Bytes of a scenario: four times the largest that the floors are measured with.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of one line; a script or a value that long belongs in a file.
pub(super) const MAX_LINE_BYTES: usize = 256 * 1024;

/// The text of a scenario file, without a UTF-8 byte order mark, or why there is none. The source
/// is there either way, for excerpts.
pub(super) fn read(name: &str, bytes: &[u8]) -> (SourceFile, Option<Diagnostic>) {
    if bytes.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes; at most {MAX_BYTES} are read",
            bytes.len()
        );
        let problem = Diagnostic::error("file-too-big", message);
        return (
            SourceFile::new(name, ""),
            Some(problem.help("split the scenario")),
        );
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let problem = Diagnostic::error("not-utf8", "the file is UTF-16");
        return (
            SourceFile::new(name, ""),
            Some(problem.help("save it as UTF-8")),
        );
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = narrow(error.valid_up_to());
            // The replacement character that stands there in the lossy text has three bytes.
            let problem = Diagnostic::error("not-utf8", "bytes that are not UTF-8")
                .at(Span::new(at, at + 3))
                .help("save the file as UTF-8");
            return (
                SourceFile::new(name, String::from_utf8_lossy(bytes)),
                Some(problem),
            );
        }
    };
    let problem = control(text).or_else(|| long_line(text));
    (SourceFile::new(name, text), problem)
}

fn control(text: &str) -> Option<Diagnostic> {
    let refused = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0x7f;
    let at = text.bytes().position(refused)?;
    let span = Span::new(narrow(at), narrow(at + 1));
    let problem = match text.as_bytes()[at] {
        0 => Diagnostic::error("nul-byte", "a NUL character").at(span),
        byte => Diagnostic::error(
            "control-character",
            format!("the control character {byte:#04x}"),
        )
        .at(span),
    };
    Some(problem.help("remove it; in a double-quoted value write it as an escape"))
}

fn long_line(text: &str) -> Option<Diagnostic> {
    let mut start = 0;
    for line in text.split('\n') {
        if line.len() > MAX_LINE_BYTES {
            let message = format!("a line of {} bytes; at most {MAX_LINE_BYTES}", line.len());
            let span = Span::new(narrow(start), narrow(start + line.len()));
            return Some(
                Diagnostic::error("line-too-long", message)
                    .at(span)
                    .help("put long text into a file and stage it, or break the line"),
            );
        }
        start += line.len() + 1;
    }
    None
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
