//! The prices that this build knows: a dated file in the repository, read once.

use protocol::budget::PriceTable;

/// See `prices/prices.json` for what each row rests on.
const PRICES: &[u8] = include_bytes!("../../prices/prices.json");

/// The prices of this build. What a user's own table says takes their place:
/// [`PriceTable::overridden_by`].
#[must_use]
pub fn known_prices() -> PriceTable {
    PriceTable::parse(PRICES).expect("a test reads the prices that are built in")
}

#[cfg(test)]
mod tests {
    use protocol::budget::{CacheUse, Usage};

    use super::*;

    /// Model; input, write 5m, write 1h, read, output; nano-dollars, worked out by hand.
    type Case = (&'static str, [u64; 5], u64);

    const BY_HAND: &[Case] = &[
        // 4 / 20 / 5 / 8 / 0.20 dollars a million.
        ("claude-opus-5-5", [0, 0, 0, 0, 0], 0),
        ("claude-opus-5-5", [1, 0, 0, 0, 0], 4_000),
        ("claude-opus-5-5", [21, 188, 0, 0, 393], 8_884_000),
        ("claude-opus-5-5", [0, 0, 1_000, 50_000, 2_000], 58_000_000),
        (
            "claude-opus-5-5",
            [1_000_000, 0, 0, 0, 128_000],
            6_560_000_000,
        ),
        // 5 / 25 / 6.25 / 10 / 0.50.
        ("claude-opus-5", [12_000, 0, 0, 0, 800], 80_000_000),
        ("claude-opus-5", [0, 10_000, 0, 100_000, 1], 112_525_000),
        ("claude-opus-4-8", [0, 1, 0, 0, 0], 6_250),
        ("claude-opus-4-7", [0, 0, 0, 0, 3], 75_000),
        ("claude-opus-4-6", [0, 0, 3, 0, 0], 30_000),
        ("claude-opus-4-5", [2, 0, 0, 0, 2], 60_000),
        ("claude-opus-4-5-20251101", [0, 0, 0, 7, 0], 3_500),
        // 10 / 50 / 12.50 / 20 / 0.25.
        (
            "claude-fable-5-1",
            [1_000, 1_000, 1_000, 1_000, 1_000],
            92_750_000,
        ),
        // 8 / 40 / 10 / - / 0.20.
        ("claude-fable-5-2", [500, 500, 0, 500, 500], 29_100_000),
        // 2 / 10 / 2.50 / 4 / 0.20.
        ("claude-sonnet-5-5", [3_333, 0, 0, 0, 777], 14_436_000),
        ("claude-sonnet-5-5", [0, 4_096, 4_096, 4_096, 0], 27_443_200),
        (
            "claude-sonnet-5",
            [1_000_000, 0, 0, 0, 128_000],
            3_280_000_000,
        ),
        // 3 / 15 / 3.75 / 6 / 0.30.
        ("claude-sonnet-4-6", [100, 100, 100, 100, 100], 2_805_000),
        // Up to 100,000 tokens of prompt: 0.10 / 0.50 / 0.125 / 0.20 / 0.01.
        ("claude-haiku-5-5", [0, 0, 0, 1, 0], 10),
        ("claude-haiku-5-5", [0, 1, 0, 0, 0], 125),
        ("claude-haiku-5-5", [100_000, 0, 0, 0, 1_000], 10_500_000),
        (
            "claude-haiku-5-5",
            [1, 40_000, 30_000, 29_999, 0],
            11_300_090,
        ),
        ("claude-haiku-5-5", [50, 0, 0, 0, 200_000], 100_005_000),
        // Above: 0.50 / 2.50 / 0.625 / 1 / 0.05. All classes of a prompt count towards its size.
        ("claude-haiku-5-5", [100_001, 0, 0, 0, 1_000], 52_500_500),
        (
            "claude-haiku-5-5",
            [2, 40_000, 30_000, 29_999, 0],
            56_500_950,
        ),
        ("claude-haiku-5-5", [0, 100_001, 0, 0, 0], 62_500_625),
        // 1 / 5 / 1.25 / 2 / 0.10.
        ("claude-haiku-4-5", [64_000, 0, 0, 0, 64_000], 384_000_000),
        ("claude-haiku-4-5-20251001", [0, 8, 8, 8, 0], 26_800),
    ];

    #[test]
    fn costs_are_those_worked_out_by_hand() {
        let prices = known_prices();
        for (model, [input, cache_write_5m, cache_write_1h, cache_read, output], nanos) in BY_HAND {
            let usage = Usage {
                input: *input,
                cache_write_5m: *cache_write_5m,
                cache_write_1h: *cache_write_1h,
                cache_read: *cache_read,
                output: *output,
                // Part of the output: counted once.
                thinking: *output / 2,
            };
            let cost = prices.cost(model, &usage).map(|cost| cost.nanos());
            assert_eq!(cost, Some(*nanos), "{model} {usage:?}");
        }
    }

    #[test]
    fn worst_cases_are_those_worked_out_by_hand() {
        let prices = known_prices();
        let worst = |model, prompt, output, cache| {
            let worst = prices.worst_case(model, prompt, output, cache);
            worst.map(|worst| worst.nanos())
        };
        let five = CacheUse::FiveMinutes;
        assert_eq!(worst("claude-opus-5-5", 1_000, 100, five), Some(7_000_000));
        let none = CacheUse::None;
        assert_eq!(worst("claude-opus-5-5", 1_000, 100, none), Some(6_000_000));
        let hour = CacheUse::Hour;
        assert_eq!(worst("claude-opus-5-5", 1_000, 100, hour), Some(10_000_000));
        // The tier goes by the prompt.
        assert_eq!(
            worst("claude-haiku-5-5", 100_000, 0, five),
            Some(12_500_000)
        );
        assert_eq!(
            worst("claude-haiku-5-5", 100_001, 0, five),
            Some(62_500_625)
        );
        // Nobody said what its hour costs.
        assert_eq!(worst("claude-fable-5-2", 1, 1, hour), None);
    }

    #[test]
    fn what_is_not_in_the_table_has_no_price() {
        let prices = known_prices();
        let used = Usage {
            input: 1,
            ..Usage::default()
        };
        for model in [
            "gpt-5",
            "claude-opus",
            "claude-sonnet-4-5",
            "",
            "CLAUDE-OPUS-5",
        ] {
            assert_eq!(prices.cost(model, &used), None, "{model}");
        }
        let hour = Usage {
            cache_write_1h: 1,
            ..Usage::default()
        };
        assert_eq!(prices.cost("claude-fable-5-2", &hour), None);
    }

    #[test]
    fn every_row_says_where_it_is_from_and_hearsay_is_marked() {
        let prices = known_prices();
        assert_eq!(prices.as_of(), "2026-11-20");
        let hearsay: Vec<_> = prices
            .models()
            .filter(|model| prices.row(model).unwrap().is_secondary())
            .collect();
        assert_eq!(hearsay, ["claude-fable-5-2"]);
        assert_eq!(prices.models().count(), 15);
        assert!(
            prices
                .models()
                .all(|model| !prices.row(model).unwrap().source().is_empty())
        );
    }
}
