//! Money and tokens: what a model call is set aside, what it used, and exact amounts of dollars. What
//! they may add up to is the policy's business; what a token costs is data of the coordinator.

mod call;
mod ledger;
mod limit;
mod money;
mod price;
mod price_table;
#[cfg(test)]
mod tests;
mod usage;

pub use call::{CallId, Purpose, Reserved, Settled};
pub use ledger::{Ledger, LedgerError, Spend};
pub use limit::{Ask, Budget, Counted, Exhausted};
pub use money::{Money, MoneyError};
pub use price::{CacheUse, PriceTable};
pub use price_table::{PriceError, Row};
pub use usage::{Usage, Used};
