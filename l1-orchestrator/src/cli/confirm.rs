//! Questions, asked only where a person can answer them.

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
    let answer = ask(context, &format!("{question} [y/N]"))?;
    Ok(answer.is_some_and(|text| is_yes(&text)))
}

/// Asks for one line, without what is around its words; none at the end of input.
///
/// # Errors
/// The terminal cannot be read.
pub fn ask(context: &Context, question: &str) -> io::Result<Option<String>> {
    context.ui.say(question);
    let mut answer = String::new();
    let mut input = io::stdin().lock().take(MAX_ANSWER);
    let read = input.read_line(&mut answer)?;
    Ok((read > 0).then(|| answer.trim().to_ascii_lowercase()))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer, "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(["y", "yes"].iter().all(|text| is_yes(text)));
        assert!(["", "n", "yy", "ye", "no"].iter().all(|text| !is_yes(text)));
    }
}
