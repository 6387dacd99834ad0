//! `orchestra completions`

use clap_complete::{Shell, generate};
use serde_json::json;

use super::args::{Completions, ShellName};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;

pub(super) fn completions(context: &Context, args: &Completions) -> Result<u8, CliError> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
        ShellName::Elvish => Shell::Elvish,
        ShellName::Powershell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    generate(shell, &mut super::tree(), "orchestra", &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| CliError::internal("a completion script is no text").because(error))?;
    let json = json!({
        "schema": "orchestra.completions/v1",
        "shell": shell.to_string(),
        "script": script,
    });
    context.answer(|| script.clone(), json)?;
    Ok(exit_code::OK)
}
