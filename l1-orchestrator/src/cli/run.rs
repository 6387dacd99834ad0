//! `orchestra run`: scenario to plan to approval to run directory to outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ArgMatches;
use l2_coordinator::has_prompts;

use super::approval::{self, Approving, Ready, Settled, settle};
use super::args::{Recording, Run};
use super::asked::{self, Asked};
use super::begin::{begin, models_record, settings_record, told};
use super::context::Context;
use super::driving::{self, slots};
use super::dry_run::dry_run;
use super::error::CliError;
use super::goal::{Asking, look_ahead};
use super::judged::Judge;
use super::plan_only::{plan_only, savable};
use super::planned_run::Unplanned;
use crate::models::{self, Chosen, Tiers};
use crate::runs::SettingRecord;
use crate::session::{NewRun, record_of};
use crate::settings::{self, Drive, Models, Origin, Setting};

pub(super) fn run(context: &Context, args: &Run, matches: &ArgMatches) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let runs = settings::runs_dir(&args.runs, &context.files);
    let sandbox = how.sandbox.clone();
    let models = settings::models(&args.modelling, matches, &context.files);
    let judge = Judge::new(context, &args.policing, matches, sandbox, runs.dir().into())?;
    let judge = judge.asking(&models)?;
    let asked = asked::read(context, args)?;
    let judged = judge.judge(&asked);
    asked::stands_under(&asked, &args.scenario, judged.policy.digest())?;
    let slots = slots(&how, &asked.plan);
    let mut ready = Ready { asked, judged };
    let mut foreseen = None;
    refuse_recording(args, &ready)?;
    if let Some(file) = &args.save
        && ready.asked.plan.awaits_planning()
    {
        // Before anybody is paid for what could not be kept.
        savable(file)?;
    }
    if ready.asked.plan.awaits_planning() && !args.dry_run {
        let chosen = models::model(&models, &args.recording, false)?;
        let asking = Asking {
            context,
            settings: &models,
            chosen: &chosen,
            progress: how.progress.value,
        };
        if !args.plan_only {
            let key = driving::key()?;
            let unplanned = Unplanned {
                context,
                how: &how,
                runs: &runs,
                judge: &judge,
                asking,
                approving: Approving::of_run(args),
                key: &key,
                slots: slots.value,
            };
            return unplanned.begin(
                ready,
                record(&judge, &how, &slots, Some((&models, &chosen))),
            );
        }
        let (asked, looked) = look_ahead(&asking, ready)?;
        foreseen = Some(looked);
        let judged = judge.judge(&asked);
        ready = Ready { asked, judged };
    }
    let said = Approving::of_run(args);
    if args.plan_only || args.dry_run {
        approval::foresee(&said, &mut ready);
    }
    if args.plan_only {
        return plan_only(context, args, &ready, slots.value, foreseen.as_ref());
    }
    if args.dry_run {
        return dry_run(context, args, &ready, slots.value);
    }
    let Settled { ready, by } = settle(context, &said, ready, slots.value, &|first| {
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
    let tiers = match has_prompts(&plan) {
        true => Some(Tiers::of(&models, &args.recording, false)?),
        false => None,
    };
    let key = driving::key()?;
    let name = plan.name().parse().map_err(|error| {
        CliError::internal("a checked plan has an unusable name").because(error)
    })?;
    let mut run_record = record_of(name, &path);
    run_record.inputs = inputs;
    run_record.settings = record(&judge, &how, &slots, None);
    if let Some(tiers) = &tiers {
        run_record.settings.extend(models_record(tiers, &models));
    }
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
        record: run_record,
        by,
        carry: None,
    };
    begin(context, &how, new, &plan, tiers, &key)
}

/// What the run was told, for `run.json`; of models only where one is asked.
fn record(
    judge: &Judge,
    how: &Drive,
    slots: &Setting<u32>,
    models: Option<(&Models, &Chosen)>,
) -> BTreeMap<String, SettingRecord> {
    let mut settings = settings_record(how, slots);
    settings.insert("policy".into(), judge.chosen().record());
    if let Some((models, chosen)) = models {
        let told = models.record(&chosen.name, chosen.max_tokens, chosen.effort);
        let told = told.into_iter();
        settings.extend(told.map(|(name, record)| (name.to_owned(), record)));
        if chosen.is_replay {
            // Beside the journal, which is that of the run it repeats: nobody was asked, nothing was paid.
            let replayed = Setting {
                value: true,
                origin: Origin::Flag("replay".into()),
            };
            settings.insert("replay".into(), replayed.record());
        }
    }
    settings
}

/// A recording of a run that asks no model is a misunderstanding.
fn refuse_recording(args: &Run, ready: &Ready) -> Result<(), CliError> {
    let flag = match &args.recording {
        Recording {
            record: Some(_), ..
        } => "--record",
        Recording {
            replay: Some(_), ..
        } => "--replay",
        Recording { .. } => return Ok(()),
    };
    if ready.asked.plan.awaits_planning() || has_prompts(&ready.asked.plan) {
        return Ok(());
    }
    let message = format!("{flag} is for runs that ask a model, and this plan has its tasks");
    Err(CliError::usage("conflict", message).hint("leave it out"))
}
