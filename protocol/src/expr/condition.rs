//! The condition of `if:`: one expression, without delimiters.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Gate;
use super::reader::{Facts, facts};
use super::reference::{ExprProblem, Reference};
use super::template::Template;

/// An expression that must come out true or false.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(Box<str>);

impl Condition {
    /// Any text; `${{ … }}` around the whole of it is taken off.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let template = Template::new(text);
        let (start, end) = template.whole().unwrap_or((0, text.len()));
        Self(text[start..end].trim().into())
    }

    /// The expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says about failures.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let facts = self.facts(&mut Vec::new());
        match (facts.always, facts.failure, facts.branches) {
            (false, false, _) => Gate::Default,
            (false, true, false) => Gate::Failure,
            _ => Gate::Always,
        }
    }

    /// Whether there is nothing left to evaluate once the gate lets it through.
    #[must_use]
    pub fn is_gate_only(&self) -> bool {
        matches!(&*self.0, "always()" | "failure()")
    }

    /// Everything it refers to.
    ///
    /// # Errors
    /// All problems of the expression.
    pub fn references(&self) -> Result<Vec<Reference>, Vec<ExprProblem>> {
        let mut problems = Vec::new();
        if let Some(at) = self.0.find("${{") {
            let problem = ExprProblem::new("expression-syntax", "`${{` within `if`", at, at + 3);
            return Err(vec![
                problem.help("`if` is an expression already; drop the delimiters"),
            ]);
        }
        let facts = self.facts(&mut problems);
        #[cfg(feature = "expr")]
        if problems.is_empty() {
            problems.extend(super::environment::syntax_problem(&self.0, 0, self.0.len()));
        }
        if problems.is_empty() {
            Ok(facts.references)
        } else {
            Err(problems)
        }
    }

    /// Whether it refers to nothing, so that it comes out the same in every run.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        let mut problems = Vec::new();
        let facts = self.facts(&mut problems);
        problems.is_empty() && facts.references.is_empty() && !facts.always && !facts.failure
    }

    fn facts(&self, problems: &mut Vec<ExprProblem>) -> Facts {
        facts(&self.0, 0, self.0.len(), true, problems)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_around_the_whole_are_taken_off() {
        assert_eq!(
            Condition::new("${{ inputs.x > 1 }}").as_str(),
            "inputs.x > 1"
        );
        let inside = Condition::new("${{ inputs.x }} > 1")
            .references()
            .unwrap_err();
        assert_eq!(
            inside[0].help.as_deref(),
            Some("`if` is an expression already; drop the delimiters")
        );
    }

    #[test]
    fn gates() {
        let cases = [
            ("inputs.x == 1", Gate::Default),
            ("always()", Gate::Always),
            ("always() and inputs.x", Gate::Always),
            ("failure()", Gate::Failure),
            ("failure() and inputs.x", Gate::Failure),
            ("failure() or inputs.x", Gate::Always),
            ("not failure()", Gate::Always),
            ("always() or failure()", Gate::Always),
            ("'failure()' in inputs.x", Gate::Default),
        ];
        for (text, gate) in cases {
            assert_eq!(Condition::new(text).gate(), gate, "{text}");
        }
    }
}
