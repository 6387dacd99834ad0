//! Quantities as people write them, always with a unit: durations (`250ms`, `90s`, `5m`, `1h30m`, `7d`).

/// Milliseconds of a text, or `None` if it is no duration. Units go from large to small, each once.
pub(crate) fn duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut total = 0_u64;
    let mut smallest = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS
            .iter()
            .position(|(name, _)| *name == &rest[..letters])?;
        if unit < smallest {
            return None;
        }
        smallest = unit + 1;
        total = total.checked_add(number.checked_mul(UNITS[unit].1)?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("5m", Some(300_000)),
            ("250ms", Some(250)),
            ("1h30m", Some(5_400_000)),
            ("7d", Some(604_800_000)),
            ("1m500ms", Some(60_500)),
            ("0s", Some(0)),
            ("5", None),
            ("", None),
            ("m", None),
            ("5 m", None),
            ("-5m", None),
            ("1.5h", None),
            ("5M", None),
            ("1m1h", None),
            ("1m1m", None),
            ("99999999999999999999d", None),
            ("9999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
