//! A scenario with a goal: a model is asked for its plan, which then is judged, approved and run like a
//! written one. What it cost stays on record, also where no plan came of it.

use std::sync::Arc;

use l2_coordinator::planner::{
    Caps, DEFAULT_PROMPT, Goal, Planned, Planner, REPAIR_ROUNDS, builtin_examples, prompt,
};
use l2_coordinator::{NoPlan, Planning};
use protocol::budget::{Budget, Exhausted, Spend};
use protocol::digest::Digest;
use protocol::event::{EventKind, JOURNAL_VERSION, RunStarted};
use protocol::plan::DraftPlan;
use serde_json::{Value, json};

use super::approval::Ready;
use super::args::{Format, Progress};
use super::asked::Asked;
use super::context::Context;
use super::driving;
use super::error::{CliError, Kind};
use crate::models::{self, Chosen};
use crate::report::jsonl::Jsonl;
use crate::report::spend::in_words;
use crate::report::{CallsOf, Observers, Reporter, RunSummary, Waiting};
use crate::session::{
    Came, Journal, ToPlan, Watched, ask_for_plan, new_coordinator, new_run, new_trace,
    pressed_twice,
};
use crate::settings::Models;

/// Problems of the last reply that are told; the journal has them all.
const MAX_TOLD: usize = 8;

/// What a model is asked with.
pub(super) struct Asking<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: &'a Models,
    pub(super) chosen: &'a Chosen,
    pub(super) progress: Progress,
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
        before: RunSummary,
    ) -> Result<Answered, CliError> {
        let Ready { asked, judged } = ready;
        let examples = builtin_examples();
        let words = prompt(DEFAULT_PROMPT).expect("the default prompt is built in");
        let base = DraftPlan::from_json(&asked.plan.to_json())
            .map_err(|problem| CliError::internal(problem.message))?;
        let ui = Arc::clone(&self.context.ui);
        let name = self.settings.model.value.to_string();
        let source = source(self.chosen.is_replay, self.chosen.is_fixture);
        let shown = driving::shown(self.context, self.progress);
        let waiting = Arc::new(Waiting::new(Arc::clone(&ui), shown, name));
        // Who reads events gets those of planning, too; a look ahead has no run that they were of.
        let is_run = !matches!(journal, Journal::Nowhere(..));
        let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(CallsOf(Arc::clone(&waiting)))];
        #[cfg(feature = "otlp")]
        if is_run {
            // Sends only if the run ends here: whoever drives it on sends these calls with its tasks.
            reporters.extend(crate::telemetry::reporter(&ui, None));
        }
        if is_run && self.context.format == Format::Jsonl {
            reporters.push(Box::new(Jsonl::new(ui)));
        }
        waiting.begin(source);
        let budget = Budget::from(judged.policy.budgets);
        let to_plan = ToPlan {
            journal,
            plan: Arc::new(asked.plan.clone()),
            budget,
            prices: Arc::new(models::prices(self.settings)?),
            model: Arc::clone(&self.chosen.model),
            planner: Planner {
                model: self.chosen.name.clone(),
                max_tokens: self.chosen.max_tokens,
                effort: self.chosen.effort,
                prompt: words,
                examples,
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
            observers: Observers::new(before, reporters),
            waiting: Arc::clone(&waiting),
        };
        let answered = ask_for_plan(to_plan);
        waiting.end(pressed_twice);
        let (planning, watched, came) = answered?;
        let spend = in_words(planning.ledger().settled(), Some(&budget));
        let unspent = match self.chosen.is_replay || self.chosen.is_fixture {
            true => "  as it would be live; nothing was spent",
            false => "",
        };
        self.context.ui.note(&format!("planning  {spend}{unspent}"));
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

/// What a plan took that was made ahead of any run.
pub(super) struct Foreseen {
    model: String,
    is_fixture: bool,
    is_replay: bool,
    spend: Spend,
    budget: Budget,
}

impl Foreseen {
    /// One line for people.
    pub(super) fn line(&self) -> String {
        let spent = in_words(self.spend, Some(&self.budget));
        let source = source(self.is_replay, self.is_fixture);
        format!("planned by {}{source} · {spent}", self.model)
    }

    /// For machines.
    pub(super) fn object(&self) -> Value {
        let Self { spend, .. } = self;
        json!({
            "model": self.model,
            "calls": spend.calls,
            "tokens": spend.tokens(),
            "usage": spend.usage,
            "usd": spend.usd.exact(),
            "unpriced": spend.unpriced,
            "estimated": spend.estimated,
            "fixture": self.is_fixture,
            "replay": self.is_replay,
        })
    }
}

/// Where replies come from, if from no model.
const fn source(is_replay: bool, is_fixture: bool) -> &'static str {
    match (is_replay, is_fixture) {
        (_, true) => ", from a fixture",
        (true, false) => ", from a recording",
        (false, false) => "",
    }
}

/// Asks for a plan that nothing will be recorded of: for whoever looks ahead.
///
/// # Errors
/// There is no plan.
pub(super) fn look_ahead(asking: &Asking<'_>, ready: Ready) -> Result<(Asked, Foreseen), CliError> {
    let unready = |error: std::io::Error| {
        CliError::not_ready("no-temporary-dir", "there is no room for replies").because(error)
    };
    let replies = tempfile::tempdir().map_err(unready)?;
    let started = unrecorded(&ready)?;
    let journal = Journal::Nowhere(replies.path(), Box::new(started));
    let Answered { planning, came, .. } = asking.ask(&ready, journal, RunSummary::default())?;
    let foreseen = Foreseen {
        model: asking.settings.model.value.to_string(),
        is_fixture: asking.chosen.is_fixture,
        is_replay: asking.chosen.is_replay,
        spend: planning.ledger().settled(),
        budget: Budget::from(ready.judged.policy.budgets),
    };
    let Ready { asked, .. } = ready;
    match came {
        Came::Plan(planned) => Ok((with_plan(asked, *planned), foreseen)),
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
        unplanned: None,
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
            let code = match exhausted {
                Exhausted::Unpriced { .. } => "model-unpriced",
                Exhausted::Bound { .. } => "budget-exhausted",
            };
            CliError::new(Kind::Exhausted, code, exhausted.to_string()).hint(help)
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
