//! Encoders written for these tests alone: what programs make of a value.

/// The value in every form that a filter is to know, and each of its longer lines as well, but no armor.
pub fn of(value: &str) -> Vec<String> {
    let lines = value
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= 8 && !line.starts_with("-----"));
    let all = std::iter::once(value).chain(lines);
    all.flat_map(of_text).collect()
}

fn of_text(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let mut forms = vec![
        text.to_owned(),
        json.replace('/', "\\/"),
        by_number(&json, false),
        by_number(&json, true),
        json,
        text.replace('\'', "'\\''"),
        text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        text.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for (kept, plus) in [
        ("-_.~", false),
        ("-_.~/", false),
        ("-_.*", true),
        ("", true),
    ] {
        forms.push(percent(text, kept, plus, false));
        forms.push(percent(text, kept, plus, true));
    }
    for before in 0..3 {
        for after in 0..3 {
            let bytes = [
                &b"\xa5\x5a"[..before],
                text.as_bytes(),
                &b"\x5a\xa5"[..after],
            ]
            .concat();
            // What depends on its neighbors is not the value's.
            let first = (before * 8_usize).div_ceil(6);
            let last = (before + text.len()) * 8 / 6;
            let encoded = base64(&bytes)[first..last].to_owned();
            forms.push(encoded.replace('+', "-").replace('/', "_"));
            forms.push(encoded);
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

fn by_number(json: &str, upper: bool) -> String {
    let encode = |c: char| {
        let mut units = [0; 2];
        match (c.is_ascii(), upper) {
            (true, _) => c.to_string(),
            (false, true) => units_of(c, &mut units, |unit| format!("\\u{unit:04X}")),
            (false, false) => units_of(c, &mut units, |unit| format!("\\u{unit:04x}")),
        }
    };
    json.chars().map(encode).collect()
}

fn units_of(c: char, units: &mut [u16; 2], show: impl Fn(u16) -> String) -> String {
    c.encode_utf16(units)
        .iter()
        .map(|unit| show(*unit))
        .collect()
}

fn percent(text: &str, kept: &str, plus: bool, upper: bool) -> String {
    let encode = |byte: u8| match char::from(byte) {
        ' ' if plus => "+".to_owned(),
        c if c.is_ascii_alphanumeric() || kept.contains(c) => c.to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(encode).collect()
}

/// Six bits a digit, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            encoded.push(char::from(DIGITS[(bits >> count & 63) as usize]));
        }
    }
    if count > 0 {
        encoded.push(char::from(DIGITS[(bits << (6 - count) & 63) as usize]));
    }
    encoded
}

#[test]
fn they_are_what_programs_make() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
    let forms = of("p/w \"ö\"\nxyz");
    for known in [
        "p%2Fw%20%22%C3%B6%22%0Axyz",
        "p%2fw+%22%c3%b6%22%0axyz",
        "p\\/w \\\"ö\\\"\\nxyz",
        "p/w \\\"\\u00f6\\\"\\nxyz",
        "702f772022c3b6220a78797a",
        "cC93ICLDtiIKeHl6",
    ] {
        assert!(
            forms.iter().any(|form| form == known),
            "{known} in {forms:#?}"
        );
    }
}
