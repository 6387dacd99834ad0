//! A saved plan: `run --plan-only --save FILE` writes it, `run FILE` runs exactly its digest or nothing.
//!
//! One JSON object: who made it and what it rests on, a digest over that, the scenario as it was, the
//! plan. It is told from a scenario by its `schema`, not by its name.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::diagnostic::Diagnostic;
use protocol::digest::Digest;
use protocol::plan::{DraftPlan, Limits, Plan};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::foundation::Foundation;

/// The `schema` of this version.
const SCHEMA: &str = "orchestra.plan-file/v1";
/// What the digest over [`About`] is of.
const DOMAIN: &str = "plan-file/v1";
/// This orchestra.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// What a saved plan says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Version of orchestra that saved it: another one may make another plan of the same words.
    pub orchestra: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the policy it was made under.
    pub policy: Digest,
    /// The scenario's file, absolute.
    pub scenario_path: String,
    /// SHA-256 of its bytes.
    pub scenario_file: Digest,
    /// Inputs as they were given.
    pub inputs: BTreeMap<String, String>,
    /// What is behind inputs of type `path`.
    pub paths: Vec<Foundation>,
}

/// A plan about to be saved.
pub struct Saved<'a> {
    /// What it says of itself.
    pub about: About,
    /// The scenario's text.
    pub scenario: &'a str,
    /// The plan.
    pub plan: &'a Plan,
}

/// A saved plan that is whole.
#[derive(Debug)]
pub struct PlanFile {
    /// What it says of itself.
    pub about: About,
    /// The scenario's text.
    pub scenario: String,
    /// The plan.
    pub plan: Plan,
}

/// Why a file is no plan to run.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// Of another version.
    #[error("it was saved in the form `{0}`, and this orchestra reads `{SCHEMA}`")]
    Schema(String),
    /// Of another orchestra.
    #[error("it was saved by orchestra {0}, and this is {OURS}")]
    Version(String),
    /// Not of the right shape.
    #[error("it is damaged")]
    Shape(#[source] serde_json::Error),
    /// The plan in it does not hold.
    #[error("its plan is invalid: {}", first(.0))]
    Plan(Vec<Diagnostic>),
    /// Something in it was changed.
    #[error("its {0} was changed since it was saved")]
    Changed(&'static str),
}

fn first(problems: &[Diagnostic]) -> &str {
    problems
        .first()
        .map_or("no reason", |problem| &problem.message)
}

#[derive(Deserialize)]
struct Probe {
    schema: Option<String>,
    #[serde(default)]
    about: Maker,
}

#[derive(Default, Deserialize)]
struct Maker {
    orchestra: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "schema")]
    _schema: String,
    about: About,
    seal: Digest,
    scenario: String,
    plan: DraftPlan,
}

/// The `schema` of a JSON object; none for anything else, such as a scenario.
#[must_use]
pub fn schema_of(bytes: &[u8]) -> Option<String> {
    probe(bytes)?.schema
}

fn probe(bytes: &[u8]) -> Option<Probe> {
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(bytes).ok())?
}

impl About {
    fn seal(&self) -> Digest {
        Digest::of_canonical(DOMAIN, self).expect("texts and digests only")
    }
}

impl Saved<'_> {
    /// The file's content.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let head = json!({
            "schema": SCHEMA,
            "about": self.about,
            "seal": self.about.seal(),
            "scenario": self.scenario,
        });
        let mut bytes = head.to_string().into_bytes();
        // The plan is JSON already, and may be large: it is put in as it is.
        bytes.pop();
        bytes.extend(b",\n\"plan\":");
        bytes.extend(self.plan.to_json());
        bytes.extend(b"}\n");
        bytes
    }

    /// Writes the file, the whole of it or nothing. Replaces nothing but a saved plan.
    ///
    /// # Errors
    /// Something else is there (`AlreadyExists`), or the disk takes no more.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        match fs_err::metadata(path) {
            Ok(found) => {
                let is_ours = || -> io::Result<bool> {
                    let schema = schema_of(&fs_err::read(path)?);
                    Ok(schema.is_some_and(|schema| schema.starts_with("orchestra.plan-file/")))
                };
                if !found.is_file() || !is_ours()? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let temporary = beside(path);
        let written = fs_err::File::create(&temporary).and_then(|mut file| {
            file.write_all(&self.to_json())?;
            file.sync_all()?;
            fs_err::rename(&temporary, path)
        });
        if written.is_err() {
            // Best effort: the first error is the one to tell.
            let _removed = fs_err::remove_file(&temporary);
        }
        written
    }
}

