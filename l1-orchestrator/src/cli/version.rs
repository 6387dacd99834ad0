//! `orchestra version`

use serde_json::json;

use super::context::Context;
use super::error::CliError;
use crate::exit_code;

pub(super) fn version(context: &Context) -> Result<u8, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    let shown = context.redact.version(version);
    let json = json!({
        "schema": "orchestra.version/v1",
        "orchestra": version,
        "journal": protocol::event::JOURNAL_VERSION,
        "messages": protocol::message::MESSAGE_VERSION,
    });
    context.answer(|| format!("orchestra {shown}\n"), json)?;
    Ok(exit_code::OK)
}
