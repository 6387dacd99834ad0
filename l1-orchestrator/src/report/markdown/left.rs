//! What the run leaves: the scenario's outputs, and every sealed file once.

use super::page::{Page, escape};
use crate::report::artifacts::{self, Handed};
use crate::report::redact;
use crate::report::words;

/// Rows of the table of artifacts.
const MAX_ARTIFACTS: usize = 1_000;
/// Outputs shown.
const MAX_OUTPUTS: usize = 100;
/// Characters of one value that are shown; the rest is in `report.json`.
const MAX_VALUE: usize = 200;
/// Files of one output that are linked.
const MAX_FILES: usize = 5;

impl Page<'_> {
    pub(super) fn outputs(&mut self) {
        let summary = self.summary;
        if summary.outputs.is_empty() {
            return;
        }
        self.heading("Outputs");
        for output in artifacts::outputs(summary, MAX_VALUE).take(MAX_OUTPUTS) {
            let name = escape(output.name);
            let value = match &output.value {
                Handed::Value(value) => escape(value),
                Handed::Files(files, size) => linked(files, *size),
            };
            self.line(&format!("- {name}: {value}"));
        }
        let more = summary.outputs.len().saturating_sub(MAX_OUTPUTS);
        if more > 0 {
            self.line(&format!("\n… and {more} more in `report.json`."));
        }
    }

    pub(super) fn artifacts(&mut self) {
        self.heading("Artifacts");
        let all = artifacts::left(self.summary, self.plan);
        if all.is_empty() {
            self.line("None.");
            return;
        }
        self.line("| artifact | task | file | size | SHA-256 |\n|---|---|---|--:|---|");
        let mut rows = 0_usize;
        for left in &all {
            for file in &left.artifact.files {
                rows += 1;
                if rows > MAX_ARTIFACTS {
                    continue;
                }
                let (name, path) = (escape(&left.artifact.name), escape(&file.path));
                let size = redact::bytes(file.bytes);
                let sha256 = self.redact.sha256(&file.sha256);
                let id = &left.task.id;
                self.line(&format!(
                    "| {name} | `{id}` | {path} | {size} | `{sha256}` |"
                ));
            }
        }
        for left in &all {
            if let Some(left_out) = words::left_out(left.artifact) {
                let name = escape(&left.artifact.name);
                self.line(&format!("\n{name} of `{}`: {left_out}.", left.task.id));
            }
        }
        if rows > MAX_ARTIFACTS {
            self.line(&format!(
                "\n… and {} more in `artifacts.json`.",
                rows - MAX_ARTIFACTS
            ));
        }
    }
}

fn linked(files: &[&str], size: u64) -> String {
    let named = files.iter().take(MAX_FILES);
    let mut links: Vec<String> = named
        .map(|path| format!("[{}]({})", escape(path), words::href(path)))
        .collect();
    let more = files.len().saturating_sub(MAX_FILES);
    if more > 0 {
        links.push(format!("{more} more"));
    }
    format!("{}, {}", links.join(", "), redact::bytes(size))
}
