//! `artifacts.json`: every sealed file by task and name, with size, digest and media type.
//!
//! It names no run and no time, so that two runs with the same results have the same manifest, byte
//! for byte.

use std::io::{self, Write};

use protocol::artifact::{Artifact, SealedFile};
use protocol::ids::TaskId;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::RunSummary;

/// The `schema` of this version.
const SCHEMA: &str = "orchestra.artifacts/v1";

/// `artifacts.json`: every sealed file of a run.
#[derive(JsonSchema, Serialize)]
struct Manifest<'a> {
    /// This version of the shape.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    artifacts: Vec<Entry<'a>>,
}

#[derive(JsonSchema, Serialize)]
struct Entry<'a> {
    task: &'a TaskId,
    name: &'a str,
    media_type: &'a str,
    /// A directory with everything in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    directory: bool,
    /// Entries of it that were no files.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    files: &'a [SealedFile],
}

/// The schema of `artifacts.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    protocol::schema::of_written::<Manifest<'static>>()
}

/// Writes the manifest, ordered by task and name.
///
/// # Errors
/// `out` does not take it.
pub fn write(summary: &RunSummary, out: &mut impl Write) -> io::Result<()> {
    let mut artifacts: Vec<Entry<'_>> = summary
        .tasks
        .iter()
        .flat_map(|task| {
            task.artifacts
                .iter()
                .map(|artifact| entry(&task.id, artifact))
        })
        .collect();
    artifacts.sort_by_key(|entry| (entry.task, entry.name));
    let manifest = Manifest {
        schema: SCHEMA,
        artifacts,
    };
    serde_json::to_writer_pretty(&mut *out, &manifest)?;
    out.write_all(b"\n")
}

fn entry<'a>(task: &'a TaskId, artifact: &'a Artifact) -> Entry<'a> {
    let Artifact {
        name,
        media_type,
        directory,
        left_out,
        files,
    } = artifact;
    Entry {
        task,
        name,
        media_type,
        directory: *directory,
        left_out: Some(*left_out).filter(|count| *count > 0),
        files,
    }
}
