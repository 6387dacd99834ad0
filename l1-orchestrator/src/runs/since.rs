//! A bound in time as people type it: a span back from now, a day, or an instant. UTC, as
//! everything that is shown.

use std::str::FromStr;
use std::time::Duration;

use protocol::time::Timestamp;

/// From when on, or up to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// This long before now.
    Ago(Duration),
    /// This instant.
    At(Timestamp),
}

impl Since {
    /// The instant it means.
    #[must_use]
    pub fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => {
                let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.as_micros().saturating_sub(micros))
            }
            Self::At(at) => at,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = || format!("{text}T00:00:00Z").parse().ok();
        let minute = || format!("{}Z", text.replacen(' ', "T", 1)).parse().ok();
        if let Some(span) = span(text) {
            return Ok(Self::Ago(span));
        }
        let at = text.parse().ok().or_else(day).or_else(minute);
        at.map(Self::At).ok_or_else(|| {
            "expected a span such as 2d or 12h, a day such as 2026-11-20, or an RFC 3339 time"
                .into()
        })
    }
}

/// A span of time, such as `2d`, `12h` or `1h30m`; units from large to small, each once.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    const UNITS: [(char, u64); 5] = [
        ('w', 604_800),
        ('d', 86_400),
        ('h', 3600),
        ('m', 60),
        ('s', 1),
    ];
    let mut total = 0_u64;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, seconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*seconds)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_days_and_instants() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let cases = [
            ("2d", "2026-11-18T12:00:00Z"),
            ("1w", "2026-11-13T12:00:00Z"),
            ("1h30m", "2026-11-20T10:30:00Z"),
            ("0s", "2026-11-20T12:00:00Z"),
            ("99999w", "1970-01-01T00:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01 08:00:00", "2026-11-01T08:00:00Z"),
            ("2026-11-01T08:00:00+02:00", "2026-11-01T06:00:00Z"),
        ];
        for (text, expected) in cases {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.instant(now), expected.parse().unwrap(), "{text}");
        }
        let wrong = [
            "",
            "2",
            "d",
            "2x",
            "-2d",
            "1.5d",
            "1m1h",
            "1d1d",
            "yesterday",
            "2026-13-01",
            "2é",
            "99999999999999999999d",
            "99999999999999999w",
        ];
        for text in wrong {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
