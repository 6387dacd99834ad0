//! What came of one attempt.

use std::collections::BTreeMap;

use protocol::event::ModelEnd;
use protocol::outcome::Failure;
use serde_json::{Map, Value};

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Why it failed; without it, it succeeded.
    pub failure: Option<Failure>,
    /// Declared outputs of a success.
    pub outputs: Map<String, Value>,
    /// What each declared artifact of a success holds, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The last reply's text, whether or not it fits.
    pub text: String,
    /// What happened on the way, one line each: for whoever reads the attempt's log.
    pub said: Vec<String>,
    /// For the attempt's end.
    pub end: ModelEnd,
}
