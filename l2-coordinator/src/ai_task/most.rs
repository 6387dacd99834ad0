//! The most that one attempt of a prompt task may ask, told from its plan: every question it may come to,
//! each repaired as often as may be. What prices and budgets are held against before anything starts.

use protocol::plan::{PlanTask, Prompt, Tier};

use super::attempt::REPAIR_ROUNDS;
use super::context::CONTEXT_TOKENS;
use super::words::SYSTEM;
use crate::machine::MAX_PROMPT_TEXT_BYTES;
use crate::model::{BYTES_PER_TOKEN, estimate_text};

/// Tokens of the words around a question, and of what is said of a reply that does not fit.
const FORM_TOKENS: u64 = 1_500;
/// A reply that goes back is counted by its bytes, of which a token may have more than an estimate has.
const SENT_BACK: u64 = 2;

/// One call, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostAsked {
    /// Which of the user's models.
    pub tier: Tier,
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the reply.
    pub output: u64,
}

/// All calls that one attempt may come to. `max_tokens`: of a reply, unless the task says so.
#[must_use]
pub fn most_asked(task: &PlanTask, max_tokens: u32) -> Vec<MostAsked> {
    let Some(prompt) = task.prompt() else {
        return Vec::new();
    };
    let output = u64::from(prompt.model.max_tokens.unwrap_or(max_tokens));
    let names = task.outputs().keys().chain(task.artifacts().keys());
    // Each is a line of what the reply has to hold.
    let named: u64 = names.map(|name| estimate_text(name) + 16).sum();
    let around = estimate_text(SYSTEM) + FORM_TOKENS + named + shown(prompt);
    let mut calls = Vec::new();
    for (text, tier) in questions(prompt) {
        for round in 0..=u64::from(REPAIR_ROUNDS) {
            let back = SENT_BACK * output + FORM_TOKENS;
            calls.push(MostAsked {
                tier,
                prompt: around + text + round * back,
                output,
            });
        }
    }
    calls
}

/// What a model gets to see beside the question: the schema once as the provider takes it, once in words.
fn shown(prompt: &Prompt) -> u64 {
    let schema = prompt
        .schema
        .as_ref()
        .map(|schema| estimate_text(&schema.to_string()) + estimate_text(&format!("{schema:#}")));
    let context = match prompt.context.is_empty() {
        true => 0,
        false => u64::from(prompt.context_tokens.unwrap_or(CONTEXT_TOKENS)),
    };
    context + schema.unwrap_or_default()
}

/// Tokens of each question and who is asked, in the order they are tried.
fn questions(prompt: &Prompt) -> Vec<(u64, Tier)> {
    let size = |text: &protocol::expr::Template| match text.literal() {
        Some(text) => estimate_text(text),
        None => (MAX_PROMPT_TEXT_BYTES as u64).div_ceil(BYTES_PER_TOKEN),
    };
    let tier = prompt.model.tier;
    let mut all = vec![(size(&prompt.text), tier)];
    let Some(fallback) = &prompt.fallback else {
        return all;
    };
    let other = fallback.prompt.as_ref().map(size);
    all.extend(other.map(|text| (text, tier)));
    if let Some(another) = fallback.tier.filter(|another| *another != tier) {
        all.push((other.unwrap_or(size(&prompt.text)), another));
    }
    all
}

#[cfg(test)]
mod tests {
    use protocol::plan::{DraftPlan, Limits};

    use super::*;
    use crate::ai_task::MAX_CALLS;

    fn most(task: &str) -> Vec<MostAsked> {
        let text = format!(
            "{{\"name\":\"p\",\"inputs\":{{\"i\":\"x\"}},\"tasks\":[{{\"id\":\"a\",{task}}}]}}"
        );
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        let plan = draft.check(&Limits::default()).unwrap();
        let task = plan.tasks().next().unwrap().1;
        most_asked(task, 1_000)
    }

    #[test]
    fn a_question_is_repaired_and_repairs_hold_what_came_before() {
        let calls = most("\"prompt\":\"Why?\"");
        assert_eq!(calls.len(), 3);
        assert!(
            calls
                .iter()
                .all(|call| (call.tier, call.output) == (Tier::Smart, 1_000))
        );
        let grows = |pair: &[MostAsked]| pair[1].prompt - pair[0].prompt;
        assert!(
            calls
                .windows(2)
                .all(|pair| grows(pair) == 2_000 + FORM_TOKENS)
        );
        assert_eq!(most("\"run\":\"x\""), []);
    }

    #[test]
    fn every_fallback_is_another_question() {
        let tiers = |task: &str| most(task).iter().map(|call| call.tier).collect::<Vec<_>>();
        let both = "\"prompt\":\"Why?\",\"model\":{\"tier\":\"fast\"},\
                    \"fallback\":{\"prompt\":\"How?\",\"tier\":\"smart\"}";
        let (fast, smart) = (Tier::Fast, Tier::Smart);
        assert_eq!(
            tiers(both),
            [fast, fast, fast, fast, fast, fast, smart, smart, smart]
        );
        assert_eq!(tiers(both).len(), MAX_CALLS as usize);
        let model = "\"prompt\":\"Why?\",\"fallback\":{\"tier\":\"fast\"}";
        assert_eq!(tiers(model), [smart, smart, smart, fast, fast, fast]);
    }

    #[test]
    fn what_is_seen_counts() {
        let least = most("\"prompt\":\"Why?\"")[0].prompt;
        let context = "\"prompt\":\"Why?\",\"context\":[{\"ref\":\"inputs.i\"}]";
        assert_eq!(most(context)[0].prompt, least + 100_000);
        let bounded = format!("{context},\"context_tokens\":500");
        assert_eq!(most(&bounded)[0].prompt, least + 500);
        let schema = "\"prompt\":\"Why?\",\"output_schema\":{\"type\":\"object\"}";
        assert!(most(schema)[0].prompt > least);
        let own = most("\"prompt\":\"Why?\",\"model\":{\"max_tokens\":7}");
        assert_eq!((own[0].prompt, own[0].output), (least, 7));
        let open = most("\"prompt\":\"Why ${{ inputs.i }}?\"");
        assert!(open[0].prompt > least + 10_000, "its value is not known");
    }
}
