//! `orchestra completions` as typed.

use clap::{Args, ValueEnum};

use super::shared::Output;

/// `orchestra completions`
///
/// Prints a script that completes verbs, flags and their values.
#[derive(Args, Debug)]
#[command(about = "Print a completion script for your shell")]
#[command(after_help = "\
Where it goes:
  bash        ~/.local/share/bash-completion/completions/orchestra
  zsh         _orchestra in a folder of $fpath
  fish        ~/.config/fish/completions/orchestra.fish
  elvish      a file that ~/.config/elvish/rc.elv reads
  powershell  a file that $PROFILE reads

Examples:
  orchestra completions bash")]
pub struct Completions {
    /// Your shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: ShellName,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// Shells that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
    /// Elvish
    Elvish,
    /// PowerShell
    Powershell,
}
