//! What calls of models came to, in words: on a terminal, in each report, and beside what was allowed.

use protocol::budget::{Budget, Spend};

use super::summary::RunSummary;
use super::words;

/// `2 calls · 3.4k tokens · $0.012 of $1.50`; none where no model was asked.
#[must_use]
pub fn spent(summary: &RunSummary) -> Option<String> {
    let ledger = &summary.calls.ledger;
    let spend = ledger.settled();
    let in_flight = ledger.in_flight().count();
    if spend.calls == 0 && in_flight == 0 {
        return None;
    }
    let mut text = in_words(spend, summary.budget.as_ref());
    if in_flight > 0 {
        let aside = ledger.set_aside();
        let calls = words::count(in_flight, "call");
        text.push_str(&format!(
            " · {calls} under way, at most {} tokens",
            tokens(aside.tokens())
        ));
    }
    let from_fixture = summary.calls.fixtures() as u64;
    if from_fixture > 0 {
        text.push_str(match from_fixture == spend.calls {
            true => " · from a fixture",
            false => " · in part from a fixture",
        });
    }
    Some(text)
}

/// Dollars alone, or tokens where no price is known: for a line that says more.
#[must_use]
pub fn briefly(summary: &RunSummary) -> Option<String> {
    let spend = summary.calls.ledger.settled();
    if spend.calls == 0 {
        return None;
    }
    let bound = summary.budget.and_then(|budget| budget.usd);
    let of = bound.map_or_else(String::new, |most| format!(" of {most}"));
    Some(match spend.unpriced {
        0 => format!("{}{of}", spend.usd),
        _ => format!("{} tokens", tokens(spend.tokens())),
    })
}

/// What was used, each beside its bound where there is one.
#[must_use]
pub fn in_words(spend: Spend, budget: Option<&Budget>) -> String {
    let of = |bound: Option<String>| bound.map_or_else(String::new, |most| format!(" of {most}"));
    let bound = budget.copied().unwrap_or_default();
    let mut calls = words::count(usize::try_from(spend.calls).unwrap_or(usize::MAX), "call");
    if let Some(most) = bound.calls {
        calls = format!("{} of {most} calls", spend.calls);
    }
    let used = tokens(spend.tokens());
    let used = format!("{used}{} tokens", of(bound.tokens.map(tokens)));
    let usd = match (spend.calls, spend.unpriced) {
        (_, 0) => format!("{}{}", spend.usd, of(bound.usd.map(|usd| usd.to_string()))),
        (all, unpriced) if all == unpriced => "unpriced".to_owned(),
        (_, unpriced) => format!("{} and {unpriced} unpriced", spend.usd),
    };
    let estimated = match spend.estimated {
        0 => String::new(),
        estimated => format!(" ({estimated} estimated)"),
    };
    format!("{calls} · {used} · {usd}{estimated}")
}

/// `950`, `3.4k`, `1.2M`: rounded up, so that little is never nothing.
#[must_use]
pub fn tokens(count: u64) -> String {
    let tenths = |unit: u64| count.div_ceil(unit / 10);
    match count {
        0..1_000 => count.to_string(),
        1_000..=999_900 => {
            let tenths = tenths(1_000);
            with_tenth(tenths, "k")
        }
        _ => with_tenth(tenths(1_000_000), "M"),
    }
}

fn with_tenth(tenths: u64, unit: &str) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{unit}"),
        (whole, _) if whole >= 100 => format!("{}{unit}", whole + 1),
        (whole, tenth) => format!("{whole}.{tenth}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use protocol::budget::{Money, Usage};

    use super::*;

    #[test]
    fn tokens_are_short_and_rounded_up() {
        for (count, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1k"),
            (1_001, "1.1k"),
            (3_400, "3.4k"),
            (61_000, "61k"),
            (150_000, "150k"),
            (150_001, "151k"),
            (999_900, "1000k"),
            (999_901, "1M"),
            (1_250_000, "1.3M"),
        ] {
            assert_eq!(tokens(count), shown, "{count}");
        }
    }

    #[test]
    fn what_was_used_stands_beside_what_is_allowed() {
        let spend = Spend {
            calls: 2,
            usage: Usage {
                input: 3_000,
                output: 400,
                ..Usage::default()
            },
            usd: Money::from_nanos(12_000_000),
            unpriced: 0,
            estimated: 1,
        };
        let budget = Budget {
            usd: Some(Money::from_nanos(1_500_000_000)),
            tokens: Some(150_000),
            calls: Some(20),
            wall_ms: None,
        };
        assert_eq!(
            in_words(spend, Some(&budget)),
            "2 of 20 calls · 3.4k of 150k tokens · $0.012 of $1.50 (1 estimated)"
        );
        let unpriced = |unpriced| Spend {
            unpriced,
            estimated: 0,
            ..spend
        };
        assert_eq!(
            in_words(unpriced(2), None),
            "2 calls · 3.4k tokens · unpriced"
        );
        assert_eq!(
            in_words(unpriced(1), None),
            "2 calls · 3.4k tokens · $0.012 and 1 unpriced"
        );
    }
}
