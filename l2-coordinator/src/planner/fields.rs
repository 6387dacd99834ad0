//! Reading one JSON object by its keys, with every problem and its place. Strict: an unknown key is an
//! error, so is a wrong type; null counts as absent, for a schema may demand that every key is there.

use protocol::diagnostic::{Diagnostic, Place, Problems};
use serde_json::{Map, Value};

use super::extract::shown;

/// One object, and where it stands in the plan.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: Place,
}

impl<'a> Fields<'a> {
    /// Opens an object whose keys are among `known`.
    pub(super) fn open(
        value: &'a Value,
        known: &[&'static str],
        place: Place,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Value::Object(map) = value else {
            problems.push(wrong_type(value, "an object", place));
            return None;
        };
        Some(Self::of(map, known, place, problems))
    }

    /// The same of a map.
    pub(super) fn of(
        map: &'a Map<String, Value>,
        known: &[&'static str],
        place: Place,
        problems: &mut Problems,
    ) -> Self {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            problems.push(unknown(key, known).in_place(place.clone()));
        }
        Self { map, place }
    }

    /// A value that is there.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn at(&self, key: &'static str) -> Place {
        match self.place.field {
            // A place has one field; within its entries, it is the entry that is named.
            Some(_) => self.place.clone(),
            None => self.place.clone().field(key),
        }
    }

    /// A text, if there is one.
    pub(super) fn text(&self, key: &'static str, problems: &mut Problems) -> Option<&'a str> {
        match self.get(key)? {
            Value::String(text) => Some(text),
            other => {
                problems.push(wrong_type_of(key, other, "a text", self.at(key)));
                None
            }
        }
    }

    /// A text that has to be there.
    pub(super) fn required(&self, key: &'static str, problems: &mut Problems) -> Option<&'a str> {
        if self.get(key).is_none() {
            let message = format!("`{key}` is missing");
            problems.push(Diagnostic::error("missing-key", message).in_place(self.place.clone()));
        }
        self.text(key, problems)
    }

    /// A whole number that fits.
    pub(super) fn number<N: TryFrom<i64>>(
        &self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<N> {
        let value = self.get(key)?;
        let Some(number) = value.as_i64() else {
            problems.push(wrong_type_of(key, value, "a whole number", self.at(key)));
            return None;
        };
        let fits = N::try_from(number).ok();
        if fits.is_none() {
            let message = format!("`{key}` cannot be {number}");
            problems.push(Diagnostic::error("out-of-range", message).in_place(self.at(key)));
        }
        fits
    }

    /// A list; none counts as empty.
    pub(super) fn list(&self, key: &'static str, problems: &mut Problems) -> &'a [Value] {
        match self.get(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                problems.push(wrong_type_of(key, other, "a list", self.at(key)));
                &[]
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str, problems: &mut Problems) -> Vec<String> {
        let mut texts = Vec::new();
        for (at, item) in self.list(key, problems).iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.clone()),
                other => {
                    let place = self.at(key).index(at);
                    problems.push(wrong_type_of(key, other, "a text", place));
                }
            }
        }
        texts
    }

    /// A list of objects with two texts, as pairs.
    pub(super) fn pairs(
        &self,
        key: &'static str,
        [first, second]: [&'static str; 2],
        problems: &mut Problems,
    ) -> Vec<(&'a str, &'a str)> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for (at, item) in self.list(key, problems).iter().enumerate() {
            let place = self.at(key).index(at);
            let Some(entry) = Fields::open(item, &[first, second], place.clone(), problems) else {
                continue;
            };
            let name = entry.required(first, problems);
            let Some((name, value)) = name.zip(entry.required(second, problems)) else {
                continue;
            };
            if pairs.iter().any(|(other, _)| *other == name) {
                let message = format!("`{key}` has `{}` twice", shown(name));
                problems.push(Diagnostic::error("duplicate-entry", message).in_place(place));
            }
            pairs.push((name, value));
        }
        pairs
    }
}

fn unknown(key: &str, known: &[&str]) -> Diagnostic {
    if matches!(key, "secrets" | "secret" | "credentials") {
        let message = "a plan cannot ask for secrets";
        return Diagnostic::error("secret-asked-for", message)
            .help("leave it out; who starts the run grants secrets, by name");
    }
    let message = format!("the key `{}` is not of this form", shown(key));
    let near = protocol::nearest::nearest(key, known.iter().copied());
    Diagnostic::error("unknown-key", message)
        .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn wrong_type(value: &Value, wanted: &str, place: Place) -> Diagnostic {
    let message = format!("{} where {wanted} is wanted", kind(value));
    Diagnostic::error("wrong-type", message).in_place(place)
}

fn wrong_type_of(key: &str, value: &Value, wanted: &str, place: Place) -> Diagnostic {
    let message = format!("`{key}` is {}, and has to be {wanted}", kind(value));
    Diagnostic::error("wrong-type", message).in_place(place)
}
