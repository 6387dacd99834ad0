//! Prices as people write them, and budgets against providers that report what they like.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Ask, Budget, CacheUse, CallId, Counted, Exhausted, Ledger, Money, PriceTable, Purpose,
    Reserved, Settled, Usage, Used,
};
use crate::digest::Digest;

fn table(tiers: &str) -> String {
    format!(
        r#"{{"schema": "orchestra.prices/v1", "as_of": "2026-11-20",
            "prices": [{{"models": ["m"], "source": "a test", "tiers": {tiers}}}]}}"#
    )
}

fn prices() -> PriceTable {
    let tiers = r#"[
        {"up_to": 100, "input": "1.5", "output": "7", "cache_write_5m": "2", "cache_write_1h": "3",
         "cache_read": "0.000001"},
        {"input": "3", "output": "7.000000001", "cache_write_5m": "4", "cache_write_1h": "6",
         "cache_read": "0.1"}]"#;
    PriceTable::parse(table(tiers).as_bytes()).unwrap()
}

#[test]
fn tables_with_something_wrong_say_what() {
    let says = |text: &str| PriceTable::parse(text.as_bytes()).unwrap_err().to_string();
    let one = r#"{"input": "1", "output": "1"}"#;
    for (tiers, expected) in [
        ("[]".to_owned(), "`tiers` is empty"),
        (
            r#"[{"up_to": 5, "input": "1", "output": "1"}]"#.to_owned(),
            "the last tier is for prompts of any size: it has no `up_to`",
        ),
        (
            format!("[{one}, {one}]"),
            "only the last tier goes without `up_to`",
        ),
        (
            format!(r#"[{{"up_to": 5, "input": "2", "output": "1"}}, {one}]"#),
            "a bigger prompt's tier is cheaper, or lacks a price, or has one more",
        ),
        (
            format!(
                r#"[{{"up_to": 5, "input": "1", "output": "1"}},
                    {{"up_to": 5, "input": "1", "output": "1"}}, {one}]"#
            ),
            "tiers go from small prompts to big ones",
        ),
    ] {
        let expected = format!("prices of `m`: {expected}");
        assert_eq!(says(&table(&tiers)), expected);
    }
    let good = table(&format!("[{one}]"));
    assert!(PriceTable::parse(good.as_bytes()).is_ok());
    for (what, with, expected) in [
        (
            "\"m\"",
            "\"m\", \"m\"",
            "prices of `m`: a name that is in the table twice",
        ),
        ("\"m\"", "", "prices of `row 1`: `models` names none"),
        (
            "\"m\"",
            "\"a b\"",
            "prices of `a b`: a name that no model can have",
        ),
        ("a test", " ", "prices of `m`: `source` says nothing"),
        (
            "prices/v1",
            "prices/v2",
            "`schema` is `orchestra.prices/v2`, not `orchestra.prices/v1`",
        ),
        (
            "2026-11-20",
            "20.11.2026",
            "`as_of` is `20.11.2026`, not a day such as 2026-11-20",
        ),
        ("\"1\"", "1", "not a table of prices"),
        ("\"1\"", "\"-1\"", "not a table of prices"),
        ("\"source\"", "\"sauce\"", "not a table of prices"),
    ] {
        assert_eq!(
            says(&good.replacen(what, with, 1)),
            expected,
            "{what} as {with}"
        );
    }
    let big = vec![b' '; 2 * 1024 * 1024];
    assert!(
        PriceTable::parse(&big)
            .unwrap_err()
            .to_string()
            .contains("too many")
    );
}

#[test]
fn a_call_is_rounded_up_once() {
    let prices = prices();
    let tenth = Usage {
        cache_read: 100,
        ..Usage::default()
    };
    // 100 tokens at 0.000001 dollars a million are a tenth of a nano-dollar.
    assert_eq!(prices.cost("m", &tenth), Some(Money::from_nanos(1)));
    let model = || "m".to_owned();
    let two = [
        Used {
            model: model(),
            usage: tenth,
        },
        Used {
            model: model(),
            usage: tenth,
        },
    ];
    assert_eq!(prices.cost_of(&two), Some(Money::from_nanos(1)));
    assert_eq!(prices.cost_of(&[]), Some(Money::ZERO));
    let other = [Used {
        model: "n".into(),
        usage: tenth,
    }];
    assert_eq!(prices.cost_of(&other), None);
}

