//! A scenario with a goal: a model is asked for its plan, which then is judged, approved and run like a
//! written one. What it cost stays on record, also where no plan came of it.

use std::sync::Arc;

use l2_coordinator::model::known_prices;
use l2_coordinator::planner::{
    Caps, DEFAULT_PROMPT, Goal, Planned, Planner, REPAIR_ROUNDS, builtin_examples, prompt,
};
use l2_coordinator::{NoPlan, Planning};
use protocol::budget::{Budget, Spend};
use protocol::digest::Digest;
use protocol::event::{EventKind, JOURNAL_VERSION, RunStarted};
use protocol::plan::DraftPlan;

use super::approval::Ready;
use super::asked::Asked;
use super::context::Context;
use super::error::{CliError, Kind};
use crate::models::Chosen;
use crate::report::Observers;
use crate::session::{
    Came, Journal, ToPlan, Watched, ask_for_plan, new_coordinator, new_run, new_trace,
};
use crate::settings::Models;

/// Problems of the last reply that are told; the journal has them all.
const MAX_TOLD: usize = 8;

/// What a model is asked with.
pub(super) struct Asking<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: &'a Models,
    pub(super) chosen: &'a Chosen,
}

/// What came of asking; the journal is still open.
pub(super) struct Answered {
    pub(super) planning: Planning,
    pub(super) watched: Watched,
    pub(super) came: Came,
}

impl Asking<'_> {
    /// Asks for the plan of a goal.
    pub(super) fn ask(
        &self,
        ready: &Ready,
        journal: Journal<'_>,
        observers: Observers,
    ) -> Result<Answered, CliError> {
        let Ready { asked, judged } = ready;
        let examples = builtin_examples();
        let words = prompt(DEFAULT_PROMPT).expect("the default prompt is built in");
        let base = DraftPlan::from_json(&asked.plan.to_json())
            .map_err(|problem| CliError::internal(problem.message))?;
        let ui = Arc::clone(&self.context.ui);
        let name = self.settings.model.value.to_string();
        let source = match (self.chosen.is_replay, self.chosen.is_fixture) {
            (_, true) => ", from a fixture",
            (true, false) => ", from a recording",
            (false, false) => "",
        };
        ui.note(&format!("planning  {name}{source}"));
        let said = name.clone();
        let to_plan = ToPlan {
            journal,
            plan: Arc::new(asked.plan.clone()),
            budget: Budget::from(judged.policy.budgets),
            prices: Arc::new(known_prices()),
            model: Arc::clone(&self.chosen.model),
            planner: Planner {
                model: self.chosen.name.clone(),
                max_tokens: self.chosen.max_tokens,
                effort: self.chosen.effort,
                prompt: words,
                examples: &examples,
                repair_rounds: REPAIR_ROUNDS,
            },
            goal: Goal {
                text: asked.plan.goal().unwrap_or_default(),
                base,
                paths: &asked.paths,
                policy: &judged.policy,
                site: &judged.site,
                data: &[],
                caps: Caps::default(),
            },
            observers,
            say: Arc::new(move |line| ui.note(&format!("planning  {said}  {line}"))),
        };
        let (planning, watched, came) = ask_for_plan(to_plan)?;
        Ok(Answered {
            planning,
            watched,
            came,
        })
    }
}

/// Somebody stopped it.
pub(super) fn stopped() -> CliError {
    let message = "planning was stopped; nothing was run";
    CliError::new(Kind::Parked, "planning-stopped", message)
}

/// What calls came to, one line.
pub(super) fn spent(spend: Spend, chosen: &Chosen) -> String {
    let calls =
        crate::report::words::count(usize::try_from(spend.calls).unwrap_or(usize::MAX), "call");
    let tokens = spend.tokens();
    let usd = match (spend.calls, spend.unpriced) {
        (_, 0) => spend.usd.to_string(),
        (all, unpriced) if all == unpriced => "unpriced".to_owned(),
        (_, unpriced) => format!("{} and {unpriced} unpriced", spend.usd),
    };
    let estimated = match spend.estimated {
        0 => String::new(),
        estimated => format!(" ({estimated} estimated)"),
    };
    let replayed = match chosen.is_replay || chosen.is_fixture {
        true => " as it would be live; nothing was spent",
        false => "",
    };
    format!("{calls} · {tokens} tokens · {usd}{estimated}{replayed}")
}

