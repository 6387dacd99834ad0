//! A value that may hold `${{ … }}`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lex::{Stop, lex};
use super::reader::facts;
use super::reference::{ExprProblem, Reference};
use super::{MAX_EXPRESSIONS, MAX_VALUE_BYTES};

const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// A text with expressions between `${{` and `}}`. A text that is one expression and nothing else
/// keeps the expression's type; every other one is text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(Box<str>);

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Text(&'a str),
    /// The text between the delimiters and its place in the template.
    Expression {
        start: usize,
        end: usize,
    },
}

impl Template {
    /// Any text; [`Template::references`] says whether its expressions make sense.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if it holds no expression.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.has_expressions()).then_some(&*self.0)
    }

    /// Whether anything is to be evaluated.
    #[must_use]
    pub fn has_expressions(&self) -> bool {
        self.0.contains(OPEN)
    }

    /// The one reference the whole value consists of, as `${{ tasks.a.artifacts.x }}` does.
    #[must_use]
    pub fn whole_reference(&self) -> Option<Reference> {
        let mut problems = Vec::new();
        let (start, end) = self.whole()?;
        let facts = facts(&self.0, start, end, false, &mut problems);
        let [reference] = facts.references.as_slice() else {
            return None;
        };
        let written = self.0[start..end].trim();
        let named = &self.0[reference.span.start as usize..reference.span.end as usize];
        (problems.is_empty() && written == named).then(|| reference.clone())
    }

    /// Whether it is one expression and nothing else.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole().is_some()
    }

    /// Everything its expressions refer to.
    ///
    /// # Errors
    /// All problems of its expressions, in their order.
    pub fn references(&self) -> Result<Vec<Reference>, Vec<ExprProblem>> {
        if !self.has_expressions() {
            return Ok(Vec::new());
        }
        let mut problems = Vec::new();
        let mut references = Vec::new();
        if self.0.len() > MAX_VALUE_BYTES {
            let message = format!("value of {} bytes; at most {MAX_VALUE_BYTES}", self.0.len());
            problems.push(ExprProblem::new("value-too-long", message, 0, self.0.len()));
            return Err(problems);
        }
        match self.segments() {
            Err(problem) => problems.push(problem),
            Ok(segments) => {
                for segment in segments {
                    let Segment::Expression { start, end } = segment else {
                        continue;
                    };
                    let before = problems.len();
                    references.extend(facts(&self.0, start, end, false, &mut problems).references);
                    #[cfg(feature = "expr")]
                    if problems.len() == before {
                        problems.extend(super::environment::syntax_problem(&self.0, start, end));
                    }
                    #[cfg(not(feature = "expr"))]
                    let _: usize = before;
                }
            }
        }
        if problems.is_empty() {
            Ok(references)
        } else {
            Err(problems)
        }
    }

    /// Start and end of the expression, when there is nothing else.
    pub(super) fn whole(&self) -> Option<(usize, usize)> {
        let text = self.0.trim();
        if !text.starts_with(OPEN) {
            return None;
        }
        let offset = self.0.len() - self.0.trim_start().len();
        match lex(&self.0, offset + OPEN.len()).1 {
            Stop::Close(at) if at + CLOSE.len() == offset + text.len() => {
                Some((offset + OPEN.len(), at))
            }
            _ => None,
        }
    }

    /// The pieces, in order.
    pub(super) fn segments(&self) -> Result<Vec<Segment<'_>>, ExprProblem> {
        let text = &*self.0;
        let mut segments = Vec::new();
        let mut at = 0;
        let mut expressions = 0;
        while let Some(open) = text[at..].find(OPEN).map(|offset| at + offset) {
            if open > at {
                segments.push(Segment::Text(&text[at..open]));
            }
            let start = open + OPEN.len();
            let end = match lex(text, start).1 {
                Stop::Close(end) => end,
                Stop::OpenString(quote) => {
                    let message = "text without its closing quote";
                    return Err(ExprProblem::new(
                        "expression-syntax",
                        message,
                        quote,
                        text.len(),
                    ));
                }
                Stop::End => {
                    let message = "`${{` without its `}}`";
                    let problem = ExprProblem::new("expression-syntax", message, open, start);
                    return Err(problem.help("close the expression with `}}`"));
                }
            };
            expressions += 1;
            if expressions > MAX_EXPRESSIONS {
                let message = format!("more than {MAX_EXPRESSIONS} expressions in one value");
                return Err(ExprProblem::new("expression-too-long", message, open, end));
            }
            segments.push(Segment::Expression { start, end });
            at = end + CLOSE.len();
        }
        if at < text.len() {
            segments.push(Segment::Text(&text[at..]));
        }
        Ok(segments)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Target;

    #[test]
    fn literals_pay_nothing() {
        let plain = Template::new("a {{ b }} ${x}");
        assert_eq!(plain.literal(), Some("a {{ b }} ${x}"));
        assert_eq!(plain.references(), Ok(Vec::new()));
    }

    #[test]
    fn whole_values_are_told_from_text() {
        let whole = Template::new(" ${{ inputs.x }} ");
        assert_eq!(
            whole.whole_reference().unwrap().target,
            Target::Input { name: "x".into() }
        );
        assert_eq!(Template::new("a${{ inputs.x }}").whole(), None);
        assert_eq!(
            Template::new("${{ inputs.x }}${{ inputs.y }}").whole(),
            None
        );
        assert_eq!(Template::new("${{ inputs.x + 1 }}").whole_reference(), None);
        assert!(Template::new("${{ inputs.x + 1 }}").whole().is_some());
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "a=${{ inputs.x }} b=${{ tasks.y }} c=${{ inputs }}";
        let problems = Template::new(text).references().unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|p| &text[p.span.start as usize..p.span.end as usize])
            .collect();
        assert_eq!(places, ["tasks.y", "inputs"]);
    }

    #[test]
    fn unclosed_and_too_many() {
        let unclosed = Template::new("x ${{ inputs.x }").references().unwrap_err();
        assert_eq!(unclosed[0].message, "`${{` without its `}}`");
        let many = Template::new("${{ inputs.x }} ".repeat(65))
            .references()
            .unwrap_err();
        assert_eq!(many[0].message, "more than 64 expressions in one value");
    }

    #[cfg(feature = "expr")]
    #[test]
    fn grammar_is_checked_early() {
        let problems = Template::new("${{ inputs.x + }}").references().unwrap_err();
        assert_eq!(problems[0].code, "expression-syntax");
        assert!(
            Template::new("${{ {'a': {'b': inputs.x}} }}")
                .references()
                .is_ok()
        );
    }
}
