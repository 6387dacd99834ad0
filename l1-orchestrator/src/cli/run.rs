//! `orchestra run`: scenario to plan to run directory to outcome.

use std::sync::Arc;

use clap::ArgMatches;

use super::args::Run;
use super::asked::{self, Asked};
use super::begin::{begin, settings_record};
use super::context::Context;
use super::driving::{self, slots};
use super::dry_run::dry_run;
use super::error::CliError;
use super::plan_only::plan_only;
use crate::session::{NewRun, Policy, record_of};
use crate::settings;

pub(super) fn run(context: &Context, args: &Run, matches: &ArgMatches) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let policy = Policy::default_pack(how.sandbox_or_default());
    let asked = asked::read(context, args, &policy)?;
    let slots = slots(&how, &asked.plan);
    if args.plan_only {
        return plan_only(context, args, &asked, &policy, slots.value);
    }
    if args.dry_run {
        return dry_run(context, &asked, &policy, slots.value);
    }
    let Asked {
        plan,
        scenario,
        path,
        inputs,
        by,
        ..
    } = asked;
    let runs = settings::runs_dir(&args.runs, &context.files);
    let key = driving::key()?;
    let name = plan.name().parse().map_err(|error| {
        CliError::internal("a checked plan has an unusable name").because(error)
    })?;
    let mut record = record_of(name, &path);
    record.inputs = inputs;
    record.settings = settings_record(&how, &slots);
    let plan = Arc::new(plan);
    let new = NewRun {
        runs: &runs,
        scenario: &scenario,
        plan: &plan,
        policy: &policy,
        slots: slots.value,
        trace_id: settings::inherited_trace_id(),
        record,
        by,
        carry: None,
    };
    begin(context, &how, new, &plan, &key)
}
