//! Reads one expression without evaluating it: names, functions, filters, and whether it is small
//! enough to be handed to the template engine at all.

use crate::nearest::nearest;

use super::MAX_EXPRESSION_BYTES;
use super::lex::{Kind, Stop, Token, lex};
use super::reference::{ExprProblem, Reference, span, target};

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
                Kind::Op => {
                    self.operator(token);
                    1
                }
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

    fn operator(&mut self, token: Token) {
        let op = token.text(self.source);
        self.facts.branches |= matches!(op, "==" | "!=");
        // The template engine's product repeats texts and lists, by factors of millions.
        if op.starts_with('*') {
            let message = format!("there is no `{op}` in expressions");
            let problem = ExprProblem::new("expression-name", message, token.start, token.end);
            self.problems
                .push(problem.help("compute products in a task, and pass them as outputs"));
        }
    }

    /// Reads the name at `index`; returns how many tokens it took.
    fn name(&mut self, index: usize) -> usize {
        let token = self.tokens[index];
        let word = token.text(self.source).to_owned();
        let before = if index == 0 { "" } else { self.text(index - 1) };
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
        // A named argument of a filter.
        if after == "=" && matches!(before, "(" | ",") {
            return 1;
        }
        if after == "(" {
            self.call(&word, index);
            return 1;
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
        problem.help =
            nearest(word, all.iter().copied()).map(|near| format!("did you mean `{near}`?"));
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
            match nearest(word, ["always", "failure"]) {
                Some(near) => problem.help(format!("did you mean `{near}()`?")),
                None if FILTERS.contains(&word) => problem.help(format!("write `value | {word}`")),
                None => problem.help("functions are `always()` and `failure()`, both in `if`"),
            }
        };
        self.problems.push(problem);
    }

    /// Reads `name.name.…` from `index`; returns how many tokens it took.
    fn path(&mut self, root: &str, index: usize) -> usize {
        let mut parts = vec![root.to_owned()];
        let mut last = index;
        while self.text(last + 1) == "."
            && self
                .tokens
                .get(last + 2)
                .is_some_and(|token| token.kind == Kind::Name)
            && self.text(last + 3) != "("
        {
            last += 2;
            parts.push(self.text(last).to_owned());
        }
        let (start, end) = (self.tokens[index].start, self.tokens[last].end);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match target(&parts) {
            Ok(target) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Target;

    fn read(source: &str) -> (Facts, Vec<ExprProblem>) {
        let mut problems = Vec::new();
        let facts = facts(source, 0, source.len(), true, &mut problems);
        (facts, problems)
    }

    #[test]
    fn finds_every_reference_with_its_place() {
        let source = "tasks.a.outputs.n + inputs.x|length > 3 and tasks.b.status == 'done'";
        let (facts, problems) = read(source);
        assert_eq!(problems, []);
        let spans: Vec<_> = facts
            .references
            .iter()
            .map(|r| &source[r.span.start as usize..r.span.end as usize])
            .collect();
        assert_eq!(spans, ["tasks.a.outputs.n", "inputs.x", "tasks.b.status"]);
        assert_eq!(
            facts.references[2].target,
            Target::Status { task: "b".into() }
        );
    }

    #[test]
    fn artifacts_and_json_outputs_may_go_deeper() {
        let (facts, problems) = read("[tasks.a.artifacts.n.sha256, tasks.a.outputs.j.deep[0].x]");
        assert_eq!(problems, []);
        assert_eq!(facts.references.len(), 2);
    }

    #[test]
    fn functions_are_facts() {
        let (facts, problems) = read("failure() and inputs.x");
        assert_eq!(problems, []);
        assert!(facts.failure && !facts.always && !facts.branches);
        assert!(read("always()").0.always);
        assert!(read("failure() or inputs.x").0.branches);
    }

    #[test]
    fn refusals_name_the_fix() {
        let cases = [
            (
                "tasks.a-b.outputs.x",
                "`tasks.a` is not a whole reference",
                "`-` is subtraction here; ids use `_`",
            ),
            (
                "tasks['a'].status",
                "`tasks` is not a whole reference",
                "write `tasks.NAME`, not an index",
            ),
            ("input.x", "there is no `input`", "did you mean `inputs`?"),
            (
                "hello",
                "there is no `hello`",
                "names are `inputs` and `tasks`; text needs quotes: `'hello'`",
            ),
            (
                "tasks.a.output.x",
                "`tasks.a.output.x` names nothing",
                "did you mean `tasks.a.outputs`?",
            ),
            (
                "tasks.a.artifacts.x.sha",
                "an artifact has no `sha`",
                "an artifact has `.name`, `.sha256` and `.size`",
            ),
            (
                "inputs.x | lenght",
                "there is no filter `lenght`",
                "did you mean `length`?",
            ),
            (
                "length(inputs.x)",
                "there is no function `length`",
                "write `value | length`",
            ),
            (
                "alway()",
                "there is no function `alway`",
                "did you mean `always()`?",
            ),
            (
                "item.x",
                "`item` is not supported yet",
                "this build has `inputs` and `tasks`",
            ),
        ];
        for (source, message, help) in cases {
            let (_, problems) = read(source);
            let first = problems.first().expect(source);
            assert_eq!(
                (first.message.as_str(), first.help.as_deref()),
                (message, Some(help)),
                "{source}"
            );
        }
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(read(&"1 + ".repeat(2000)).1[0].code, "expression-too-long");
        assert_eq!(
            read("'a' * 9").1[0].message,
            "there is no `*` in expressions"
        );
        assert_eq!(
            read("9 ** 9").1[0].message,
            "there is no `**` in expressions"
        );
        assert_eq!(read("  ").1[0].message, "empty expression");
        assert_eq!(read("'abc").1[0].message, "text without its closing quote");
    }
}
