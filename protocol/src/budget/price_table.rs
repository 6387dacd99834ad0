//! The file that prices are read from: strict, for people write it too.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::money::Money;
use super::price::PriceTable;

/// What a table says it is.
const SCHEMA: &str = "orchestra.prices/v1";
/// Bytes of a table: a thousand models with room for remarks.
const MAX_BYTES: usize = 1024 * 1024;
/// Names in a table.
const MAX_MODELS: usize = 1_000;
/// Bytes of a model's name.
const MAX_NAME: usize = 200;
/// Sizes of prompts that one model tells apart.
const MAX_TIERS: usize = 16;

/// Why a text is no table of prices.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// Longer than any table.
    #[error("{0} bytes are too many for a table of prices: at most {MAX_BYTES}")]
    TooBig(usize),
    /// Not the shape of one.
    #[error("not a table of prices")]
    Json(#[from] serde_json::Error),
    /// Another kind of file, or another version.
    #[error("`schema` is `{0}`, not `{SCHEMA}`")]
    Schema(String),
    /// Not a day.
    #[error("`as_of` is `{0}`, not a day such as 2026-11-20")]
    Day(String),
    /// Something is wrong with the prices of a model.
    #[error("prices of `{model}`: {problem}")]
    Model {
        /// Its name, or the place of the row where it has none.
        model: String,
        /// What.
        problem: &'static str,
    },
}

/// What one model costs, in dollars a million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    source: String,
    note: Option<String>,
    secondary: bool,
    tiers: Vec<Tier>,
}

impl Row {
    /// Where the prices are from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What else is to be known of them.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether they are told by somebody else than the provider.
    #[must_use]
    pub const fn is_secondary(&self) -> bool {
        self.secondary
    }

    /// The prices for a prompt of so many tokens.
    pub(super) fn tier(&self, prompt: u64) -> &Tier {
        let fits = |tier: &&Tier| tier.up_to.is_none_or(|most| prompt <= most);
        let fitting = self.tiers.iter().find(fits);
        fitting.expect("the last tier is for any size")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    as_of: String,
    prices: Vec<FileRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    models: Vec<String>,
    source: String,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    secondary: bool,
    tiers: Vec<Tier>,
}

/// Prices for prompts up to a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    #[serde(default)]
    pub(super) up_to: Option<u64>,
    #[serde(deserialize_with = "dollars")]
    pub(super) input: Money,
    #[serde(deserialize_with = "dollars")]
    pub(super) output: Money,
    #[serde(default, deserialize_with = "some_dollars")]
    pub(super) cache_write_5m: Option<Money>,
    #[serde(default, deserialize_with = "some_dollars")]
    pub(super) cache_write_1h: Option<Money>,
    #[serde(default, deserialize_with = "some_dollars")]
    pub(super) cache_read: Option<Money>,
}

/// A text: `0.10` as a number would be a float on its way.
fn dollars<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Money, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn some_dollars<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Money>, D::Error> {
    dollars(from).map(Some)
}

impl PriceTable {
    /// Reads a table.
    ///
    /// # Errors
    /// It is not one, or says something twice or not at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, PriceError> {
        if bytes.len() > MAX_BYTES {
            return Err(PriceError::TooBig(bytes.len()));
        }
        let File {
            schema,
            as_of,
            prices,
        } = serde_json::from_slice(bytes)?;
        let short = |text: String| text.chars().take(60).collect::<String>();
        if schema != SCHEMA {
            return Err(PriceError::Schema(short(schema)));
        }
        if !is_day(&as_of) {
            return Err(PriceError::Day(short(as_of)));
        }
        let mut rows = BTreeMap::new();
        for (at, row) in prices.into_iter().enumerate() {
            let first = row.models.first().map(|name| short(name.clone()));
            let model = first.unwrap_or_else(|| format!("row {}", at + 1));
            let wrong = |problem| PriceError::Model {
                model: model.clone(),
                problem,
            };
            let (models, row) = checked(row).map_err(wrong)?;
            for name in models {
                if rows.insert(name, Arc::clone(&row)).is_some() {
                    return Err(wrong("a name that is in the table twice"));
                }
            }
            if rows.len() > MAX_MODELS {
                return Err(wrong("more models than a table may have"));
            }
        }
        Ok(Self { as_of, rows })
    }
}

fn checked(row: FileRow) -> Result<(Vec<String>, Arc<Row>), &'static str> {
    let FileRow {
        models,
        source,
        note,
        secondary,
        tiers,
    } = row;
    let is_name = |name: &String| {
        let plain = name.bytes().all(|b| b.is_ascii_graphic());
        !name.is_empty() && name.len() <= MAX_NAME && plain
    };
    if models.is_empty() {
        return Err("`models` names none");
    }
    if !models.iter().all(is_name) {
        return Err("a name that no model can have");
    }
    if source.trim().is_empty() {
        return Err("`source` says nothing");
    }
    let Some((last, bounded)) = tiers.split_last() else {
        return Err("`tiers` is empty");
    };
    if tiers.len() > MAX_TIERS {
        return Err("too many tiers");
    }
    if last.up_to.is_some() {
        return Err("the last tier is for prompts of any size: it has no `up_to`");
    }
    if bounded.iter().any(|tier| tier.up_to.is_none()) {
        return Err("only the last tier goes without `up_to`");
    }
    for pair in tiers.windows(2) {
        let [small, big] = pair else { continue };
        if big.up_to.is_some_and(|most| Some(most) <= small.up_to) {
            return Err("tiers go from small prompts to big ones");
        }
        if !big.is_no_cheaper(small) {
            // A larger prompt would cost less, and no worst case would be one.
            return Err("a bigger prompt's tier is cheaper, or lacks a price, or has one more");
        }
    }
    let row = Row {
        source,
        note,
        secondary,
        tiers,
    };
    Ok((models, Arc::new(row)))
}

impl Tier {
    fn is_no_cheaper(&self, than: &Self) -> bool {
        let both = |own: Option<Money>, other: Option<Money>| match (own, other) {
            (Some(own), Some(other)) => own >= other,
            (own, other) => own == other,
        };
        self.input >= than.input
            && self.output >= than.output
            && both(self.cache_write_5m, than.cache_write_5m)
            && both(self.cache_write_1h, than.cache_write_1h)
            && both(self.cache_read, than.cache_read)
    }
}

/// `2026-11-20`, as far as its digits go.
fn is_day(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shape && text.len() == 10
}
