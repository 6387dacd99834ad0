//! Reads one expression without evaluating it: names, functions, filters, and whether it is small
//! enough to be handed to the template engine at all.

use crate::nearest::nearest;

use super::MAX_EXPRESSION_BYTES;
use super::lex::{Kind, Stop, Token, lex};
use super::reference::{ExprProblem, Reference, Target, span, target};
use super::{slips, status_words};

/// Filters an expression may use; each bounds its own result.
pub(super) const FILTERS: &[&str] = &[
    "abs", "bool", "count", "d", "default", "first", "int", "join", "last", "length", "list",
    "lower", "max", "min", "replace", "reverse", "sort", "split", "string", "sum", "title", "trim",
    "unique", "upper",
];

/// Tests an expression may use after `is`.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "ge",
    "gt",
    "in",
    "integer",
    "le",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

const KEYWORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
];

/// Words and signs of one expression.
const MAX_TOKENS: usize = 256;
/// Brackets in each other.
const MAX_DEPTH: usize = 12;
/// Operators that may stand in front of each other without brackets.
const MAX_PREFIXES: usize = 32;

/// What one expression says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) references: Vec<Reference>,
    pub(super) always: bool,
    pub(super) failure: bool,
    /// Anything that keeps a `failure()` from being a plain conjunct.
    pub(super) branches: bool,
}

/// Lists the references of `source[start..end]`, adding problems as they are found.
pub(super) fn facts(
    source: &str,
    start: usize,
    end: usize,
    functions_allowed: bool,
    problems: &mut Vec<ExprProblem>,
) -> Facts {
    let text = &source[..end];
    if end - start > MAX_EXPRESSION_BYTES {
        problems.push(ExprProblem::new(
            "expression-too-long",
            format!(
                "expression of {} bytes; at most {MAX_EXPRESSION_BYTES} are allowed",
                end - start
            ),
            start,
            end,
        ));
        return Facts::default();
    }
    if text[start..].trim().is_empty() {
        problems.push(ExprProblem::new(
            "expression-syntax",
            "empty expression",
            start,
            end,
        ));
        return Facts::default();
    }
    let (tokens, stop) = lex(text, start);
    if let Stop::OpenString(at) = stop {
        problems.push(ExprProblem::new(
            "expression-syntax",
            "text without its closing quote",
            at,
            end,
        ));
        return Facts::default();
    }
    let mut reader = Reader {
        source: text,
        tokens: &tokens,
        functions_allowed,
        problems,
        facts: Facts::default(),
    };
    reader.read();
    reader.facts
}

struct Reader<'a> {
    source: &'a str,
    tokens: &'a [Token],
    functions_allowed: bool,
    problems: &'a mut Vec<ExprProblem>,
    facts: Facts,
}

