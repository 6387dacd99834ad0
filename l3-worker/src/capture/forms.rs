//! The forms in which a secret shows up in output: as it is, and as programs quote and encode it.
//!
//! Not found: what was encoded twice, compressed, encrypted, reversed, or cut into pieces. A program that wants
//! to give a secret away can; this keeps honest programs from doing it by accident.

use zeroize::Zeroizing;

/// Shorter values, and shorter lines of longer ones, would be found everywhere.
pub const MIN_SECRET_BYTES: usize = 8;

type Form = Zeroizing<Vec<u8>>;

/// How one value may look.
#[derive(Default)]
pub(super) struct Forms {
    /// Found byte for byte.
    pub(super) exact: Vec<Form>,
    /// Found also where an encoder broke them into lines.
    pub(super) wrapped: Vec<Form>,
}

impl Forms {
    /// Adds a value, and each of its lines that is long enough.
    pub(super) fn add(&mut self, value: &str) {
        let lines = value.lines().map(str::trim);
        // Armor is the same for every key, and public.
        let telling = lines.filter(|line| {
            let armor = line.starts_with("-----BEGIN ") || line.starts_with("-----END ");
            line.len() >= MIN_SECRET_BYTES && !armor
        });
        for text in std::iter::once(value).chain(telling) {
            self.exact.push(form(text.as_bytes()));
            percent_encoded(text, &mut self.exact);
            json_escaped(text, &mut self.exact);
            quoted(text, &mut self.exact);
            marked_up(text, &mut self.exact);
            base64(text.as_bytes(), &mut self.wrapped);
            hexadecimal(text.as_bytes(), &mut self.wrapped);
        }
        for forms in [&mut self.exact, &mut self.wrapped] {
            forms.sort_unstable_by(|a, b| a.as_slice().cmp(b));
            forms.dedup_by(|a, b| a.as_slice() == b.as_slice());
        }
    }
}

fn form(bytes: &[u8]) -> Form {
    Zeroizing::new(bytes.to_vec())
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [
        digits[usize::from(byte >> 4)],
        digits[usize::from(byte & 15)],
    ]
}

/// What encoders of URLs leave as it is, beside letters and digits: of components, of paths, of forms,
/// of user names and passwords, and what browsers leave of paths and queries.
const KEPT: &[&[u8]] = &[
    b"",
    b"-._",
    b"-._*",
    b"-._~",
    b"-._~/",
    b"-._~!'()*",
    b"-._~$&+=:@",
    b"-._~!$&'()*+,",
    b"-._~!'()*;,/?:@&=+$#",
    b"-._~!$%&'()*+,/:;=@[\\]^|",
    b"-._~!$%&()*+,/:;=?@[\\]^`{|}",
];

fn percent_encoded(text: &str, forms: &mut Vec<Form>) {
    for digits in [LOWER, UPPER] {
        let mut encode = |kept: &dyn Fn(u8) -> bool, plus: bool| {
            let mut encoded = form(&[]);
            for byte in text.bytes() {
                match byte {
                    b' ' if plus => encoded.push(b'+'),
                    byte if kept(byte) => encoded.push(byte),
                    byte => {
                        encoded.push(b'%');
                        encoded.extend_from_slice(&hex(byte, digits));
                    }
                }
            }
            forms.push(encoded);
        };
        for kept in KEPT {
            for plus in [false, true] {
                encode(
                    &|byte| byte.is_ascii_alphanumeric() || kept.contains(&byte),
                    plus,
                );
            }
        }
        encode(&|_| false, false);
    }
}

/// Characters some encoders of JSON escape although they need not.
const CAUTIOUS: &[&str] = &["", "<>&", "<>&='", "<>&'\"", "<>&'\"+`"];

/// Habits of an encoder of JSON.
struct Json {
    digits: &'static [u8; 16],
    /// Escapes these too, by number.
    cautious: &'static str,
    /// Leaves nothing else.
    ascii: bool,
    /// Escapes it.
    slash: bool,
    /// `\n` rather than `\u000a`.
    short: bool,
}

fn json_escaped(text: &str, forms: &mut Vec<Form>) {
    for bits in 0..16_u8 {
        let [digits, ascii, slash, short] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        let digits = if digits { LOWER } else { UPPER };
        for cautious in CAUTIOUS {
            let habits = Json {
                digits,
                cautious,
                ascii,
                slash,
                short,
            };
            forms.push(habits.encode(text));
        }
    }
}

