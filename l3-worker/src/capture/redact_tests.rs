//! What the filter hides, against encoders and a search written for these tests only.

use proptest::prelude::*;

use super::filter::ByteFilter as _;
use super::forms::Forms;
use super::redact::{Detector, Patterns, Redactor};

/// Every kind of character that some encoder treats in its own way.
const HARD: &str = "p/w\"ö\\<&> 'ü😀\t$x`+=~*!ß?";
/// Two lines, the second one with room around it.
const LINES: &str = "first-line-of-it\n  second \u{1} line, of it  \nx";
const PLAIN: &str = "tok_0123456789abcdefABCDEF";

fn feed(patterns: &Patterns, chunks: &[&[u8]]) -> Vec<u8> {
    let mut redactor = Redactor::new(patterns.clone());
    let mut out = Vec::new();
    for chunk in chunks {
        redactor.push(chunk, &mut out);
    }
    redactor.finish(&mut out);
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn percent(value: &str, kept: &str, plus: bool, lower: bool) -> String {
    let encode = |byte: u8| match byte {
        b' ' if plus => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
            char::from(byte).to_string()
        }
        byte if lower => format!("%{byte:02x}"),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

/// Everything outside ASCII by number.
fn ascii_json(value: &str, lower: bool) -> String {
    let json = serde_json::to_string(value).unwrap();
    let encode = |c: char| {
        let mut units = [0; 2];
        let units = c.encode_utf16(&mut units).iter();
        match c {
            c if c.is_ascii() => c.to_string(),
            _ if lower => units.map(|unit| format!("\\u{unit:04x}")).collect(),
            _ => units.map(|unit| format!("\\u{unit:04X}")).collect(),
        }
    };
    json[1..json.len() - 1].chars().map(encode).collect()
}

/// By way of a string of bits, without padding.
fn base64(value: &[u8], url_safe: bool) -> String {
    let mut bits: String = value.iter().map(|byte| format!("{byte:08b}")).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    let last = if url_safe { "-_" } else { "+/" };
    let digits: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(last.chars())
        .collect();
    let sextets = bits.as_bytes().chunks(6);
    let digit = |sextet: &[u8]| {
        let number = usize::from_str_radix(std::str::from_utf8(sextet).unwrap(), 2).unwrap();
        digits[number]
    };
    sextets.map(digit).collect()
}

/// The value encoded between other bytes, and the same with what depends on it alone hidden.
fn embedded(value: &str, before: usize, after: usize, url_safe: bool) -> (String, String) {
    let around = |byte: u8| {
        let bytes = [
            &vec![byte; before][..],
            value.as_bytes(),
            &vec![byte; after],
        ]
        .concat();
        base64(&bytes, url_safe)
    };
    let (low, high) = (around(0), around(0xff));
    let same: Vec<bool> = low.bytes().zip(high.bytes()).map(|(a, b)| a == b).collect();
    let from = same.iter().position(|same| *same).unwrap();
    let to = same.iter().rposition(|same| *same).unwrap() + 1;
    // Bits of a last character that nothing fills are zero, whatever follows.
    let to = to.min((before + value.len()) * 8 / 6);
    let padding = ["", "=", "=="][(3 - (before + value.len() + after) % 3) % 3];
    let hidden = format!("{}***{}{padding}", &low[..from], &low[to..]);
    (low + padding, hidden)
}

/// Encoded, and what is to be left of it.
fn encodings(value: &str) -> Vec<(String, String)> {
    let json = serde_json::to_string(value).unwrap();
    let inner = json[1..json.len() - 1].to_owned();
    let by_number = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    let mut found = vec![
        value.to_owned(),
        inner.replace('/', "\\/"),
        inner
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"),
        value.chars().map(by_number).collect(),
        inner,
        ascii_json(value, true),
        ascii_json(value, false),
        ascii_json(value, true).replace('/', "\\/"),
        value.replace('\'', "'\\''"),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        value.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for lower in [true, false] {
        for kept in ["", "-._~", "-._~/", "-_.!~*'()", "-._*"] {
            found.push(percent(value, kept, false, lower));
            found.push(percent(value, kept, true, lower));
        }
    }
    let hidden = found.into_iter().map(|form| (form, "***".to_owned()));
    let mut all: Vec<(String, String)> = hidden.collect();
    for url_safe in [false, true] {
        for (before, after) in (0..3).flat_map(|before| (0..3).map(move |after| (before, after))) {
            all.push(embedded(value, before, after, url_safe));
        }
    }
    all
}

#[test]
fn every_split_of_every_encoding() {
    for value in [HARD, LINES, PLAIN] {
        let patterns = Patterns::new([value]);
        for (form, hidden) in encodings(value) {
            let (whole, wanted) = (format!("< {form} >"), format!("< {hidden} >"));
            let bytes = whole.as_bytes();
            for at in 0..=bytes.len() {
                let out = feed(&patterns, &[&bytes[..at], &bytes[at..]]);
                assert_eq!(text(&out), wanted, "{form:?} cut at {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(
                text(&feed(&patterns, &single)),
                wanted,
                "{form:?} byte by byte"
            );
        }
    }
}

#[test]
fn what_well_known_programs_write_is_hidden() {
    // Secret and what was printed, each once made by the program itself.
    let made = [
        ("a/b:c;d=e f", "a/b:c;d=e%20f"),
        ("p@ss:w?rd#1", "p%40ss%3Aw%3Frd%231"),
        ("pa$$ w/rd=", "pa$$%20w%2Frd="),
        ("it's=<here>", r"it\u0027s\u003d\u003chere\u003e"),
        ("it's\" here", r"it\u0027s\u0022 here"),
        ("zürich-1", r"z\xc3\xbcrich-1"),
        ("zürich-1", r"z\303\274rich-1"),
        ("a\u{1b}[0m-it's", r"a\x1b[0m-it\'s"),
        ("a b$c`d!e\"f", r#"a b\$c\`d\!e\"f"#),
        ("two words", r"two\ words"),
        (
            "it's <b> & \"c\"",
            "it&#x27;s &lt;b&gt; &amp; &quot;c&quot;",
        ),
        ("user:name", "dXNlcjpuYW1l"),
    ];
    for (value, printed) in made {
        assert_eq!(
            Patterns::new([value]).redact(printed),
            "***",
            "{value} as {printed}"
        );
    }
}

#[test]
fn two_streams_do_not_disturb_one_another() {
    let patterns = Patterns::new([PLAIN]);
    let (form, hidden) = embedded(PLAIN, 1, 0, false);
    let mut streams = [(); 2].map(|()| (Redactor::new(patterns.clone()), Vec::new()));
    for byte in form.as_bytes().chunks(1) {
        for (redactor, out) in &mut streams {
            redactor.push(byte, out);
        }
    }
    for (mut redactor, mut out) in streams {
        redactor.finish(&mut out);
        assert_eq!(text(&out), hidden);
    }
}

#[test]
fn lines_of_a_value_are_hidden_alone_and_armor_is_not() {
    let key = "-----BEGIN KEY-----\r\nAAAABBBBCCCC\r\n  DDDDEEEE  \r\nshort\r\n-----END KEY-----";
    let patterns = Patterns::new([key]);
    assert_eq!(
        patterns.redact("AAAABBBBCCCC DDDDEEEE short"),
        "*** *** short"
    );
    assert_eq!(
        patterns.redact("-----BEGIN KEY-----"),
        "-----BEGIN KEY-----"
    );
    assert_eq!(patterns.redact(&format!("a{key}b")), "a***b");
}

#[test]
fn what_an_encoder_broke_into_lines_is_found() {
    let value: String = (0..200)
        .map(|n| char::from(b'!' + (n * n % 90) as u8))
        .collect();
    let patterns = Patterns::new([value.as_str()]);
    for before in 0..90 {
        let encoded = base64(
            format!("{}{value} and more", " ".repeat(before)).as_bytes(),
            false,
        );
        for (width, end) in [(64, "\n"), (76, "\r\n"), (60, "\n    ")] {
            let lines: Vec<&str> = encoded
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let whole = format!("text\n{}\ntext", lines.join(end));
            let out = patterns.redact(&whole);
            assert!(
                out.starts_with("text\n") && out.ends_with("\ntext"),
                "{out}"
            );
            assert_eq!(out.matches("***").count(), 1, "{before} {width} {out}");
            assert!(out.len() < whole.len() - 250, "{out}");
            let single: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(text(&feed(&patterns, &single)), out);
        }
    }
}

#[test]
fn overlapping_values_are_hidden_as_one() {
    let patterns = Patterns::new(["abcdefgh", "efghijkl", "xxabcdefghxx", "zzzzzzzz"]);
    assert_eq!(patterns.redact("-abcdefghijkl-"), "-***-");
    assert_eq!(patterns.redact("-xxabcdefghxx-"), "-***-");
    assert_eq!(patterns.redact("-xxabcdefghx-"), "-xx***x-");
    assert_eq!(patterns.redact("abcdefghabcdefgh"), "******");
    assert_eq!(patterns.redact(&"z".repeat(20)), "***");
}

#[test]
fn only_beginnings_are_held_back_and_come_out_at_the_end() {
    let mut redactor = Redactor::new(Patterns::new([PLAIN]));
    let mut out = Vec::new();
    let mut push = |redactor: &mut Redactor, chunk: &str| {
        out.clear();
        redactor.push(chunk.as_bytes(), &mut out);
        text(&out)
    };
    assert_eq!(push(&mut redactor, "listening.\n"), "listening.\n");
    assert_eq!(push(&mut redactor, "at to"), "at ");
    assert_eq!(push(&mut redactor, "k_01"), "");
    assert_eq!(push(&mut redactor, "!"), "tok_01!");
    assert_eq!(push(&mut redactor, PLAIN), "***");
    assert_eq!(push(&mut redactor, "tok_0123"), "");
    let mut rest = Vec::new();
    redactor.finish(&mut rest);
    assert_eq!(text(&rest), "tok_0123");
}

#[test]
fn a_text_that_was_cut_does_not_end_with_the_beginning_of_a_value() {
    let patterns = Patterns::new([PLAIN]);
    assert_eq!(patterns.redact("at tok_0123…"), "at …");
    assert_eq!(patterns.redact("at tok_0123 …"), "at tok_0123 …");
    assert_eq!(patterns.redact("at tok_0123"), "at tok_0123");
    assert_eq!(patterns.redact(&format!("{PLAIN}…")), "***…");
}

#[test]
fn values_learned_while_a_stream_goes_on_are_hidden_from_there() {
    let mut redactor = Redactor::new(Patterns::default());
    let mut out = Vec::new();
    redactor.push(PLAIN.as_bytes(), &mut out);
    redactor.replace(Patterns::new([PLAIN]));
    redactor.push(format!(" {PLAIN} tok_0").as_bytes(), &mut out);
    redactor.replace(Patterns::new([PLAIN, "0another"]));
    redactor.push(b"another", &mut out);
    redactor.finish(&mut out);
    assert_eq!(text(&out), format!("{PLAIN} *** tok_***"));
}

#[test]
fn without_values_bytes_pass() {
    let nothing = Patterns::new([]);
    assert!(nothing.is_empty() && !nothing.found_in(b"any") && nothing.redact("any") == "any");
    assert_eq!(feed(&nothing, &[b"a\xff", b"b"]), b"a\xffb");
}

#[test]
fn repeated_beginnings_cost_no_more_than_other_text() {
    // Every byte is a beginning; a filter that looked back at each would take hours.
    let value = format!("{}b", "a".repeat(4000));
    let patterns = Patterns::new([value.as_str()]);
    let mut text = "a".repeat(3_999).repeat(250);
    text.push('c');
    let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(feed(&patterns, &single), text.as_bytes());
}

/// Hides by looking everywhere for every form.
fn slowly(forms: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut matches = Vec::new();
    for form in forms {
        let at = |start: &usize| text[*start..].starts_with(form);
        matches.extend(
            (0..text.len())
                .filter(at)
                .map(|start| (start, start + form.len())),
        );
    }
    matches.sort_unstable();
    let (mut out, mut at) = (Vec::new(), 0);
    let mut matches = matches.into_iter().peekable();
    while let Some((start, mut end)) = matches.next() {
        while let Some((_, further)) = matches.next_if(|(next, _)| *next < end) {
            end = end.max(further);
        }
        out.extend_from_slice(&text[at..start]);
        out.extend_from_slice(b"***");
        at = end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

proptest! {
    #[test]
    fn any_text_in_any_chunks_is_hidden_as_a_slow_search_hides(
        values in proptest::collection::vec("[ab%]{8,12}", 1..4),
        text in "[ab%]{0,120}",
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let patterns = Patterns::new(values.iter().map(String::as_str));
        let mut forms = Forms::default();
        values.iter().for_each(|value| forms.add(value));
        let forms: Vec<Vec<u8>> = forms.exact.iter().map(|form| form.to_vec()).collect();
        let chunks = cut(text.as_bytes(), &cuts);
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let wanted = slowly(&forms, text.as_bytes());
        prop_assert_eq!(feed(&patterns, &chunks), wanted.clone());
        let mut detector = Detector::new(patterns);
        chunks.iter().for_each(|chunk| detector.push(chunk));
        prop_assert_eq!(detector.found(), wanted != text.as_bytes());
    }

    #[test]
    fn values_in_any_encoding_at_any_place_are_hidden_and_nothing_else(
        values in proptest::collection::vec("[a-p\"\\\\/é😀'&]{8,20}", 1..3),
        pieces in proptest::collection::vec(("[.:;\n\u{e4}]{1,9}", any::<usize>(), any::<usize>()), 0..5),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let patterns = Patterns::new(values.iter().map(String::as_str));
        let (mut text, mut wanted) = (String::new(), String::new());
        for (filler, value, encoding) in &pieces {
            let mut forms = encodings(&values[value % values.len()]);
            let at = encoding % forms.len();
            let (form, hidden) = forms.swap_remove(at);
            text.extend([filler.as_str(), &form]);
            wanted.extend([filler.as_str(), &hidden]);
        }
        let chunks = cut(text.as_bytes(), &cuts);
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let out = feed(&patterns, &chunks);
        for (form, _) in values.iter().flat_map(|value| encodings(value)) {
            let out = String::from_utf8_lossy(&out);
            prop_assert!(!out.contains(&form), "{form:?} in {out:?}");
        }
        prop_assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