/// Asks for a plan that nothing will be recorded of: for whoever looks ahead.
///
/// # Errors
/// There is no plan.
pub(super) fn look_ahead(asking: &Asking<'_>, ready: Ready) -> Result<(Asked, Spend), CliError> {
    let unready = |error: std::io::Error| {
        CliError::not_ready("no-temporary-dir", "there is no room for replies").because(error)
    };
    let replies = tempfile::tempdir().map_err(unready)?;
    let started = unrecorded(&ready)?;
    let journal = Journal::Nowhere(replies.path(), Box::new(started));
    let Answered { planning, came, .. } = asking.ask(&ready, journal, Observers::default())?;
    let spend = planning.ledger().settled();
    let Ready { asked, .. } = ready;
    match came {
        Came::Plan(planned) => Ok((with_plan(asked, *planned), spend)),
        Came::Nothing(none) => Err(reason(none, asking)),
        Came::Stopped(_) => Err(stopped()),
    }
}

/// The beginning of a run that only looks ahead.
fn unrecorded(ready: &Ready) -> Result<EventKind, CliError> {
    let Ready { asked, judged } = ready;
    let scenario = asked.plan.name().parse();
    Ok(EventKind::RunStarted(Box::new(RunStarted {
        version: JOURNAL_VERSION,
        run_id: new_run(),
        scenario: scenario.map_err(|error| {
            CliError::internal("a checked plan has an unusable name").because(error)
        })?,
        run_file: None,
        scenario_file: Digest::of(&asked.scenario),
        policy: judged.policy.pack.clone(),
        policy_digest: judged.policy.digest(),
        coordinator: new_coordinator(),
        slots: 0,
        level: judged.policy.sandbox.level,
        trace_id: new_trace(),
        orchestra: env!("CARGO_PKG_VERSION").into(),
        retry_of: None,
    })))
}

/// The same scenario with the plan that was made for it.
pub(super) fn with_plan(asked: Asked, planned: Planned) -> Asked {
    Asked {
        plan: planned.plan,
        ..asked
    }
}

/// The error for a goal without a plan, and with it the exit code.
pub(super) fn reason(none: NoPlan, asking: &Asking<'_>) -> CliError {
    use l2_coordinator::model::ErrorKind;
    let name = &asking.settings.model.value;
    match none {
        NoPlan::Rejected(problems) => {
            let count = crate::report::words::count(problems.len(), "problem");
            let mut error = CliError::invalid(
                "no-plan",
                format!("{name} made no plan that passes: {count}"),
            );
            for problem in problems.iter().take(MAX_TOLD) {
                error = error.hint(format!("{}: {}", problem.code, problem.message));
            }
            error.hint("say the goal more precisely, or write the tasks")
        }
        NoPlan::Exhausted(exhausted) => {
            let help = exhausted.help();
            CliError::new(Kind::Exhausted, "budget-exhausted", exhausted.to_string()).hint(help)
        }
        NoPlan::Model(error) => {
            let code = match error.kind {
                ErrorKind::Miss => "replay-miss",
                _ => "model-failed",
            };
            let message = match error.kind {
                ErrorKind::Miss => error.message.clone(),
                _ => format!("{name}: {}", error.message),
            };
            let told = CliError::not_ready(code, message);
            match error.help {
                Some(help) => told.hint(help),
                None => told,
            }
        }
        NoPlan::Unkept(message) => {
            let told = "a call cannot be kept on record";
            CliError::not_ready("call-unkept", format!("{told}: {message}"))
        }
        NoPlan::Journal(error) => crate::session::blame(error),
    }
}
