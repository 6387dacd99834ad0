//! The schemas as the binary prints them.

use jsonschema::Validator;
use serde_json::Value;

use crate::support::Place;

/// A schema of `orchestra schema`.
pub fn schema(what: &str) -> Value {
    let place = Place::new();
    place
        .orchestra(["schema", what, "--json"])
        .run()
        .expect(0)
        .json()
}

/// A validator of `orchestra schema`.
pub fn validator(what: &str) -> Validator {
    jsonschema::validator_for(&schema(what)).unwrap()
}

/// Checks a value and shows every place where it does not fit.
#[track_caller]
pub fn check(validator: &Validator, value: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\nin {value}");
}
