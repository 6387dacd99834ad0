//! Outputs that tell a secret: refused, by name, and without repeating what they tell.

use std::collections::BTreeMap;

use protocol::plan::OutputType;
use serde_json::{Map, Value};

use super::entries;
use crate::capture::Patterns;

fn tells_a_secret(name: &str) -> String {
    format!("output `{name}` holds a secret; secrets go to programs through the environment only")
}

/// Before anything of the text is quoted.
///
/// # Errors
/// It holds a secret.
pub(super) fn in_text(
    text: &[u8],
    declared: &BTreeMap<String, OutputType>,
    secrets: &Patterns,
) -> Result<(), String> {
    match secrets.found_in(text) {
        true => Err(told_by(text, declared, secrets)),
        false => Ok(()),
    }
}

/// Which output holds a secret, as far as that can be said without saying more.
fn told_by(text: &[u8], declared: &BTreeMap<String, OutputType>, secrets: &Patterns) -> String {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let mut named = entries(text).into_iter().flatten();
    let told = |(name, raw): &(&str, &str)| {
        declared.contains_key(*name) && secrets.found_in(raw.as_bytes())
    };
    match named.find(told) {
        Some((name, _)) => tells_a_secret(name),
        None => "what was written to $ORCHESTRA_OUTPUT holds a secret".to_owned(),
    }
}

/// JSON may have escaped more than it had to: what was read counts as well.
///
/// # Errors
/// A value holds a secret.
pub(crate) fn in_values(outputs: &Map<String, Value>, secrets: &Patterns) -> Result<(), String> {
    let told = outputs.iter().find(|(_, value)| tells(value, secrets));
    told.map_or(Ok(()), |(name, _)| Err(tells_a_secret(name)))
}

fn tells(value: &Value, secrets: &Patterns) -> bool {
    match value {
        Value::String(text) => secrets.found_in(text.as_bytes()),
        Value::Array(items) => items.iter().any(|item| tells(item, secrets)),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, item)| secrets.found_in(key.as_bytes()) || tells(item, secrets)),
        Value::Number(number) => secrets.found_in(number.to_string().as_bytes()),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::collect;
    use super::*;

    #[test]
    fn a_secret_in_an_output_is_refused_and_not_repeated() {
        let secrets = Patterns::new(["p4ss \"wörd\"/1"]);
        let dir = tempfile::tempdir().unwrap();
        let types = [
            ("text", OutputType::String),
            ("count", OutputType::Int),
            ("ok", OutputType::Bool),
            ("data", OutputType::Json),
        ];
        let declared = types.map(|(name, kind)| (name.to_owned(), kind)).into();
        let check = |text: &str| {
            let path = dir.path().join("out");
            fs_err::write(&path, text).unwrap();
            collect(Some(&path), &declared, 65_536, &secrets).unwrap_err()
        };
        let named = |name: &str| tells_a_secret(name);
        assert_eq!(check("count=1\ntext=a p4ss \"wörd\"/1"), named("text"));
        assert_eq!(
            check("text<<E\nx\np4ss%20%22w%C3%B6rd%22%2F1\nE"),
            named("text")
        );
        assert_eq!(
            check("data={\"p4ss \\\"w\\u00f6rd\\\"/1\": 1}"),
            named("data")
        );
        assert_eq!(check("text=cDRzcyAid8O2cmQiLzE="), named("text"));
        // Escapes nobody needs: found once they are read.
        let odd = "text=a\ncount=1\nok=true\ndata=[{\"a\":\"p4s\\u0073 \\\"wörd\\\"\\/1\"}]";
        assert_eq!(check(odd), named("data"));
        let nameless = "what was written to $ORCHESTRA_OUTPUT holds a secret";
        for text in [
            "p4ss \"wörd\"/1=1",
            "other=p4ss \"wörd\"/1",
            "p4ss \"wörd\"/1",
        ] {
            assert_eq!(check(text), nameless);
        }
        let clean = check("count=p4ss");
        assert!(clean.contains("not a whole number: `p4ss`"), "{clean}");
    }
}