impl Json {
    fn encode(&self, text: &str) -> Form {
        let mut encoded = form(&[]);
        for c in text.chars() {
            let is_control = c.is_ascii_control() && c != '\x7f';
            match c {
                c if self.cautious.contains(c) || (self.ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        unicode(*unit, self.digits, &mut encoded);
                    }
                }
                '"' | '\\' => encoded.extend_from_slice(&[b'\\', c as u8]),
                '/' if self.slash => encoded.extend_from_slice(b"\\/"),
                c if is_control => match letter(c).filter(|_| self.short) {
                    Some(letter) => encoded.extend_from_slice(&[b'\\', letter]),
                    None => unicode(c as u16, self.digits, &mut encoded),
                },
                c => encoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        encoded
    }
}

fn unicode(unit: u16, digits: &[u8; 16], encoded: &mut Form) {
    encoded.extend_from_slice(b"\\u");
    for byte in unit.to_be_bytes() {
        encoded.extend_from_slice(&hex(byte, digits));
    }
}

/// Of the escape that every language knows.
fn letter(c: char) -> Option<u8> {
    match c {
        '\n' => Some(b'n'),
        '\r' => Some(b'r'),
        '\t' => Some(b't'),
        '\x08' => Some(b'b'),
        '\x0c' => Some(b'f'),
        _ => None,
    }
}

/// As shells trace and print words, and languages their strings.
fn quoted(text: &str, forms: &mut Vec<Form>) {
    for apostrophe in [r"'\''", r#"'"'"'"#] {
        forms.push(form(text.replace('\'', apostrophe).as_bytes()));
    }
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    let mut backslashes = form(&[]);
    for c in text.chars() {
        if !plain(c) && c.is_ascii() {
            backslashes.push(b'\\');
        }
        backslashes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    forms.push(backslashes);
    for escaped in ["\\", "\\'", "\\\"", "\\'\"", "\\\"$`", "\\\"$`!"] {
        for rest in [Rest::Left, Rest::Hexadecimal, Rest::Octal] {
            let mut string = form(&[]);
            for c in text.chars() {
                match letter(c) {
                    Some(letter) => string.extend_from_slice(&[b'\\', letter]),
                    None if escaped.contains(c) => string.extend_from_slice(&[b'\\', c as u8]),
                    None => rest.put(c, &mut string),
                }
            }
            forms.push(string);
        }
    }
}

/// What a string makes of control characters and of all beyond ASCII.
#[derive(Clone, Copy)]
enum Rest {
    Left,
    Hexadecimal,
    Octal,
}

impl Rest {
    fn put(self, c: char, string: &mut Form) {
        for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
            let is_plain = matches!(byte, b' '..=b'~');
            match self {
                Self::Hexadecimal if !is_plain => {
                    string.extend_from_slice(b"\\x");
                    string.extend_from_slice(&hex(byte, LOWER));
                }
                Self::Octal if !is_plain => {
                    let digits = [byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit);
                    string.push(b'\\');
                    string.extend_from_slice(&digits);
                }
                Self::Left | Self::Hexadecimal | Self::Octal => string.push(byte),
            }
        }
    }
}

/// As HTML and XML writers escape text and attributes.
fn marked_up(text: &str, forms: &mut Vec<Form>) {
    let text = Zeroizing::new(text.replace('&', "&amp;"));
    let text = Zeroizing::new(text.replace('<', "&lt;").replace('>', "&gt;"));
    for quote in ["\"", "&quot;", "&#34;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&apos;"] {
            let form = text.replace('"', quote).replace('\'', apostrophe);
            forms.push(Zeroizing::new(form.into_bytes()));
        }
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Behind 0, 1 and 2 other bytes of a group of three, without the characters that depend on neighbors
/// or padding: found wherever the value stands in what was encoded.
fn base64(value: &[u8], forms: &mut Vec<Form>) {
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let own = (before * 8_usize).div_ceil(6)..(before + value.len()) * 8 / 6;
            let byte = |at: usize| at.checked_sub(before).and_then(|at| value.get(at));
            let sextet = |at: usize| {
                let (first, shift) = (at * 6 / 8, at * 6 % 8);
                let pair = [first, first + 1].map(|at| byte(at).copied().unwrap_or(0));
                u16::from_be_bytes(pair) >> (10 - shift) & 63
            };
            let encoded = own.map(|at| alphabet[usize::from(sextet(at))]);
            forms.push(Zeroizing::new(encoded.collect()));
        }
    }
}

fn hexadecimal(value: &[u8], forms: &mut Vec<Form>) {
    for digits in [LOWER, UPPER] {
        let encoded = value.iter().flat_map(|byte| hex(*byte, digits));
        forms.push(Zeroizing::new(encoded.collect()));
    }
}
