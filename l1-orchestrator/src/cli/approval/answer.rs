//! The four answers to whether a plan may run.

use std::io;

use crate::cli::confirm::{Said, ask};
use crate::cli::context::Context;

/// What a person says to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may run.
    Yes,
    /// It may not.
    No,
    /// Let me change it.
    Edit,
    /// Tell me more.
    Details,
    /// Ctrl-C: not now.
    Later,
}

impl Answer {
    /// The answer that a line means; nothing said is a no.
    fn of(line: &str) -> Option<Self> {
        match line {
            "y" | "yes" => Some(Self::Yes),
            "" | "n" | "no" => Some(Self::No),
            "e" | "edit" => Some(Self::Edit),
            "d" | "details" => Some(Self::Details),
            _ => None,
        }
    }
}

/// Asks until an answer is one; the end of input is a no.
pub(super) fn answer(context: &Context, question: &str) -> io::Result<Answer> {
    loop {
        let line = match ask(context, &format!("{question} [y/N/e/d]"))? {
            Said::Line(line) => line,
            Said::End => return Ok(Answer::No),
            Said::Interrupted => return Ok(Answer::Later),
        };
        if let Some(answer) = Answer::of(&line) {
            return Ok(answer);
        }
        let words = "y runs it, n does not, e edits the scenario, d shows every task";
        context.ui.say(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_is_a_yes() {
        assert_eq!(Answer::of("y"), Some(Answer::Yes));
        assert_eq!(Answer::of("yes"), Some(Answer::Yes));
        assert_eq!(Answer::of(""), Some(Answer::No));
        assert_eq!(Answer::of("no"), Some(Answer::No));
        for line in ["yy", "yes please", "ok", "j", "1"] {
            assert_eq!(Answer::of(line), None, "{line}");
        }
        assert_eq!(Answer::of("d"), Some(Answer::Details));
        assert_eq!(Answer::of("edit"), Some(Answer::Edit));
    }
}
