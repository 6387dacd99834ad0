//! JSON as it is taken from a model: bounded in depth and in the length of its texts, no key twice,
//! nothing that JSON does not have. One value is read from the beginning of a text; what follows it is
//! somebody else's.

use std::fmt;

use protocol::diagnostic::Diagnostic;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Objects and lists within each other. The form of a plan has six.
pub(super) const MAX_DEPTH: usize = 32;
/// Bytes of one text: no program takes a longer argument.
pub(super) const MAX_TEXT_BYTES: usize = 120 * 1024;

const TOO_DEEP: &str = "json-too-deep";
const TEXT_TOO_LONG: &str = "json-text-too-long";
const DUPLICATE_KEY: &str = "json-duplicate-key";

/// The value a text begins with, and how many bytes it takes.
pub(crate) fn prefix(text: &str) -> Result<(Value, usize), Box<Diagnostic>> {
    match first(text) {
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) => Err(refused(text, &error).into()),
        None => Err(Diagnostic::error("reply-not-json", "nothing is there").into()),
    }
}

/// The same where it does not matter why there is none: finding that out takes a look at the whole text.
pub(super) fn try_prefix(text: &str) -> Option<(Value, usize)> {
    first(text)?.ok()
}

fn first(text: &str) -> Option<Result<(Value, usize), serde_json::Error>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Top>();
    let value = values.next()?;
    Some(value.map(|Top(value)| (value, values.byte_offset())))
}

/// Names the rule that an error is of.
fn refused(text: &str, error: &serde_json::Error) -> Diagnostic {
    let said = error.to_string();
    let at = format!("line {}, column {} of it", error.line(), error.column());
    for rule in [TOO_DEEP, TEXT_TOO_LONG, DUPLICATE_KEY] {
        if let Some(rest) = said.strip_prefix(rule) {
            let what = rest.trim_start_matches(": ");
            let what = what.split(" at line ").next().unwrap_or_default();
            return Diagnostic::error(rule, format!("{what} ({at})"));
        }
    }
    if error.is_eof() {
        return Diagnostic::error("reply-truncated", "the JSON ends before it is closed")
            .help("answer with the whole object; make the plan smaller if it does not fit");
    }
    let rule = if is_no_number(text, error) {
        "json-not-a-number"
    } else if said.contains("escape") || said.contains("unicode") {
        "json-bad-escape"
    } else if said.contains("number") {
        "json-bad-number"
    } else {
        "reply-not-json"
    };
    let what = said.split(" at line ").next().unwrap_or_default();
    Diagnostic::error(rule, format!("not JSON: {what} ({at})"))
}

/// Whether `NaN` or an infinity stands where the reader stopped.
fn is_no_number(text: &str, error: &serde_json::Error) -> bool {
    let line = text.lines().nth(error.line().saturating_sub(1));
    let line = line.unwrap_or_default().as_bytes();
    let stop = error.column().min(line.len());
    // The reader may have gone into the word already, or past the sign before it.
    (stop.saturating_sub(10)..stop).any(|from| {
        let rest = line.get(from..).unwrap_or_default();
        let inside = |word: &[u8]| rest.starts_with(word) && from + word.len() >= stop;
        inside(b"NaN") || inside(b"Infinity") || inside(b"-Infinity") || inside(b"nan")
    })
}

struct Top(Value);

impl<'de> serde::Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let strict = Strict { left: MAX_DEPTH };
        strict.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Strict {
    /// How many more levels there may be.
    left: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left }),
            None => Err(E::custom(format!(
                "{TOO_DEEP}: more than {MAX_DEPTH} levels"
            ))),
        }
    }
}

fn short<E: serde::de::Error>(text: &str) -> Result<(), E> {
    if text.len() <= MAX_TEXT_BYTES {
        return Ok(());
    }
    let message = format!(
        "{TEXT_TOO_LONG}: a text of {} bytes; at most {MAX_TEXT_BYTES}",
        text.len()
    );
    Err(E::custom(message))
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        short(value)?;
        Ok(Value::from(value))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        short(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            short(&key)?;
            if entries.contains_key(&key) {
                let shown: String = key.chars().take(60).flat_map(char::escape_debug).collect();
                return Err(A::Error::custom(format!(
                    "{DUPLICATE_KEY}: `{shown}` twice"
                )));
            }
            let value = map.next_value_seed(inner)?;
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rule(text: &str) -> &'static str {
        prefix(text).unwrap_err().code
    }

    #[test]
    fn one_value_and_its_length() {
        assert_eq!(
            prefix("{\"a\": [1, null, \"x\"]} rest").unwrap(),
            (json!({"a": [1, null, "x"]}), 21)
        );
        assert_eq!(prefix("{} {}").unwrap().1, 2);
    }

    #[test]
    fn each_refusal_has_its_rule() {
        let deep = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(prefix(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(rule(&deep(MAX_DEPTH + 1)), "json-too-deep");
        let long = |bytes| format!("[\"{}\"]", "x".repeat(bytes));
        assert!(prefix(&long(MAX_TEXT_BYTES)).is_ok());
        assert_eq!(rule(&long(MAX_TEXT_BYTES + 1)), "json-text-too-long");
        for (text, expected) in [
            (r#"{"a":1,"b":{"c":1,"c":2}}"#, "json-duplicate-key"),
            (r#"{"a": NaN}"#, "json-not-a-number"),
            (r#"{"a": -Infinity}"#, "json-not-a-number"),
            (r#"{"a": Infinity}"#, "json-not-a-number"),
            (r#"{"NaN": nul}"#, "reply-not-json"),
            (r#"{"a": "\ud800"}"#, "json-bad-escape"),
            (r#"{"a": "\udc00x"}"#, "json-bad-escape"),
            (r#"{"a": "\x41"}"#, "json-bad-escape"),
            (r#"{"a": 1e999}"#, "json-bad-number"),
            (r#"{"a": 01}"#, "json-bad-number"),
            (r#"{"a": 1,}"#, "reply-not-json"),
            (r#"{"a": 'x'}"#, "reply-not-json"),
            ("{\"a\": \"x\ny\"}", "reply-not-json"),
            (r#"{"a": [1, 2"#, "reply-truncated"),
            (r#"{"a": "b"#, "reply-truncated"),
        ] {
            assert_eq!(rule(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_any_reader_takes(text in "[\\[\\]{}:,\"a1.e \\\\-]{0,40}") {
            if let Ok((value, length)) = prefix(&text) {
                let other: Value = serde_json::from_str(&text[..length]).unwrap();
                prop_assert_eq!(value, other);
            }
        }
    }
}
