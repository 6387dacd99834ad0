//! `run.json`: what was asked, under which settings and whose they were. Written once, before the
//! journal; read tolerantly.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use protocol::ids::{RunId, ScenarioName};
use protocol::run_dir;
use protocol::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest `run.json` that is read, bytes; ours holds a few settings.
const MAX_BYTES: u64 = 1024 * 1024;

/// A setting and where it came from.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct SettingRecord {
    /// Its value.
    pub value: Value,
    /// `default`, `flag --x`, `environment X`, a file, or `scenario`.
    pub origin: String,
}

/// The content of `run.json`.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct RunRecord {
    /// `orchestra.run/v1`.
    #[schemars(extend("const" = RunRecord::SCHEMA))]
    pub schema: String,
    /// The run.
    pub run_id: RunId,
    /// Name of its scenario.
    pub scenario: ScenarioName,
    /// The scenario's file, absolute.
    pub scenario_path: String,
    /// The scenario's root, absolute: the tree of tasks with `workspace: project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// Version of orchestra.
    pub orchestra: String,
    /// The run whose results this one carries over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
    /// Inputs given on the command line, as text.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Settings.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingRecord>,
}

impl RunRecord {
    /// The `schema` of this version.
    pub const SCHEMA: &str = "orchestra.run/v1";

    /// Reads the record of a run.
    ///
    /// # Errors
    /// It is missing, too long or damaged.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let file = super::open_regular(&dir.join(run_dir::RUN_JSON))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("run.json is too long"));
        }
        Ok(serde_json::from_slice(&bytes)?)
    }
}
