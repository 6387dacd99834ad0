//! Plans to learn from: data files, embedded, chosen by what a goal has in common with theirs. The choice is
//! a function of the goal alone, and counts in whole numbers, so that every machine chooses the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use protocol::digest::Digest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::guard::terms;

/// Files of this build, in the order of their names.
const FILES: &[(&str, &str)] = &[
    (
        "check-links",
        include_str!("../../prompts/examples/check-links.json"),
    ),
    (
        "collect-and-report",
        include_str!("../../prompts/examples/collect-and-report.json"),
    ),
    (
        "convert-files",
        include_str!("../../prompts/examples/convert-files.json"),
    ),
    (
        "fix-and-test",
        include_str!("../../prompts/examples/fix-and-test.json"),
    ),
    (
        "out-of-reach",
        include_str!("../../prompts/examples/out-of-reach.json"),
    ),
];

/// Examples that go with one request.
pub(super) const MOST: usize = 2;

/// The `schema` of an example's file.
const SCHEMA: &str = "orchestra.plan-example/v1";

/// A goal and a good answer.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanExample {
    /// Its name.
    pub name: String,
    /// The goal.
    pub goal: String,
    /// The answer, in the form of a plan.
    pub answer: Map<String, Value>,
    /// SHA-256 of its file.
    pub digest: Digest,
    terms: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    goal: String,
    #[serde(default)]
    about: Vec<String>,
    answer: Map<String, Value>,
}

impl PlanExample {
    /// Reads an example's file.
    ///
    /// # Errors
    /// It is not of the shape of `prompts/example.v1.schema.json`.
    pub fn from_json(name: &str, text: &str) -> Result<Self, ExampleError> {
        let file: File = serde_json::from_str(text)?;
        if file.schema != SCHEMA {
            return Err(ExampleError::Schema(file.schema));
        }
        let mut words = terms(&file.goal);
        words.extend(file.about.iter().flat_map(|word| terms(word)));
        Ok(Self {
            name: name.to_owned(),
            goal: file.goal,
            answer: file.answer,
            digest: Digest::of(text.as_bytes()),
            terms: words,
        })
    }
}

/// Why a text is no example.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// Not this JSON.
    #[error("not an example of this version")]
    Json(#[from] serde_json::Error),
    /// Another schema.
    #[error("an example of schema `{0}`; this build reads `{SCHEMA}`")]
    Schema(String),
}

/// The examples of this build.
#[must_use]
pub fn builtin_examples() -> &'static [PlanExample] {
    static ALL: LazyLock<Vec<PlanExample>> = LazyLock::new(|| {
        let all = FILES.iter();
        let all = all.map(|(name, text)| PlanExample::from_json(name, text));
        all.collect::<Result<_, _>>()
            .expect("a test reads every example of this build")
    });
    &ALL
}

/// Those that have most in common with a goal, rare words counting more; of equals the first. Always
/// as many as there may be, for the form itself is learned from them, too.
#[must_use]
pub(super) fn choose<'e>(goal: &str, all: &'e [PlanExample], most: usize) -> Vec<&'e PlanExample> {
    let goal = terms(goal);
    let mut spread: BTreeMap<&str, usize> = BTreeMap::new();
    for term in all.iter().flat_map(|example| &example.terms) {
        *spread.entry(term).or_default() += 1;
    }
    let weight = |term: &String| {
        let files = spread.get(term.as_str()).copied().unwrap_or(1);
        1000 * all.len() / files.max(1)
    };
    let score =
        |example: &PlanExample| -> usize { example.terms.intersection(&goal).map(weight).sum() };
    let mut ranked: Vec<(usize, &PlanExample)> = all.iter().map(|one| (score(one), one)).collect();
    ranked.sort_by_key(|(score, _)| Reverse(*score));
    ranked
        .into_iter()
        .take(most)
        .map(|(_, example)| example)
        .collect()
}
