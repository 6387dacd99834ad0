//! All that is said about each setting, from the word that wins to the default that it hides.
//!
//! For people who ask where a value comes from; verbs take theirs from [`super::driving`] and its
//! like, which follow the same order.

use std::env;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::files::Files;
use super::origin::Origin;
use super::table::{InProject, KEYS, Key, Shape};

/// One setting with everything said about it.
#[derive(Debug)]
pub struct Layered {
    /// Which.
    pub key: &'static Key,
    /// Value and origin; the first one holds, the last one is the default.
    pub said: Vec<Said>,
}

/// One word on a setting.
#[derive(Debug)]
pub struct Said {
    /// As it is written.
    pub value: String,
    /// Where.
    pub origin: Origin,
    /// Line and column in a file.
    pub place: Option<(u32, u32)>,
}

/// Every setting, as flags, environment and files have it.
#[must_use]
pub fn layers(matches: &ArgMatches, files: &Files) -> Vec<Layered> {
    KEYS.iter()
        .map(|key| Layered {
            key,
            said: said(key, matches, files),
        })
        .collect()
}

fn said(key: &'static Key, matches: &ArgMatches, files: &Files) -> Vec<Said> {
    let mut said = Vec::new();
    let word = |value: String, origin| Said {
        value: spelled(key, value),
        origin,
        place: None,
    };
    if let Some(value) = typed(key, matches) {
        let flag = key.flag().trim_start_matches('-').to_owned();
        said.push(word(value, Origin::Flag(flag)));
    }
    // Clap has read it, so it fits.
    if let Some(value) = env::var(key.variable())
        .ok()
        .filter(|text| !text.is_empty())
    {
        said.push(word(value, Origin::Environment(key.variable())));
    }
    for layer in files.last_first() {
        if let Some(value) = layer.value(key) {
            said.push(Said {
                value: value.to_owned(),
                origin: layer.origin(),
                place: layer.place(key),
            });
        }
    }
    lower(key, files, &mut said);
    said.push(word(key.default.to_owned(), Origin::Default));
    said
}

/// The value of a flag on the command line.
fn typed(key: &Key, matches: &ArgMatches) -> Option<String> {
    let is_typed = matches.value_source(key.name) == Some(ValueSource::CommandLine);
    let mut raw = matches.get_raw(key.name).filter(|_| is_typed)?;
    raw.next()?.to_str().map(str::to_owned)
}

/// A variable spells a flag in many ways.
fn spelled(key: &Key, value: String) -> String {
    let falsey = ["n", "no", "f", "false", "off", "0"];
    match key.shape {
        Shape::Flag => (!falsey.contains(&value.to_lowercase().as_str())).to_string(),
        _ => value,
    }
}

/// A project that only lowers is behind a user's smaller value.
fn lower(key: &Key, files: &Files, said: &mut [Said]) {
    if key.in_project != InProject::Lowers {
        return;
    }
    let number = |layer: &super::Layer| layer.value(key).and_then(|text| text.parse::<u32>().ok());
    let raises = match (number(&files.project), number(&files.user)) {
        (Some(project), Some(user)) => project > user,
        (None, _) => files.project.value(key).is_some(),
        (Some(_), None) => false,
    };
    let at = said
        .iter()
        .position(|one| one.origin == files.project.origin());
    if let Some(at) = at.filter(|at| raises && at + 1 < said.len()) {
        said.swap(at, at + 1);
    }
}
