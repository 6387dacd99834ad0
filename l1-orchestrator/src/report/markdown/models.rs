//! What was asked of models: sums, and what no model said though it reads like it.

use super::page::Page;
use crate::report::words;

impl Page<'_> {
    pub(super) fn models(&mut self) {
        let calls = &self.summary.calls;
        if calls.is_empty() {
            return;
        }
        let (spend, fixtures) = (calls.spend(), calls.fixtures());
        let in_flight = calls.ledger.in_flight().count();
        self.heading("Model calls");
        let many = usize::try_from(spend.calls).unwrap_or(usize::MAX);
        let priced = match (spend.unpriced, spend.calls) {
            (0, _) => spend.usd.to_string(),
            (all, of) if all == of => "unpriced".to_owned(),
            (some, _) => format!("{} and {some} unpriced", spend.usd),
        };
        self.line(&format!(
            "- {}: {} tokens, {priced}",
            words::count(many, "call"),
            spend.tokens()
        ));
        if spend.estimated > 0 {
            self.line(&format!(
                "- Nobody said what {} of them used: they count as much as was set aside",
                spend.estimated
            ));
        }
        if in_flight > 0 {
            self.line(&format!(
                "- {in_flight} of them never ended: they count as much as is set aside"
            ));
        }
        if fixtures > 0 {
            self.line(&format!(
                "- Fixtures: {fixtures} of the replies were written by hand, and no model gave them"
            ));
        }
    }
}
