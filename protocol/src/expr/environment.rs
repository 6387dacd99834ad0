//! The one minijinja environment: our delimiters' grammar, listed filters and tests, fuel.

use std::sync::LazyLock;

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests};

use super::MAX_VALUE_BYTES;
use super::reference::ExprProblem;

/// Instructions of one evaluation; the longest expression allowed compiles to fewer.
const FUEL: u64 = 20_000;

/// Building an environment costs more than most evaluations, so there is one for the process.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(build);

fn build() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.add_filter("abs", filters::abs);
    env.add_filter("bool", filters::bool);
    env.add_filter("count", filters::length);
    env.add_filter("d", filters::default);
    env.add_filter("default", filters::default);
    env.add_filter("first", filters::first);
    env.add_filter("int", filters::int);
    env.add_filter("join", join);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("list", filters::list);
    env.add_filter("lower", filters::lower);
    env.add_filter("max", filters::max);
    env.add_filter("min", filters::min);
    env.add_filter("replace", replace);
    env.add_filter("reverse", filters::reverse);
    env.add_filter("sort", filters::sort);
    env.add_filter("split", filters::split);
    env.add_filter("string", filters::string);
    env.add_filter("sum", filters::sum);
    env.add_filter("title", filters::title);
    env.add_filter("trim", filters::trim);
    env.add_filter("unique", filters::unique);
    env.add_filter("upper", filters::upper);
    add_tests(&mut env);
    env
}

fn add_tests(env: &mut Environment<'static>) {
    env.add_test("boolean", tests::is_boolean);
    env.add_test("defined", tests::is_defined);
    env.add_test("divisibleby", tests::is_divisibleby);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("eq", tests::is_eq);
    env.add_test("even", tests::is_even);
    env.add_test("false", tests::is_false);
    env.add_test("ge", tests::is_ge);
    env.add_test("gt", tests::is_gt);
    env.add_test("in", tests::is_in);
    env.add_test("integer", tests::is_integer);
    env.add_test("le", tests::is_le);
    env.add_test("lt", tests::is_lt);
    env.add_test("mapping", tests::is_mapping);
    env.add_test("ne", tests::is_ne);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("odd", tests::is_odd);
    env.add_test("sequence", tests::is_sequence);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("string", tests::is_string);
    env.add_test("true", tests::is_true);
    env.add_test("undefined", tests::is_undefined);
}

/// minijinja's own grows its result without a bound.
fn join(value: &Value, joiner: Option<&str>) -> Result<String, Error> {
    if value.kind() == ValueKind::String {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "`join` takes a list, not text",
        ));
    }
    let joiner = joiner.unwrap_or_default();
    let mut joined = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(joiner);
        }
        match item.as_str() {
            Some(text) => joined.push_str(text),
            None => joined.push_str(&item.to_string()),
        }
        fits(joined.len())?;
    }
    Ok(joined)
}

/// minijinja's own grows its result without a bound.
fn replace(value: &str, from: &str, to: &str, rest: Rest<Value>) -> Result<String, Error> {
    if !rest.is_empty() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    if from.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "`replace` needs a text to look for",
        ));
    }
    let hits = value.matches(from).count();
    fits(value.len().saturating_add(hits.saturating_mul(to.len())))?;
    Ok(value.replace(from, to))
}

fn fits(bytes: usize) -> Result<(), Error> {
    if bytes <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        "the value grows beyond 1 MiB",
    ))
}

/// What the grammar has against `text[start..end]`.
pub(super) fn syntax_problem(text: &str, start: usize, end: usize) -> Option<ExprProblem> {
    let error = ENVIRONMENT
        .compile_expression_owned(text[start..end].to_owned())
        .err()?;
    let detail = error.detail().unwrap_or("not an expression");
    let message = format!("expression: {detail}");
    Some(ExprProblem::new("expression-syntax", message, start, end))
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::expr::reader::{FILTERS, TESTS};

    #[test]
    fn every_listed_name_is_built_in() {
        for filter in FILTERS {
            let known = ENVIRONMENT
                .empty_state()
                .apply_filter(filter, &[])
                .unwrap_err();
            assert_ne!(known.kind(), ErrorKind::UnknownFilter, "{filter}");
        }
        for test in TESTS {
            if let Err(error) = ENVIRONMENT.empty_state().perform_test(test, &[]) {
                assert_ne!(error.kind(), ErrorKind::UnknownTest, "{test}");
            }
        }
    }

    #[test]
    fn growth_is_refused() {
        let eval = |text: &str| {
            let expression = ENVIRONMENT
                .compile_expression_owned(text.to_owned())
                .unwrap();
            expression.eval(minijinja::context!(long => "a".repeat(60_000)))
        };
        assert!(eval("long | replace('a', '123456789012345678901234567890')").is_err());
        assert!(eval("long | split('') | join('123456789012345678901234567890')").is_err());
        assert_eq!(
            eval("'a-b' | replace('-', '+')").unwrap().as_str(),
            Some("a+b")
        );
        assert_eq!(
            eval("['a', 1] | join(', ')").unwrap().as_str(),
            Some("a, 1")
        );
    }
}
