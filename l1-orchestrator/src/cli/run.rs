//! `orchestra run`: scenario to plan to approval to run directory to outcome.

use std::sync::Arc;

use clap::ArgMatches;
use protocol::policy::{Finding, FindingSeverity};

use super::approval::{self, Ready, Settled, settle};
use super::args::Run;
use super::asked::{self, Asked};
use super::begin::{begin, settings_record};
use super::context::Context;
use super::driving::{self, slots};
use super::dry_run::dry_run;
use super::error::CliError;
use super::judged::Judge;
use super::plan_only::plan_only;
use crate::session::{NewRun, record_of};
use crate::settings;

pub(super) fn run(context: &Context, args: &Run, matches: &ArgMatches) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let runs = settings::runs_dir(&args.runs, &context.files);
    let sandbox = how.sandbox.clone();
    let judge = Judge::new(context, &args.policing, matches, sandbox, runs.dir().into())?;
    let asked = asked::read(context, args)?;
    let judged = judge.judge(&asked);
    asked::stands_under(&asked, &args.scenario, judged.policy.digest())?;
    let slots = slots(&how, &asked.plan);
    let mut ready = Ready { asked, judged };
    if args.plan_only || args.dry_run {
        approval::foresee(args, &mut ready);
    }
    if args.plan_only {
        return plan_only(context, args, &ready, slots.value);
    }
    if args.dry_run {
        return dry_run(context, args, &ready, slots.value);
    }
    let Settled { ready, by } = settle(context, args, ready, slots.value, &|first| {
        let asked = asked::read_again(context, first)?;
        let judged = judge.judge(&asked);
        Ok(Ready { asked, judged })
    })?;
    let Ready { asked, judged } = ready;
    let Asked {
        plan,
        scenario,
        path,
        inputs,
        ..
    } = asked;
    let key = driving::key()?;
    let name = plan.name().parse().map_err(|error| {
        CliError::internal("a checked plan has an unusable name").because(error)
    })?;
    let mut record = record_of(name, &path);
    record.inputs = inputs;
    record.settings = settings_record(&how, &slots);
    let chosen = judge.chosen().record();
    record.settings.insert("policy".into(), chosen);
    let plan = Arc::new(plan);
    let new = NewRun {
        runs: &runs,
        scenario: &scenario,
        plan: &plan,
        policy: &judged.policy,
        site: judged.site,
        findings: told(judged.verdict.findings),
        slots: slots.value,
        trace_id: settings::inherited_trace_id(),
        record,
        by,
        carry: None,
    };
    begin(context, &how, new, &plan, &key)
}

/// What is worth an event: pages about plans tell the rest, which most tasks would have one of.
fn told(findings: Vec<Finding>) -> Vec<Finding> {
    let is_told = |finding: &Finding| finding.severity > FindingSeverity::Info;
    findings.into_iter().filter(is_told).collect()
}
