//! `orchestra policy show`: every value of a policy, with where it comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::ArgMatches;
use protocol::policy::{Finding, Policy, PolicyLine};
use serde_json::json;

use super::origins::{self, Row};
use crate::cli::args::Policy as Args;
use crate::cli::columns::{self, Cell, Column};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::judged::Judge;
use crate::exit_code;
use crate::policy;
use crate::report::findings;
use crate::settings;
use crate::ui::sanitize;

pub(super) fn show(context: &Context, args: &Args, matches: &ArgMatches) -> Result<u8, CliError> {
    let (policy, findings) = wanted(context, args, matches)?;
    let json = json!({
        "schema": "orchestra.policy-show/v1",
        "pack": policy.pack,
        "digest": policy.digest(),
        "policy": policy,
        "values": policy.lines().iter().map(|line| json!({
            "key": line.key,
            "value": line.value,
            "origin": line.origin,
        })).collect::<Vec<_>>(),
        "findings": findings,
    });
    context.answer(|| page(context, args, &policy, &findings), json)?;
    Ok(exit_code::OK)
}

/// The pack that was named, else what holds here.
fn wanted(
    context: &Context,
    args: &Args,
    matches: &ArgMatches,
) -> Result<(Policy, Vec<Finding>), CliError> {
    match &args.subject {
        Some(pack) => Ok((policy::load(pack)?, Vec::new())),
        None => {
            let sandbox = settings::sandbox(args.sandbox, matches, &context.files);
            let runs = std::path::PathBuf::new();
            let judge = Judge::new(context, &args.policing, matches, sandbox, runs)?;
            Ok(judge.by_itself())
        }
    }
}

fn page(context: &Context, args: &Args, policy: &Policy, found: &[Finding]) -> String {
    let lines = policy.lines();
    let rows: Vec<[String; 3]> = match args.origin {
        true => lines
            .into_iter()
            .map(|line| [line.key, line.value, line.origin])
            .collect(),
        false => grouped(lines),
    };
    let painter = context.ui.out_painter();
    let digest = context.redact.sha256(&policy.digest());
    let mut text = format!("policy {}   {digest}\n", policy.pack);
    let told = |text: &mut String| {
        if !found.is_empty() {
            write!(text, "\n{}", findings::lines(found, painter)).expect("into a string");
        }
    };
    if args.origin {
        let plain = |row: [String; 3]| row.map(|cell| sanitize(&cell).into_owned());
        let rows: Vec<Row> = rows.into_iter().map(plain).collect();
        let width = columns::width(&context.ui);
        text.push_str(&origins::lines(&rows, width, painter));
        told(&mut text);
        return text;
    }
    let column = |at: usize| -> Vec<Cell> {
        let cell = |row: &[String; 3]| Cell::from(sanitize(&row[at]).into_owned());
        rows.iter().map(cell).collect()
    };
    let mut keys = column(0);
    for key in &mut keys {
        key.text.insert_str(0, "  ");
    }
    let table = vec![Column::text(keys), Column::text(column(1))];
    text.push_str(&columns::render(table, None, painter));
    told(&mut text);
    text
}

/// Items of one list in one row.
fn grouped(lines: Vec<PolicyLine>) -> Vec<[String; 3]> {
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let list = line.key.strip_suffix(&format!(".{}", line.value));
        let list = list.map(str::to_owned).or_else(|| program(&line));
        let Some(list) = list else {
            rows.push([line.key, line.value, line.origin]);
            continue;
        };
        let word = line.key[list.len() + 1..].to_owned();
        match at.get(&list) {
            Some(at) => {
                let value = &mut rows[*at][1];
                value.push_str(", ");
                value.push_str(&word);
            }
            None => {
                at.insert(list.clone(), rows.len());
                rows.push([list, word, line.origin]);
            }
        }
    }
    rows
}

/// A rule about a program is told by its name alone.
fn program(line: &PolicyLine) -> Option<String> {
    let is_rule = line.key.starts_with("programs.");
    is_rule.then(|| "programs".to_owned())
}
