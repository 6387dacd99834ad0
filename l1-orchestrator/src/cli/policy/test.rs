//! `orchestra policy test`: every rule of a pack against the command lines beside it.

use std::fmt::Write as _;

use clap::ArgMatches;
use protocol::policy::ExampleResult;
use serde_json::json;

use crate::cli::args::Policy as Args;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::exit_code;
use crate::policy;
use crate::report::words;
use crate::settings;
use crate::ui::{Tone, sanitize};

pub(super) fn test(context: &Context, args: &Args, matches: &ArgMatches) -> Result<u8, CliError> {
    let named = match &args.subject {
        Some(named) => named.clone(),
        None => settings::policy(&args.policing, matches, &context.files).value,
    };
    let pack = policy::load_pack(&named)?;
    let results = pack.test();
    let wrong = results.iter().filter(|one| one.problem.is_some()).count();
    let object = |one: &ExampleResult| {
        json!({
            "program": one.program,
            "line": one.line,
            "expected": one.expected,
            "passes": one.passes,
            "problem": one.problem,
        })
    };
    let json = json!({
        "schema": "orchestra.policy-test/v1",
        "pack": pack.id(),
        "passed": wrong == 0,
        "examples": results.iter().map(object).collect::<Vec<_>>(),
        "wrong": wrong,
    });
    context.answer(|| page(context, &pack.id(), &results, wrong), json)?;
    Ok(match wrong {
        0 => exit_code::OK,
        _ => exit_code::BELOW,
    })
}

fn page(context: &Context, pack: &str, results: &[ExampleResult], wrong: usize) -> String {
    let painter = context.ui.out_painter();
    let mut text = String::new();
    for one in results {
        let Some(problem) = &one.problem else {
            continue;
        };
        let word = painter.paint(Tone::Bad, "FAIL");
        let expected = match one.expected {
            true => "is to match",
            false => "is not to match",
        };
        let (program, line) = (sanitize(&one.program), sanitize(&one.line));
        writeln!(text, "{word} {program}   `{line}` {expected}").expect("into a string");
        writeln!(text, "     {}", sanitize(problem)).expect("into a string");
    }
    let count = words::count(results.len(), "example");
    let told = match (results.len(), wrong) {
        (0, _) => "no rule has an example".to_owned(),
        (_, 0) => format!("{count}, all as they say"),
        (_, wrong) => format!("{count}, {wrong} not as they say"),
    };
    writeln!(text, "{}: {told}", sanitize(pack)).expect("into a string");
    text
}
