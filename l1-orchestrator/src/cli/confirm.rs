//! Questions, asked only where a person can answer them.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::context::Context;

/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 1024;

/// Whether somebody is there to ask: both what is read and what is asked on are terminals.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and takes nothing but `y` or `yes` for a yes; the end of input and Ctrl-C are a no.
///
/// # Errors
/// The terminal cannot be read.
pub fn confirm(context: &Context, question: &str) -> io::Result<bool> {
    let answer = ask(context, &format!("{question} [y/N]"))?;
    Ok(matches!(answer, Said::Line(text) if is_yes(&text)))
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// One line, without what is around its words.
    Line(String),
    /// The end of input.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// Asks for one line, and is still there after Ctrl-C to say what becomes of what it asked about.
///
/// # Errors
/// The terminal cannot be read.
pub fn ask(context: &Context, question: &str) -> io::Result<Said> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    context.ui.say(question);
    let (tell, told) = oneshot::channel();
    // Left to itself after Ctrl-C: a read of a terminal is not taken back, and the process ends.
    let reader = std::thread::Builder::new().name("answer".into());
    reader.spawn(move || drop(tell.send(line())))?;
    let said = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = interrupt.recv() => Ok(Said::Interrupted),
            line = told => line.unwrap_or(Ok(Said::End)),
        }
    });
    if matches!(said, Ok(Said::Interrupted)) {
        // Past what the terminal shows of the key.
        context.ui.say("");
    }
    said
}

fn line() -> io::Result<Said> {
    let mut answer = String::new();
    let mut input = io::stdin().lock().take(MAX_ANSWER);
    Ok(match input.read_line(&mut answer)? {
        0 => Said::End,
        _ => Said::Line(answer.trim().to_ascii_lowercase()),
    })
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
