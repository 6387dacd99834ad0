//! From a pack's name or file to the policy that it says.

use protocol::policy::{Pack, ParsedPack, ParsedTightening, Policy, Tightening, builtin_pack};
use protocol::policy::{parse_pack, parse_tightening};
use protocol::source::SourceFile;

use super::find::{PackPlace, find, read};
use crate::cli::error::CliError;

/// The policy of a pack, with what it is built on.
///
/// # Errors
/// There is no such pack, or something is wrong with it.
pub fn load(word: &str) -> Result<Policy, CliError> {
    Ok(Policy::from_pack(&load_pack(word)?))
}

/// A pack as it is written.
///
/// # Errors
/// There is no such pack, or something is wrong with it.
pub fn load_pack(word: &str) -> Result<Pack, CliError> {
    let ParsedPack {
        pack,
        diagnostics,
        source,
    } = match find(word)? {
        PackPlace::BuiltIn(name) => {
            let text = builtin_pack(name).unwrap_or_default();
            parse_pack(&format!("{name} (built in)"), text.as_bytes())
        }
        PackPlace::File(path) => {
            let file = read(&path)?;
            parse_pack(file.name(), file.text().as_bytes())
        }
    };
    pack.ok_or_else(|| CliError::problems(source, diagnostics))
}

/// What the `policy` map of a settings file takes away; none where there is no such map.
///
/// # Errors
/// Something is wrong with it.
pub fn narrowing(file: &SourceFile) -> Result<Option<Tightening>, CliError> {
    let ParsedTightening {
        tightening,
        diagnostics,
        source,
    } = parse_tightening(file.name(), file.text().as_bytes());
    let is_wrong = diagnostics
        .iter()
        .any(|found| found.severity == protocol::diagnostic::Severity::Error);
    match is_wrong {
        true => Err(CliError::problems(source, diagnostics)),
        false => Ok(tightening),
    }
}
