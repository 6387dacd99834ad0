//! What one reply comes to: results, or everything that is wrong with it.

use protocol::diagnostic::Diagnostic;
use protocol::outcome::{Failure, FailureClass};

use super::parse::{Parsed, parse};
use super::results::{Results, results};
use super::schema::Schema;
use super::task::PromptTask;
use crate::model::{ModelReply, Stop};
use crate::planner::check_end;

/// Why a reply cannot be used.
pub(super) struct Wrong {
    /// Everything that is wrong.
    pub(super) problems: Vec<Diagnostic>,
    /// Asking for better is of no use.
    pub(super) is_over: bool,
}

/// Holds a reply against everything that its task declares.
pub(super) fn judge(
    reply: &ModelReply,
    work: &PromptTask<'_>,
    schema: Option<&Schema>,
) -> Result<Results, Wrong> {
    let mend = |problems| Wrong {
        problems,
        is_over: false,
    };
    check_end(reply).map_err(|problem| Wrong {
        // A model that declined declines again, and a full context gets fuller.
        is_over: matches!(reply.stop, Stop::Refusal { .. } | Stop::ContextFull),
        problems: vec![*problem],
    })?;
    let parsed = parse(&reply.text, &work.prompt.parse).map_err(|problem| mend(vec![*problem]))?;
    let mut problems = match (&parsed, schema) {
        (Parsed::Json(value), Some(schema)) => schema.check(value),
        _ => Vec::new(),
    };
    match results(&parsed, work) {
        Ok(results) if problems.is_empty() => Ok(results),
        Ok(_) => Err(mend(problems)),
        Err(more) => {
            problems.extend(more);
            Err(mend(problems))
        }
    }
}

impl Wrong {
    /// How an attempt ends whose last reply is this, after so many rounds of repair.
    pub(super) fn failure(&self, rounds: u32) -> Failure {
        let first = self.problems.first();
        let first = first.map_or("it does not fit", |problem| problem.message.as_str());
        let more = match self.problems.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let after = match rounds {
            0 => String::new(),
            1 => " after 1 round of repair".to_owned(),
            rounds => format!(" after {rounds} rounds of repair"),
        };
        let message = format!("no answer that fits{after}: {first}{more}");
        Failure::new(FailureClass::InvalidOutput, message)
    }
}