#[test]
fn an_own_table_takes_the_place_of_what_it_names() {
    let own = table(r#"[{"input": "9", "output": "9"}]"#);
    let own = own.replace("\"m\"", "\"m\", \"local\"");
    let own = PriceTable::parse(own.as_bytes()).unwrap();
    let both = prices().overridden_by(&own);
    let one = Usage {
        input: 1,
        ..Usage::default()
    };
    assert_eq!(both.cost("m", &one), Some(Money::from_nanos(9_000)));
    assert_eq!(both.cost("local", &one), Some(Money::from_nanos(9_000)));
    assert_eq!(
        own.overridden_by(&prices()).cost("m", &one),
        Some(Money::from_nanos(1_500))
    );
}

#[test]
fn a_budget_names_the_bound_that_is_in_the_way() {
    let budget = Budget {
        tokens: Some(100),
        usd: Some(Money::from_nanos(1_500_000_000)),
        calls: Some(2),
        wall_ms: Some(60_000),
    };
    let ask = Ask {
        model: "m".into(),
        prompt: 40,
        output: 20,
        usd: Some(Money::from_nanos(1_000_000_000)),
        elapsed_ms: 0,
    };
    let mut ledger = Ledger::default();
    budget.admits(&ledger, &ask).unwrap();
    ledger.reserve(&reserved(1, &ask)).unwrap();
    let dear = budget.admits(&ledger, &ask).unwrap_err();
    assert_eq!(
        dear.to_string(),
        "$0.00 of $1.50 used, $1.00 set aside for calls in flight; one more may take $1.00"
    );
    let cheap = Ask {
        usd: Some(Money::ZERO),
        ..ask.clone()
    };
    let long = budget.admits(&ledger, &cheap).unwrap_err();
    assert_eq!(
        long.to_string(),
        "0 tokens of 100 tokens used, 60 tokens set aside for calls in flight; one more may take 60 tokens"
    );
    let short = Ask {
        prompt: 1,
        output: 1,
        ..cheap
    };
    budget.admits(&ledger, &short).unwrap();
    ledger.reserve(&reserved(2, &short)).unwrap();
    let many = budget.admits(&ledger, &short).unwrap_err();
    assert!(
        matches!(
            many,
            Exhausted::Bound {
                which: Counted::Calls,
                ..
            }
        ),
        "{many}"
    );
    assert_eq!(many.help(), "raise the budget of `calls` where it is set");
    let late = Ask {
        elapsed_ms: 60_000,
        ..short.clone()
    };
    let late = budget.admits(&Ledger::default(), &late).unwrap_err();
    assert_eq!(late.to_string(), "the run's 60 s are over after 60 s");
    let unpriced = Ask { usd: None, ..short };
    let why = budget.admits(&Ledger::default(), &unpriced).unwrap_err();
    assert_eq!(why, Exhausted::Unpriced { model: "m".into() });
    let no_dollars = Budget {
        usd: None,
        ..budget
    };
    no_dollars.admits(&Ledger::default(), &unpriced).unwrap();
}

fn reserved(call: u64, ask: &Ask) -> Reserved {
    Reserved {
        call: CallId(call),
        task: None,
        purpose: Purpose::Plan,
        round: 0,
        provider: "p".into(),
        model: ask.model.clone(),
        request: Digest::of(b"request"),
        prompt: ask.prompt,
        output: ask.output,
        usd: ask.usd,
    }
}

fn usage() -> impl Strategy<Value = Usage> {
    [0_u64..200, 0..200, 0..200, 0..200, 0..200].prop_map(
        |[input, cache_write_5m, cache_write_1h, cache_read, output]| Usage {
            input,
            cache_write_5m,
            cache_write_1h,
            cache_read,
            output,
            thinking: 0,
        },
    )
}

/// What a provider does with one call.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A further call, of so many tokens of prompt and reply.
    Ask(u64, u64),
    /// The n-th call in flight ends: it reports so many tenths of what was set aside.
    Settle(usize, u64),
    /// The process dies and is taken up again.
    Crash,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0_u64..120, 1_u64..80).prop_map(|(prompt, output)| Deed::Ask(prompt, output)),
        // Ten times as much as asked for is a hundred tenths.
        3 => (0_usize..8, prop_oneof![0_u64..=10, Just(100)])
            .prop_map(|(nth, tenths)| Deed::Settle(nth, tenths)),
        1 => Just(Deed::Crash),
    ]
}

