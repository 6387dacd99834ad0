//! The most that a plan's questions to models come to: calls, tokens, dollars, with every fan-out at its
//! widest, every repair and every retry used. A model without a known price has none here either.

use std::collections::BTreeSet;

use l2_coordinator::ai_task::{MostAsked, most_asked};
use l2_coordinator::{Width, width};
use protocol::budget::{CacheUse, Money, PriceTable};
use protocol::plan::{Action, Bounds, Plan, PlanTask, Tier};

use super::known::Known;

/// Who would be asked.
#[derive(Clone, Debug)]
pub struct Askers {
    /// The model of tier `fast`.
    pub fast: String,
    /// The model of tier `smart`.
    pub smart: String,
    /// Most tokens of a reply, unless a task says so.
    pub max_tokens: u32,
    /// What tokens cost.
    pub prices: PriceTable,
}

/// What all calls of a run come to, at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorstCalls {
    /// Calls.
    pub calls: u64,
    /// Tokens of prompts and replies.
    pub tokens: u64,
    /// What those with a price cost.
    pub usd: Money,
    /// Models that are asked and have no known price.
    pub unpriced: BTreeSet<String>,
}

impl WorstCalls {
    fn add(&mut self, asked: MostAsked, times: u64, askers: &Askers) {
        let model = match asked.tier {
            Tier::Fast => &askers.fast,
            Tier::Smart => &askers.smart,
        };
        self.calls = self.calls.saturating_add(times);
        let tokens = asked.prompt.saturating_add(asked.output);
        self.tokens = self.tokens.saturating_add(tokens.saturating_mul(times));
        // A provider may write its cache, which is dearer than not to.
        let cache = CacheUse::FiveMinutes;
        let (prompt, output) = (asked.prompt, asked.output);
        match askers.prices.worst_case(model, prompt, output, cache) {
            Some(one) => {
                let all = one.nanos().saturating_mul(times);
                self.usd = Money::from_nanos(self.usd.nanos().saturating_add(all));
            }
            None => drop(self.unpriced.insert(model.clone())),
        }
    }
}

/// The most that a plan asks models; none of one that asks nothing.
#[must_use]
pub fn worst_calls(plan: &Plan, askers: &Askers) -> Option<WorstCalls> {
    let mut worst = WorstCalls::default();
    let outer = Bounds::default();
    within(plan, &outer, &Known::new(plan), 1, askers, &mut worst);
    (worst != WorstCalls::default()).then_some(worst)
}

/// Depth is bounded by the plan's own limits.
fn within(
    plan: &Plan,
    outer: &Bounds,
    known: &Known<'_>,
    times: u64,
    askers: &Askers,
    worst: &mut WorstCalls,
) {
    for (_, task) in plan.tasks() {
        let bounds = Bounds::of(task).within(outer);
        let times = times.saturating_mul(widest(task, known));
        match task.action() {
            Action::Run(_) | Action::Command(_) => {}
            Action::Prompt(_) => {
                let extra = bounds.retry.as_ref().map_or(0, |retry| retry.max);
                let times = times.saturating_mul(u64::from(extra) + 1);
                if times > 0 {
                    let calls = most_asked(task, askers.max_tokens).into_iter();
                    calls.for_each(|asked| worst.add(asked, times, askers));
                }
            }
            Action::Uses(uses) => {
                let inner = known.nested(uses, None);
                within(&uses.scenario, &bounds, &inner, times, askers, worst);
            }
        }
    }
}

fn widest(task: &PlanTask, known: &Known<'_>) -> u64 {
    match task.fan_out().map(|fan_out| width(fan_out, known)) {
        None => 1,
        Some(Ok(Width { most, .. })) => most as u64,
        // It fails as it is about to expand.
        Some(Err(_)) => 0,
    }
}

#[cfg(test)]
mod tests {
    use l2_coordinator::model::known_prices;
    use protocol::plan::{DraftPlan, Limits};

    use super::*;

    fn askers() -> Askers {
        Askers {
            fast: "claude-haiku-5-5".into(),
            smart: "nobody-knows".into(),
            max_tokens: 1_000,
            prices: known_prices(),
        }
    }

    fn found(tasks: &str) -> Option<WorstCalls> {
        let text = format!("{{\"name\":\"p\",\"tasks\":[{tasks}]}}");
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        worst_calls(&draft.check(&Limits::default()).unwrap(), &askers())
    }

    const FAST: &str = "\"prompt\":\"Why?\",\"model\":{\"tier\":\"fast\"}";

    #[test]
    fn every_item_retry_and_repair_counts() {
        let one = found(&format!("{{\"id\":\"a\",{FAST}}}")).unwrap();
        assert_eq!((one.calls, one.unpriced.len()), (3, 0));
        // Three replies at 0.50 dollars a million; three prompts below 0.125, and none for nothing.
        let replies = 3 * 1_000 * 500;
        let prompts = (one.tokens - 3_000) * 125;
        assert_eq!(one.usd.nanos(), replies + prompts);
        let once = "\"retry\":{\"max\":1,\"delay_ms\":1,\"backoff\":\"fixed\",\"max_delay_ms\":1}";
        let retried = format!("{{\"id\":\"a\",{FAST},{once},\"for_each\":[1,2]}}");
        let all = found(&retried).unwrap();
        assert_eq!((all.calls, all.tokens), (4 * one.calls, 4 * one.tokens));
        assert_eq!(all.usd.nanos(), 4 * one.usd.nanos());
    }

    #[test]
    fn a_model_without_a_price_is_named() {
        let smart = found("{\"id\":\"a\",\"prompt\":\"Why?\"}").unwrap();
        assert_eq!(smart.usd, Money::ZERO);
        assert_eq!(smart.unpriced.iter().collect::<Vec<_>>(), ["nobody-knows"]);
    }

    #[test]
    fn what_asks_nothing_comes_to_nothing() {
        assert_eq!(found("{\"id\":\"a\",\"run\":\"x\"}"), None);
        assert_eq!(
            found(&format!("{{\"id\":\"a\",{FAST},\"for_each\":[]}}")),
            None
        );
    }
}
