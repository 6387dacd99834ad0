//! What calls cost: the prices that ship, and before them the user's own.

use l2_coordinator::model::known_prices;
use protocol::budget::PriceTable;

use crate::cli::error::CliError;
use crate::settings::Models;

/// The prices that hold.
///
/// # Errors
/// The user's file is not there, or no table of prices.
pub fn prices(settings: &Models) -> Result<PriceTable, CliError> {
    let known = known_prices();
    let Some(file) = &settings.prices else {
        return Ok(known);
    };
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| CliError {
        source: Some(error),
        ..CliError::not_ready(
            "prices-unreadable",
            format!("{} is no table of prices", file.display()),
        )
    };
    let bytes = fs_err::read(file).map_err(|error| wrong(error.into()))?;
    let own = PriceTable::parse(&bytes).map_err(|error| wrong(error.into()))?;
    Ok(known.overridden_by(&own))
}
