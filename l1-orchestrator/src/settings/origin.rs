//! A value that knows where it came from.

use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;

use crate::runs::SettingRecord;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The user's or the project's settings file.
    File(PathBuf),
    /// The scenario.
    Scenario,
    /// The record of the run that goes on.
    Recorded,
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Scenario => f.write_str("scenario"),
            Self::Recorded => f.write_str("the run's record"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

impl Origin {
    /// Where clap found the argument `id`; none if nobody gave it.
    #[must_use]
    pub fn of(matches: &ArgMatches, id: &str) -> Option<Self> {
        // Ids are the fields' names, flags and variables follow from them.
        match matches.value_source(id)? {
            ValueSource::CommandLine => Some(Self::Flag(id.replace('_', "-"))),
            ValueSource::EnvVariable => Some(Self::Environment(format!(
                "ORCHESTRA_{}",
                id.to_uppercase()
            ))),
            _ => None,
        }
    }
}

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// What the command line or the environment says, else what the files say, the last one first,
    /// else the default.
    #[must_use]
    pub fn resolve(
        given: Option<T>,
        origin: Option<Origin>,
        files: impl IntoIterator<Item = (Option<T>, PathBuf)>,
        default: T,
    ) -> Self {
        if let (Some(value), Some(origin)) = (given, origin) {
            return Self { value, origin };
        }
        for (value, path) in files {
            if let Some(value) = value {
                return Self {
                    value,
                    origin: Origin::File(path),
                };
            }
        }
        Self {
            value: default,
            origin: Origin::Default,
        }
    }
}

impl<T: Serialize> Setting<T> {
    /// For `run.json`.
    #[must_use]
    pub fn record(&self) -> SettingRecord {
        let value = serde_json::to_value(&self.value).unwrap_or_default();
        SettingRecord {
            value,
            origin: self.origin.to_string(),
        }
    }
}
