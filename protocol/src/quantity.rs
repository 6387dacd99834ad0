//! Quantities as people write them, always with a unit: durations (`250ms`, `90s`, `5m`, `1h30m`, `7d`)
//! and sizes (`64KiB`, `512MiB`, `2GiB`). Scenarios and policy packs share them.

/// Milliseconds of a text, or `None` if it is no duration. Units go from large to small, each once.
#[must_use]
pub fn duration(text: &str) -> Option<u64> {
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

/// Bytes of a text, or `None` if it is no size: a whole number and one unit of powers of 1024. `GB`
/// and `G` mean different things to different tools, so neither is taken.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == &text[digits..])?;
    number.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0B", Some(0)),
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("512MiB", Some(536_870_912)),
            ("2GiB", Some(2_147_483_648)),
            ("1TiB", Some(1 << 40)),
            ("", None),
            ("5", None),
            ("B", None),
            ("2G", None),
            ("2GB", None),
            ("2gib", None),
            ("2 GiB", None),
            ("1.5GiB", None),
            ("-1B", None),
            ("+1B", None),
            ("1GiB512MiB", None),
            ("é", None),
            ("99999999999999999999B", None),
            ("99999999TiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text), expected, "{text}");
        }
    }

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
