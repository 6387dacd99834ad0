//! Amounts of US dollars, exact: whole nano-dollars, never a float.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of US dollars in whole nano-dollars (10^-9), at most 2^53 - 1 of them, so that it is an
/// exact number in any JSON reader: about nine million dollars. Sums beyond that stay there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Money(u64);

/// A text that is no amount of dollars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of dollars; write it like 1.50")]
pub struct MoneyError(String);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self((1 << 53) - 1);
    const DOLLAR: u64 = 1_000_000_000;
    const DIGITS: usize = 9;

    /// From nano-dollars; more than [`Self::MAX`] is [`Self::MAX`].
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        if nanos > Self::MAX.0 {
            Self::MAX
        } else {
            Self(nanos)
        }
    }

    /// In nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// As it is written in files: `1.5` is `1.50`, and no digit is lost.
    #[must_use]
    pub fn exact(self) -> String {
        let (dollars, rest) = (self.0 / Self::DOLLAR, self.0 % Self::DOLLAR);
        let digits = format!("{rest:09}");
        let used = digits.trim_end_matches('0').len().max(2);
        format!("{dollars}.{}", &digits[..used])
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::from_nanos(self.0.saturating_add(other.0))
    }

    /// What is left without `other`; nothing if that is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

/// `$1.50`; with more digits where cents would hide what there is: `$0.0021`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / Self::DOLLAR, self.0 % Self::DOLLAR);
        let digits = format!("{rest:09}");
        // Two digits, or from the first that is not zero two, if that is further to the right.
        let first = digits.bytes().position(|digit| digit != b'0');
        let shown = match (dollars, first) {
            (0, Some(first)) => (first + 2).clamp(2, Self::DIGITS),
            _ => 2,
        };
        let unit = 10_u64.pow(u32::try_from(Self::DIGITS - shown).expect("nine digits"));
        let rounded = rest.div_ceil(unit) * unit;
        let (dollars, rest) = (dollars + rounded / Self::DOLLAR, rounded % Self::DOLLAR);
        let digits = format!("{rest:09}");
        write!(f, "${dollars}.{}", &digits[..shown])
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// `1.50`, `$1.50`, `2`; at most nine digits after the point.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let refuse = || MoneyError(text.chars().take(40).collect());
        let plain = text.strip_prefix('$').unwrap_or(text);
        let (dollars, rest) = plain.split_once('.').unwrap_or((plain, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(dollars) || !are_digits(rest) || rest.len() > Self::DIGITS {
            return Err(refuse());
        }
        let dollars: u64 = dollars.parse().map_err(|_| refuse())?;
        let rest: u64 = format!("{rest:0<9}").parse().map_err(|_| refuse())?;
        let nanos = dollars
            .checked_mul(Self::DOLLAR)
            .and_then(|nanos| nanos.checked_add(rest))
            .filter(|nanos| *nanos <= Self::MAX.0);
        nanos.map(Self).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_rounded_up_and_never_as_nothing() {
        for (nanos, shown) in [
            (0, "$0.00"),
            (1_500_000_000, "$1.50"),
            (2_100_000, "$0.0021"),
            (2_101_000, "$0.0022"),
            (1, "$0.000000001"),
            (1_999_999_999, "$2.00"),
            (999_999_999, "$1.00"),
            (840_000_000, "$0.84"),
            (12_345_678_901, "$12.35"),
        ] {
            assert_eq!(Money::from_nanos(nanos).to_string(), shown, "{nanos}");
        }
    }

    #[test]
    fn amounts_are_read() {
        let nanos = |text: &str| text.parse::<Money>().map(Money::nanos);
        assert_eq!(nanos("1.50"), Ok(1_500_000_000));
        assert_eq!(nanos("$2"), Ok(2_000_000_000));
        assert_eq!(nanos("0.000000001"), Ok(1));
        for wrong in [
            "",
            "-1",
            "1.",
            ".5",
            "1e3",
            "1,5",
            "0.0000000001",
            "99999999999",
        ] {
            assert!(nanos(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn written_amounts_lose_no_digit() {
        for text in ["0.00", "1.50", "2.00", "0.000000001", "12.345678901"] {
            assert_eq!(text.parse::<Money>().unwrap().exact(), text);
        }
    }

    #[test]
    fn sums_do_not_overflow() {
        assert_eq!(Money::MAX.plus(Money::MAX), Money::MAX);
        assert_eq!(Money::ZERO.minus(Money::MAX), Money::ZERO);
    }
}
