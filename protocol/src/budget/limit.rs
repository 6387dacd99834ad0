//! What the calls of a run may add up to, and the one decision about it: whether one more may start.
//! Pure; the worst case of each call is set aside before it, so that what is in flight always fits.

use std::fmt;

use super::call::Reserved;
use super::ledger::{Ledger, Spend};
use super::money::Money;
use crate::policy::Budgets;

/// Bounds of a run's calls. Absent: unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Tokens of prompts and replies together.
    pub tokens: Option<u64>,
    /// Dollars.
    pub usd: Option<Money>,
    /// Calls.
    pub calls: Option<u64>,
    /// Milliseconds since the run began.
    pub wall_ms: Option<u64>,
}

impl From<Budgets> for Budget {
    fn from(budgets: Budgets) -> Self {
        Self {
            tokens: budgets.tokens,
            usd: budgets.usd_nanos.map(Money::from_nanos),
            calls: budgets.calls,
            wall_ms: budgets.wall_ms,
        }
    }
}

/// The most that one more call may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model, for messages.
    pub model: String,
    /// Tokens of the prompt, estimated from above.
    pub prompt: u64,
    /// Most tokens of the reply.
    pub output: u64,
    /// What they cost at most; absent where the model has no price.
    pub usd: Option<Money>,
    /// Milliseconds since the run began.
    pub elapsed_ms: u64,
}

impl Ask {
    /// What a reservation asks for.
    #[must_use]
    pub fn of(reserved: &Reserved, elapsed_ms: u64) -> Self {
        Self {
            model: reserved.model.clone(),
            prompt: reserved.prompt,
            output: reserved.output,
            usd: reserved.usd,
            elapsed_ms,
        }
    }
}

/// Which bound is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Tokens.
    Tokens,
    /// Nano-dollars.
    Usd,
    /// Calls.
    Calls,
    /// Milliseconds.
    Wall,
}

impl Counted {
    /// The word in `budget`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Usd => "usd",
            Self::Calls => "calls",
            Self::Wall => "wall",
        }
    }

    fn shown(self, amount: u64) -> String {
        match self {
            Self::Tokens => format!("{amount} tokens"),
            Self::Usd => Money::from_nanos(amount).to_string(),
            Self::Calls if amount == 1 => "1 call".to_owned(),
            Self::Calls => format!("{amount} calls"),
            Self::Wall => format!("{} s", amount / 1000),
        }
    }
}

/// Why no further call may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// It would not fit a bound, all in the unit of [`Counted`].
    Bound {
        /// Which.
        which: Counted,
        /// The bound.
        limit: u64,
        /// What calls that are over used.
        used: u64,
        /// What is set aside for calls in flight.
        reserved: u64,
        /// What this one might come to.
        asked: u64,
    },
    /// There is a budget of dollars, and nobody knows what the model costs.
    Unpriced {
        /// The model.
        model: String,
    },
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpriced { model } => write!(
                f,
                "there is a budget of dollars, and `{model}` has no known price"
            ),
            Self::Bound {
                which: Counted::Wall,
                limit,
                used,
                ..
            } => {
                let (limit, used) = (Counted::Wall.shown(*limit), Counted::Wall.shown(*used));
                write!(f, "the run's {limit} are over after {used}")
            }
            Self::Bound {
                which,
                limit,
                used,
                reserved,
                asked,
            } => {
                let shown = |amount: &u64| which.shown(*amount);
                write!(
                    f,
                    "{} of {} used, {} set aside for calls in flight; one more may take {}",
                    shown(used),
                    shown(limit),
                    shown(reserved),
                    shown(asked)
                )
            }
        }
    }
}

impl std::error::Error for Exhausted {}

impl Exhausted {
    /// What a person can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Bound { which, .. } => {
                format!("raise the budget of `{}` where it is set", which.as_str())
            }
            Self::Unpriced { .. } => {
                "add its prices to a file that `model_prices` names, or bound the run by `tokens` instead".to_owned()
            }
        }
    }
}

impl Budget {
    /// Whether nothing is bounded.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a call may start after those of `ledger`.
    ///
    /// # Errors
    /// Together with what is used and set aside it may not fit.
    pub fn admits(&self, ledger: &Ledger, ask: &Ask) -> Result<(), Exhausted> {
        let Spend {
            calls, usage, usd, ..
        } = ledger.settled();
        let aside = ledger.set_aside();
        let asked_usd = match (self.usd, ask.usd) {
            (Some(_), None) => {
                let model = ask.model.clone();
                return Err(Exhausted::Unpriced { model });
            }
            (_, usd) => usd.unwrap_or_default().nanos(),
        };
        let bounds = [
            (
                Counted::Usd,
                self.usd.map(Money::nanos),
                usd.nanos(),
                aside.usd.nanos(),
                asked_usd,
            ),
            (
                Counted::Tokens,
                self.tokens,
                usage.total(),
                aside.tokens(),
                ask.prompt.saturating_add(ask.output),
            ),
            (Counted::Calls, self.calls, calls, aside.calls, 1),
            (Counted::Wall, self.wall_ms, ask.elapsed_ms, 0, 1),
        ];
        for (which, limit, used, reserved, asked) in bounds {
            let sum = used.saturating_add(reserved).saturating_add(asked);
            if let Some(limit) = limit.filter(|limit| sum > *limit) {
                return Err(Exhausted::Bound {
                    which,
                    limit,
                    used,
                    reserved,
                    asked,
                });
            }
        }
        Ok(())
    }
}