fn reported(reserved: &Reserved, tenths: u64, prices: &PriceTable) -> Settled {
    let model = reserved.model.clone();
    let usage = Usage {
        cache_write_5m: reserved.prompt * tenths / 10,
        output: reserved.output * tenths / 10,
        ..Usage::default()
    };
    let used = vec![Used { model, usage }];
    Settled {
        usd: prices.cost_of(&used),
        used,
        estimated: false,
        ..reserved.in_full(None)
    }
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(one in usage(), more in usage()) {
        let prices = prices();
        let (less, most) = (prices.cost("m", &one), prices.cost("m", &one.plus(more)));
        prop_assert!(less.unwrap() <= most.unwrap());
    }

    #[test]
    fn within_a_tier_costs_add_up(one in usage(), other in usage()) {
        let prices = prices();
        // Both above the first tier, and so their sum.
        let big = Usage { input: 101, ..Usage::default() };
        let (one, other) = (one.plus(big), other.plus(big));
        let each = |usage| Used { model: "m".into(), usage };
        let apart = prices.cost_of(&[each(one), each(other)]);
        prop_assert_eq!(prices.cost("m", &one.plus(other)), apart);
    }

    #[test]
    fn no_honest_call_costs_more_than_its_worst_case(one in usage(), spare in 0_u64..300) {
        let prices = prices();
        let worst = prices.worst_case("m", one.prompt() + spare, one.output, CacheUse::Hour);
        prop_assert!(prices.cost("m", &one).unwrap() <= worst.unwrap());
        let short = Usage { cache_write_1h: 0, ..one };
        let worst = prices.worst_case("m", short.prompt(), short.output, CacheUse::FiveMinutes);
        prop_assert!(prices.cost("m", &short).unwrap() <= worst.unwrap());
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _either = PriceTable::parse(&bytes).is_ok();
    }

    /// A provider that reports up to ten times what was set aside, in any order, with the process dying
    /// in between: what is overspent is what was reported above what was set aside, by calls that were
    /// in flight at the first such report, and nothing starts after it.
    #[test]
    fn a_hostile_provider_overspends_only_what_is_in_flight(
        deeds in vec(deed(), 1..80),
        tokens in 1_u64..2_000,
        usd in 1_u64..6_000_000,
    ) {
        let prices = prices();
        let usd = Money::from_nanos(usd);
        let budget = Budget { tokens: Some(tokens), usd: Some(usd), ..Budget::default() };
        let mut ledger = Ledger::default();
        let (mut more_tokens, mut more_usd, mut is_over) = (0_u64, 0_u64, false);
        for deed in deeds {
            match deed {
                Deed::Ask(prompt, output) => {
                    let worst = prices.worst_case("m", prompt, output, CacheUse::FiveMinutes);
                    let ask = Ask { model: "m".into(), prompt, output, usd: worst, elapsed_ms: 0 };
                    if budget.admits(&ledger, &ask).is_ok() {
                        prop_assert!(!is_over, "a call began after the budget was used up");
                        ledger.reserve(&reserved(ledger.next_call().0, &ask)).unwrap();
                    }
                }
                Deed::Settle(nth, tenths) => {
                    let Some(one) = ledger.in_flight().nth(nth).cloned() else { continue };
                    let settled = reported(&one, tenths, &prices);
                    more_tokens += settled.usage().total().saturating_sub(one.tokens());
                    let (cost, aside) = (settled.usd.unwrap(), one.usd.unwrap());
                    more_usd += cost.minus(aside).nanos();
                    ledger.settle(&settled).unwrap();
                }
                Deed::Crash => {
                    let open: Vec<_> = ledger.in_flight().cloned().collect();
                    for one in open {
                        ledger.settle(&one.in_full(None)).unwrap();
                    }
                }
            }
            let spent = ledger.settled();
            prop_assert!(spent.tokens() <= tokens + more_tokens);
            prop_assert!(spent.usd.nanos() <= usd.nanos() + more_usd);
            is_over |= spent.tokens() > tokens || spent.usd > usd;
        }
    }
}
