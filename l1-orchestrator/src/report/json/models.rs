//! Calls of models in `report.json`.

use l2_coordinator::model::known_prices;
use protocol::budget::{Reserved, Settled, Usage};
use protocol::event::{PlanRejected, PlanRequested};
use protocol::run_dir;
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::calls::Call;
use crate::report::summary::RunSummary;

/// What was asked of models, what came of it, and what it cost.
#[derive(JsonSchema, Serialize)]
pub(super) struct Models<'a> {
    /// Those under way count with all that is set aside for them, here and in the sums.
    calls: u64,
    tokens: u64,
    usage: Usage,
    /// Exact dollars of the calls whose model has a price.
    usd: String,
    /// Calls whose model has none.
    unpriced: u64,
    /// Calls that nobody said the usage of.
    estimated: u64,
    /// Replies that were written by hand: no model gave them.
    fixtures: usize,
    /// What all calls together may come to; a bound that nobody set is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetView>,
    /// The day of the table of prices.
    prices_as_of: String,
    /// What models were asked to plan.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    requested: &'a [PlanRequested],
    /// Replies that are no plan, and the rule that refused each.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rejected: &'a [PlanRejected],
    list: Vec<CallView<'a>>,
}

#[derive(JsonSchema, Serialize)]
struct BudgetView {
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
}

/// One call: the events about it, when they were, and where its reply is.
#[derive(JsonSchema, Serialize)]
struct CallView<'a> {
    began: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    reserved: &'a Reserved,
    /// Absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<&'a Settled>,
    /// Exact dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<String>,
    /// The file that holds request and reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl<'a> CallView<'a> {
    fn of(call: &'a Call) -> Self {
        let settled = call.ended.as_ref().map(|(_, settled)| settled);
        let ended = call.ended.as_ref().map(|(at, _)| at.to_string());
        Self {
            began: call.began.to_string(),
            ended,
            reserved: &call.reserved,
            settled,
            usd: settled.and_then(|settled| Some(settled.usd?.exact())),
            file: settled.and_then(|settled| Some(run_dir::call_file(settled.reply?))),
        }
    }
}

impl<'a> Models<'a> {
    /// None where no model was asked.
    pub(super) fn of(summary: &'a RunSummary) -> Option<Self> {
        let calls = &summary.calls;
        if calls.is_empty() && calls.requested.is_empty() {
            return None;
        }
        let spend = calls.spend();
        let budget = summary.budget.filter(|budget| !budget.is_unbounded());
        Some(Self {
            calls: spend.calls,
            tokens: spend.tokens(),
            usage: spend.usage,
            usd: spend.usd.exact(),
            unpriced: spend.unpriced,
            estimated: spend.estimated,
            fixtures: calls.fixtures(),
            budget: budget.map(|budget| BudgetView {
                usd: budget.usd.map(protocol::budget::Money::exact),
                tokens: budget.tokens,
                calls: budget.calls,
                wall_ms: budget.wall_ms,
            }),
            prices_as_of: known_prices().as_of().to_owned(),
            requested: &calls.requested,
            rejected: &calls.rejected,
            list: calls.list.iter().map(CallView::of).collect(),
        })
    }
}
