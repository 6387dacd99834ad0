//! `orchestra policy explain SCENARIO TASK`: what a task may do, where each answer comes from, and why
//! not more.

use std::fmt::Write as _;

use clap::ArgMatches;
use protocol::nearest::nearest;
use protocol::policy::Finding;
use serde_json::{Value, json};

use crate::cli::args::Policy as Args;
use crate::cli::asked::{self, Asked};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::judged::{Judge, Judged};
use crate::exit_code;
use crate::policy::{Allowed, allowed, answers};
use crate::report::{enforced, findings};
use crate::settings;
use crate::ui::{Tone, sanitize};

pub(super) fn explain(
    context: &Context,
    args: &Args,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    let (Some(scenario), Some(task)) = (&args.subject, &args.task) else {
        let message = "`explain` takes a scenario and one of its tasks";
        return Err(CliError::usage("missing-argument", message)
            .hint("as in `orchestra policy explain scenarios/hello.yaml greet`"));
    };
    let sandbox = settings::sandbox(args.sandbox, matches, &context.files);
    let runs = std::path::PathBuf::new();
    let judge = Judge::new(context, &args.policing, matches, sandbox, runs)?;
    let asked = asked::look(context, scenario.as_ref(), &args.inputs)?;
    let mut judged = judge.judge(&asked);
    let all = allowed(&asked.plan, &judged.policy, &judged.site);
    let one = find(&all, task)?;
    // As in a run, and as `validate` has it: what a nested file narrows holds for its own tasks.
    judged.policy = judged.dispatch(&asked.plan).policy(&one.id).clone();
    let own: Vec<&Finding> = judged
        .verdict
        .findings
        .iter()
        .filter(|finding| finding.task.as_ref() == Some(&one.id))
        .collect();
    let json = object(&asked, &judged, one, &own);
    context.answer(|| page(context, &judged, one, &own), json)?;
    Ok(exit_code::OK)
}

fn find<'a, 'p>(all: &'a [Allowed<'p>], task: &str) -> Result<&'a Allowed<'p>, CliError> {
    if let Some(one) = all.iter().find(|one| one.id.as_str() == task) {
        return Ok(one);
    }
    let shown = sanitize(task);
    let ids = all.iter().map(|one| one.id.as_str());
    let hint = match nearest(task, ids) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "`--plan-only` of `run` names the tasks; those that are used are `parent/child`".into()
        }
    };
    let message =
        format!("the scenario has no task `{shown}` that starts a program or asks a model");
    Err(CliError::usage("unknown-task", message).hint(hint))
}

fn page(context: &Context, judged: &Judged, one: &Allowed<'_>, own: &[&Finding]) -> String {
    let painter = context.ui.out_painter();
    let name = painter.paint(Tone::Strong, one.id.as_str());
    let mut text = format!("{name} under {}\n", judged.policy.pack);
    for answer in answers(&judged.policy, one) {
        let value = sanitize(&answer.value).into_owned();
        let origin = painter.paint(Tone::Dim, &format!("({})", sanitize(&answer.origin)));
        writeln!(text, "  {:<12} {value}   {origin}", answer.name).expect("into a string");
    }
    if let Err(refused) = &one.constraints {
        let word = painter.paint(Tone::Bad, "it does not start");
        writeln!(text, "\n{word}: {}", sanitize(&refused.message)).expect("into a string");
    }
    if !own.is_empty() {
        let own: Vec<Finding> = own.iter().map(|finding| (*finding).clone()).collect();
        write!(text, "\n{}", findings::lines(&own, painter)).expect("into a string");
    }
    if one.task.prompt().is_none() {
        writeln!(text, "\n{}", enforced::ADMISSION).expect("into a string");
    }
    text
}

fn object(asked: &Asked, judged: &Judged, one: &Allowed<'_>, own: &[&Finding]) -> Value {
    let answers: Vec<Value> = answers(&judged.policy, one)
        .iter()
        .map(|answer| {
            json!({
                "name": answer.name,
                "value": answer.value,
                "origin": answer.origin,
            })
        })
        .collect();
    let (constraints, refused) = match &one.constraints {
        // No process is started that they would hold.
        Ok(_) if one.task.prompt().is_some() => (None, None),
        Ok(constraints) => (Some(constraints), None),
        Err(finding) => (None, Some(finding)),
    };
    json!({
        "schema": "orchestra.policy-explain/v1",
        "scenario": asked.path.display().to_string(),
        "task": one.id,
        "pack": judged.policy.pack,
        "policy": judged.policy.digest(),
        "starts": refused.is_none(),
        "answers": answers,
        "constraints": constraints,
        "refused": refused,
        "findings": own,
    })
}
