//! A question with two answers, asked only where a person can give one.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use super::context::Context;

/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 1024;

/// Whether somebody is there to ask: both what is read and what is asked on are terminals.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and takes nothing but `y` or `yes` for a yes; the end of input is a no.
///
/// # Errors
/// The terminal cannot be read.
pub fn confirm(context: &Context, question: &str) -> io::Result<bool> {
    context.ui.say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let mut input = io::stdin().lock().take(MAX_ANSWER);
    input.read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(
            ["y\n", "Y", " yes\r\n", "YES"]
                .iter()
                .all(|text| is_yes(text))
        );
        assert!(
            ["", "\n", "n", "yy", "ye", "no"]
                .iter()
                .all(|text| !is_yes(text))
        );
    }
}
