//! What tokens cost: a dated table as data, read strictly, and exact sums over it. Not where the
//! table comes from, and never a guess: a model that it does not have has no price.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::price_table::{Row, Tier};
use super::usage::{Usage, Used};

/// Tokens that a price is for.
const PER: u128 = 1_000_000;

/// Prices of models by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable {
    pub(super) as_of: String,
    pub(super) rows: BTreeMap<String, Arc<Row>>,
}

/// How long a request asks a provider to keep its prompt at most, which decides what the prompt may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// It asks for nothing.
    None,
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
}

impl PriceTable {
    /// The day that the prices were looked up on.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// The prices of a model.
    #[must_use]
    pub fn row(&self, model: &str) -> Option<&Row> {
        self.rows.get(model).map(AsRef::as_ref)
    }

    /// All models that have a price, by name.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// This table, where what `own` says of a model takes the place of what this one says.
    #[must_use]
    pub fn overridden_by(mut self, own: &Self) -> Self {
        let own = own.rows.iter();
        self.rows
            .extend(own.map(|(model, row)| (model.clone(), Arc::clone(row))));
        self
    }

    /// What one call of one model cost; `None` where a class of tokens that it used has no price.
    #[must_use]
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Money> {
        Some(rounded_up(self.exact(model, usage)?))
    }

    /// What one call cost that used several models, rounded up once.
    #[must_use]
    pub fn cost_of(&self, used: &[Used]) -> Option<Money> {
        let exact = used.iter().map(|one| self.exact(&one.model, &one.usage));
        exact.sum::<Option<u128>>().map(rounded_up)
    }

    /// The most that a call with this prompt and this reply may cost, whatever a cache does with it.
    #[must_use]
    pub fn worst_case(
        &self,
        model: &str,
        prompt: u64,
        output: u64,
        cache: CacheUse,
    ) -> Option<Money> {
        let tier = self.row(model)?.tier(prompt);
        let dearest = match cache {
            CacheUse::None => tier.input,
            CacheUse::FiveMinutes => tier.input.max(tier.cache_write_5m?),
            CacheUse::Hour => tier
                .input
                .max(tier.cache_write_5m?)
                .max(tier.cache_write_1h?),
        };
        // A provider that writes no cache of its own accord may still read one.
        let dearest = dearest.max(tier.cache_read.unwrap_or_default());
        let exact = times(prompt, dearest) + times(output, tier.output);
        Some(rounded_up(exact))
    }

    /// In nano-dollars of a million tokens: nothing is rounded yet.
    fn exact(&self, model: &str, usage: &Usage) -> Option<u128> {
        let Tier {
            up_to: _,
            input,
            output,
            cache_write_5m,
            cache_write_1h,
            cache_read,
        } = self.row(model)?.tier(usage.prompt());
        let classes = [
            (usage.input, Some(*input)),
            (usage.output, Some(*output)),
            (usage.cache_write_5m, *cache_write_5m),
            (usage.cache_write_1h, *cache_write_1h),
            (usage.cache_read, *cache_read),
        ];
        let used = classes.into_iter().filter(|(tokens, _)| *tokens > 0);
        used.map(|(tokens, price)| Some(times(tokens, price?)))
            .sum()
    }
}

/// At most 2^64 x 2^53: several of them fit a `u128`.
fn times(tokens: u64, price: Money) -> u128 {
    u128::from(tokens) * u128::from(price.nanos())
}

fn rounded_up(exact: u128) -> Money {
    Money::from_nanos(u64::try_from(exact.div_ceil(PER)).unwrap_or(u64::MAX))
}