impl Reader<'_> {
    fn text(&self, index: usize) -> &str {
        self.tokens
            .get(index)
            .map_or("", |token| token.text(self.source))
    }

    fn read(&mut self) {
        if let Some(what) = self.too_deep() {
            let (first, last) = (self.tokens[0], self.tokens[self.tokens.len() - 1]);
            let message = format!("an expression with {what}");
            let problem = ExprProblem::new("expression-too-long", message, first.start, last.end);
            self.problems
                .push(problem.help("compute it in a task, and pass the result as an output"));
            return;
        }
        let mut index = 0;
        while let Some(&token) = self.tokens.get(index) {
            let step = match token.kind {
                Kind::Name => self.name(index),
                Kind::Literal => 1,
                Kind::Op => self.operator(index),
            };
            index += step;
        }
    }

    /// What would make the template engine recurse further than a thread's stack allows.
    fn too_deep(&self) -> Option<String> {
        let (mut open, mut deepest, mut prefixes) = (0_usize, 0, 0);
        for token in self.tokens {
            match token.text(self.source) {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                "not" | "-" | "+" | "if" | "**" => prefixes += 1,
                _ => {}
            }
            deepest = deepest.max(open);
        }
        if self.tokens.len() > MAX_TOKENS {
            return Some(format!("more than {MAX_TOKENS} words and signs"));
        }
        if deepest > MAX_DEPTH {
            return Some(format!("more than {MAX_DEPTH} brackets in each other"));
        }
        (prefixes > MAX_PREFIXES)
            .then(|| format!("more than {MAX_PREFIXES} of `not`, `-`, `+`, `if`"))
    }

    /// Reads the sign at `index`; returns how many tokens it took.
    fn operator(&mut self, index: usize) -> usize {
        let token = self.tokens[index];
        let op = token.text(self.source);
        self.facts.branches |= matches!(op, "==" | "!=");
        // The template engine's product repeats texts and lists, by factors of millions.
        if op.starts_with('*') {
            let message = format!("there is no `{op}` in expressions");
            let problem = ExprProblem::new("expression-name", message, token.start, token.end);
            self.problems
                .push(problem.help("compute products in a task, and pass them as outputs"));
        } else if let Some(fix) = self.pair(index) {
            self.slip(token.start, self.tokens[index + 1].end, fix);
            return 2;
        } else if let Some(fix) = slips::of_sign(op).filter(|_| !self.names_argument(index)) {
            self.slip(token.start, token.end, fix);
        }
        1
    }

    /// The fix of the two signs at `index`, if they are one sign in other languages.
    fn pair(&self, index: usize) -> Option<&'static str> {
        let (first, second) = (self.tokens.get(index)?, self.tokens.get(index + 1)?);
        let fix = slips::of_pair(first.text(self.source), second.text(self.source));
        fix.filter(|_| first.end == second.start)
    }

    /// Whether the `=` at `index` belongs to a named argument of a filter.
    fn names_argument(&self, index: usize) -> bool {
        let is_name = |at: Option<usize>| {
            let token = at.and_then(|at| self.tokens.get(at));
            token.is_some_and(|token| {
                token.kind == Kind::Name && !KEYWORDS.contains(&token.text(self.source))
            })
        };
        is_name(index.checked_sub(1))
            && match index.checked_sub(2).map(|at| self.text(at)) {
                Some("(") => is_name(index.checked_sub(3)),
                Some(",") => true,
                _ => false,
            }
    }

    fn slip(&mut self, start: usize, end: usize, fix: &str) {
        let message = format!("there is no `{}` in expressions", &self.source[start..end]);
        let problem = ExprProblem::new("expression-syntax", message, start, end);
        self.problems.push(problem.help(fix));
    }

    /// Reads the name at `index`; returns how many tokens it took.
    fn name(&mut self, index: usize) -> usize {
        let token = self.tokens[index];
        let word = token.text(self.source).to_owned();
        let before = match index {
            0 => "",
            // Behind `||` stands a value, no filter.
            2.. if self.pair(index - 2).is_some() => "",
            _ => self.text(index - 1),
        };
        let after = self.text(index + 1);
        // An attribute of something that is no path, such as a call's result.
        if before == "." {
            return 1;
        }
        if before == "|" {
            self.known("filter", &word, FILTERS, token);
            return 1;
        }
        let negated = before == "not" && index >= 2 && self.text(index - 2) == "is";
        if (before == "is" && word != "not") || negated {
            self.known("test", &word, TESTS, token);
            return 1;
        }
        if KEYWORDS.contains(&word.as_str()) {
            self.facts.branches |= matches!(word.as_str(), "or" | "not" | "if" | "else");
            return 1;
        }
        if after == "=" && self.names_argument(index + 1) {
            return 1;
        }
        if after == "(" {
            self.call(&word, index);
            return 1;
        }
        if let Some(fix) = slips::of_word(&word) {
            self.slip(token.start, token.end, fix);
            return self.path_length(index);
        }
        self.path(&word, index)
    }

    fn known(&mut self, kind: &str, word: &str, all: &[&str], token: Token) {
        if all.contains(&word) {
            return;
        }
        let mut problem = ExprProblem::new(
            "expression-name",
            format!("there is no {kind} `{word}`"),
            token.start,
            token.end,
        );
        problem.help = match nearest(word, all.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if kind == "filter" && (KEYWORDS.contains(&word) || is_root(word)) => {
                Some("`|` calls a filter; write `or` between conditions".to_owned())
            }
            None => None,
        };
        self.problems.push(problem);
    }

    fn call(&mut self, word: &str, index: usize) {
        let token = self.tokens[index];
        let known = matches!(word, "always" | "failure");
        if known && self.functions_allowed {
            if self.text(index + 2) != ")" {
                self.problems.push(ExprProblem::new(
                    "expression-syntax",
                    format!("`{word}()` takes no arguments"),
                    token.start,
                    token.end,
                ));
            }
            self.facts.always |= word == "always";
            self.facts.failure |= word == "failure";
            return;
        }
        let problem = if known {
            ExprProblem::new(
                "expression-name",
                format!("`{word}()` can only be used in `if`"),
                token.start,
                token.end,
            )
        } else {
            let problem = ExprProblem::new(
                "expression-name",
                format!("there is no function `{word}`"),
                token.start,
                token.end,
            );
            if let Some(fix) = slips::of_function(word) {
                self.problems.push(problem.help(fix));
                return;
            }
            match nearest(word, ["always", "failure"]) {
                Some(near) => problem.help(format!("did you mean `{near}()`?")),
                None if FILTERS.contains(&word) => problem.help(format!("write `value | {word}`")),
                None => problem.help("functions are `always()` and `failure()`, both in `if`"),
            }
        };
        self.problems.push(problem);
    }

    /// How many tokens `name.name.…` takes from `index`.
    fn path_length(&self, index: usize) -> usize {
        let mut last = index;
        while self.text(last + 1) == "."
            && self
                .tokens
                .get(last + 2)
                .is_some_and(|token| token.kind == Kind::Name)
            && self.text(last + 3) != "("
        {
            last += 2;
        }
        last - index + 1
    }

    /// Reads `name.name.…` from `index`; returns how many tokens it took.
    fn path(&mut self, root: &str, index: usize) -> usize {
        let mut last = index + self.path_length(index) - 1;
        let mut parts = vec![root.to_owned()];
        parts.extend(
            (index + 2..=last)
                .step_by(2)
                .map(|at| self.text(at).to_owned()),
        );
        let (start, end) = (self.tokens[index].start, self.tokens[last].end);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match target(&parts) {
            Ok(target) => {
                if matches!(target, Target::Status { .. }) {
                    let words = status_words::problems(self.source, self.tokens, index, last);
                    self.problems.extend(words);
                }
                self.facts.references.push(Reference {
                    span: span(start, end),
                    target,
                });
            }
            Err((code, message, help)) => {
                let mut problem = ExprProblem::new(code, message, start, end).help(help);
                if self.text(last + 1) == "-" && parts.len() > 1 {
                    problem = problem.help("`-` is subtraction here; ids use `_`");
                    // What follows was meant as one name; it says nothing on its own.
                    while self.tokens.get(last + 1).is_some_and(|token| {
                        token.kind == Kind::Name || matches!(self.text(last + 1), "-" | ".")
                    }) {
                        last += 1;
                    }
                } else if self.text(last + 1) == "[" && parts.len() < 4 {
                    problem =
                        problem.help(format!("write `{}.NAME`, not an index", parts.join(".")));
                }
                self.problems.push(problem);
            }
        }
        last - index + 1
    }
}

fn is_root(word: &str) -> bool {
    matches!(word, "inputs" | "tasks")
}
