//! Rules against the command lines that their authors wrote beside them.

use super::admission::{Ruling, is_privileged_program};
use super::effective::Policy;
use super::pack::Pack;
use super::pattern::matches;
use super::place::Site;
use super::rule::ProgramRule;

/// One command line beside a rule, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleResult {
    /// The rule's program.
    pub program: String,
    /// The command line.
    pub line: String,
    /// Whether it is to pass.
    pub expected: bool,
    /// Whether it passes.
    pub passes: bool,
    /// What is wrong, if anything is.
    pub problem: Option<String>,
}

impl Pack {
    /// Holds every rule against its examples, in the order of the rules.
    #[must_use]
    pub fn test(&self) -> Vec<ExampleResult> {
        let policy = Policy::of_pack(self);
        let mut results = Vec::new();
        for rule in self.terms.programs.iter().flatten() {
            for (lines, expected) in [
                (&rule.examples.matching, true),
                (&rule.examples.no_match, false),
            ] {
                results.extend(
                    lines
                        .iter()
                        .map(|line| example(&policy, rule, line, expected)),
                );
            }
        }
        results
    }
}

fn example(policy: &Policy, rule: &ProgramRule, line: &str, expected: bool) -> ExampleResult {
    let (passes, problem) = match judged(policy, rule, line) {
        Ok(ruling) => {
            let passes = ruling == Ruling::Allowed;
            let said = match ruling {
                Ruling::Allowed => "the rule lets it pass".to_owned(),
                Ruling::Arguments {
                    denied_by: Some(pattern),
                    ..
                } => format!("`{pattern}` denies it"),
                Ruling::Arguments { .. } => "no pattern allows it".to_owned(),
                _ => "the rule does not let it pass".to_owned(),
            };
            (passes, (passes != expected).then_some(said))
        }
        Err(problem) => (false, Some(problem)),
    };
    ExampleResult {
        program: rule.program.clone(),
        line: line.to_owned(),
        expected,
        passes,
        problem,
    }
}

/// What the pack says of the program that a line starts, and nothing of those within it.
fn judged(policy: &Policy, rule: &ProgramRule, line: &str) -> Result<Ruling, String> {
    let words = words(line).ok_or("a quote is left open")?;
    let program = words.first().ok_or("there is no program in it")?;
    let name = program.rsplit('/').next().unwrap_or_default();
    let is_own = matches(&rule.program, name) || matches(&rule.program, program);
    if !is_own || is_privileged_program(name) {
        return Err(format!(
            "it starts `{program}`, which is no matter of this rule"
        ));
    }
    let argv: Vec<_> = words.iter().map(|word| Some(word.as_str())).collect();
    let admission = policy.admit(&argv, None, &Site::default());
    let first = admission.programs.into_iter().next();
    Ok(first.map_or(Ruling::Missing, |first| first.ruling))
}

/// A line as words: blanks separate, quotes hold together, `\` takes the next character as it is. `None`
/// if a quote is left open.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('"') | None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