/// A name in the same directory that nobody else uses.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

impl PlanFile {
    /// Reads a saved plan and makes sure that it is as it was saved.
    ///
    /// # Errors
    /// It is of another version, damaged or changed.
    pub fn read(bytes: &[u8]) -> Result<Self, PlanFileError> {
        let found = probe(bytes);
        match found.as_ref().and_then(|probe| probe.schema.as_deref()) {
            Some(SCHEMA) => {}
            other => return Err(PlanFileError::Schema(other.unwrap_or_default().into())),
        }
        // Before its other words, which another version may not share.
        match found.and_then(|probe| probe.about.orchestra) {
            Some(version) if version != OURS => {
                return Err(PlanFileError::Version(version));
            }
            _ => {}
        }
        let Wire {
            about,
            seal,
            scenario,
            plan,
            ..
        } = serde_json::from_slice(bytes).map_err(PlanFileError::Shape)?;
        if about.seal() != seal {
            return Err(PlanFileError::Changed("description"));
        }
        if Digest::of(scenario.as_bytes()) != about.scenario_file {
            return Err(PlanFileError::Changed("scenario"));
        }
        let plan = plan
            .check(&Limits::default())
            .map_err(PlanFileError::Plan)?;
        if plan.digest() != about.plan {
            return Err(PlanFileError::Changed("plan"));
        }
        Ok(Self {
            about,
            scenario,
            plan,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(dir: &Path) -> PathBuf {
        let text = r#"{"name":"p","tasks":[{"id":"a","run":"echo x"}]}"#;
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        let plan = draft.check(&Limits::default()).unwrap();
        let scenario = "tasks: { a: { run: echo x } }\n";
        let about = About {
            orchestra: env!("CARGO_PKG_VERSION").into(),
            plan: plan.digest(),
            policy: Digest::of(b"policy"),
            scenario_path: "/p.yaml".into(),
            scenario_file: Digest::of(scenario.as_bytes()),
            inputs: BTreeMap::new(),
            paths: Vec::new(),
        };
        let path = dir.join("plan.json");
        let saved = Saved {
            about,
            scenario,
            plan: &plan,
        };
        saved.write(&path).unwrap();
        path
    }

    #[test]
    fn what_was_saved_is_read_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let text = fs_err::read_to_string(saved(dir.path())).unwrap();
        let read = |text: &str| PlanFile::read(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(read(&text).unwrap().plan.len(), 1);
        for (from, to, says) in [
            ("echo x\"", "echo y\"", "its plan was changed"),
            (
                "{ run: echo x }",
                "{ run: echo y }",
                "its scenario was changed",
            ),
            (
                "\"orchestra\":\"0.",
                "\"orchestra\":\"9.",
                "it was saved by orchestra 9.",
            ),
            ("/p.yaml", "/q.yaml", "its description was changed"),
            ("plan-file/v1", "plan-file/v2", "it was saved in the form"),
            ("\"id\":\"a\"", "\"id\":\"A\"", "its plan is invalid"),
            ("\"seal\"", "\"sael\"", "it is damaged"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let error = read(&changed).unwrap_err();
            assert!(error.starts_with(says), "{error}");
        }
        let found = schema_of(b"version: 1");
        assert_eq!(found, None);
    }

    #[test]
    fn only_saved_plans_are_replaced_and_no_half_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = saved(dir.path());
        let again = saved(dir.path());
        assert_eq!(path, again);
        fs_err::write(&path, "{\"schema\":\"mine\"}").unwrap();
        let text = fs_err::read(&path).unwrap();
        let result = std::panic::catch_unwind(|| saved(dir.path()));
        assert!(result.is_err(), "refused");
        assert_eq!(fs_err::read(&path).unwrap(), text);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }
}
