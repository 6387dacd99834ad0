//! What a run's calls have used and may still use, as a fold over `budget.reserved` and
//! `budget.settled`. Not what they may use: that is a the budget's word.

use std::collections::BTreeMap;

use super::call::{CallId, Reserved, Settled};
use super::money::Money;
use super::usage::Usage;

/// What calls used, or may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Calls.
    pub calls: u64,
    /// Tokens, by what they cost.
    pub usage: Usage,
    /// Dollars of the calls whose model has a price.
    pub usd: Money,
    /// Calls whose model has no price: they are not in `usd`.
    pub unpriced: u64,
    /// Calls that nobody said the usage of: they count as much as was set aside for them.
    pub estimated: u64,
}

impl Spend {
    /// All tokens.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.usage.total()
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            usage: self.usage.plus(other.usage),
            usd: self.usd.plus(other.usd),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            estimated: self.estimated.saturating_add(other.estimated),
        }
    }

    /// Of one call that is over.
    #[must_use]
    pub fn of(settled: &Settled) -> Self {
        Self {
            calls: 1,
            usage: settled.usage(),
            usd: settled.usd.unwrap_or_default(),
            unpriced: u64::from(settled.usd.is_none()),
            estimated: u64::from(settled.estimated),
        }
    }

    /// The most that one call in flight may come to.
    #[must_use]
    pub fn at_most(reserved: &Reserved) -> Self {
        Self {
            estimated: 0,
            ..Self::of(&reserved.in_full(None))
        }
    }
}

/// An event about a call that does not fit the ones before it; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Calls count up.
    #[error("call {call} is reserved after call {last}")]
    OutOfTurn {
        /// The call.
        call: CallId,
        /// The highest number so far.
        last: CallId,
    },
    /// Only what is reserved is settled, and once.
    #[error("call {0} is settled, and is not in flight")]
    NotInFlight(CallId),
}

/// The calls of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    open: BTreeMap<CallId, Box<Reserved>>,
    settled: Spend,
    last: CallId,
}

impl Ledger {
    /// Calls in flight, in the order of their reservations.
    pub fn in_flight(&self) -> impl Iterator<Item = &Reserved> {
        self.open.values().map(AsRef::as_ref)
    }

    /// One call in flight.
    #[must_use]
    pub fn reserved(&self, call: CallId) -> Option<&Reserved> {
        self.open.get(&call).map(AsRef::as_ref)
    }

    /// What calls that are over used.
    #[must_use]
    pub const fn settled(&self) -> Spend {
        self.settled
    }

    /// The most that calls in flight may come to.
    #[must_use]
    pub fn set_aside(&self) -> Spend {
        let all = self.in_flight().map(Spend::at_most);
        all.fold(Spend::default(), Spend::plus)
    }

    /// The number of the next call.
    #[must_use]
    pub const fn next_call(&self) -> CallId {
        self.last.next()
    }

    /// Takes a reservation in.
    ///
    /// # Errors
    /// Its number is not above all earlier ones.
    pub fn reserve(&mut self, reserved: &Reserved) -> Result<(), LedgerError> {
        let (call, last) = (reserved.call, self.last);
        if call <= last {
            return Err(LedgerError::OutOfTurn { call, last });
        }
        self.last = call;
        self.open.insert(call, Box::new(reserved.clone()));
        Ok(())
    }

    /// Takes a settlement in: what was set aside for the call is free again, but for what it used.
    ///
    /// # Errors
    /// The call is not in flight.
    pub fn settle(&mut self, settled: &Settled) -> Result<(), LedgerError> {
        if self.open.remove(&settled.call).is_none() {
            return Err(LedgerError::NotInFlight(settled.call));
        }
        self.settled = self.settled.plus(Spend::of(settled));
        Ok(())
    }
}
