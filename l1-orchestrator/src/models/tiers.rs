//! The two models that prompts are put to: the one that plans, and a quick and cheap one.

use std::sync::Arc;

use protocol::budget::PriceTable;

use super::build::{Chosen, model, model_for_resume};
use super::prices::prices;
use crate::cli::args::Recording;
use crate::cli::error::CliError;
use crate::settings::{KeySource, Models, Setting};

/// Who answers prompts, by tier.
#[derive(Clone)]
pub struct Tiers {
    /// Plans goals, too.
    pub smart: Chosen,
    /// Quick and cheap.
    pub fast: Chosen,
    /// What they cost.
    pub prices: Arc<PriceTable>,
}

impl Tiers {
    /// The models that settings and flags name; with `again`, for a run that goes on.
    ///
    /// # Errors
    /// As with [`model`], or a recording is asked for and they have different providers.
    pub fn of(settings: &Models, recording: &Recording, again: bool) -> Result<Self, CliError> {
        let smart = match again {
            true => model_for_resume(settings, recording)?,
            false => model(settings, recording, false)?,
        };
        let fast = fast(&smart, settings, recording, again)?;
        let prices = Arc::new(prices(settings)?);
        Ok(Self {
            smart,
            fast,
            prices,
        })
    }
}

fn fast(
    smart: &Chosen,
    settings: &Models,
    recording: &Recording,
    again: bool,
) -> Result<Chosen, CliError> {
    let (named, first) = (&settings.fast.value, &settings.model.value);
    // A provider is asked for any of its models; a script is one by itself.
    let is_same = match smart.is_fixture {
        true => named == first,
        false => named.provider == first.provider,
    };
    if is_same || smart.is_replay {
        return Ok(Chosen {
            name: smart.fast_name.clone(),
            // Small models take none; a task that knows better says so.
            effort: None,
            ..smart.clone()
        });
    }
    if recording.record.is_some() {
        let message = "a recording is of one provider, and `model` and `model_fast` name two";
        return Err(CliError::not_ready("record-two-providers", message)
            .hint("name models of one provider, such as with `--model-fast`"));
    }
    let own = Models {
        model: settings.fast.clone(),
        asked_as: Some(smart.fast_name.clone()),
        // What was said of the first provider is not said of another.
        url: None,
        key: Setting {
            value: KeySource::Auto,
            origin: settings.key.origin.clone(),
        },
        effort: None,
        ..settings.clone()
    };
    match again {
        true => model_for_resume(&own, recording),
        false => model(&own, recording, false),
    }
}
