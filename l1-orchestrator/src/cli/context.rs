//! What every verb gets: the printer, the format, and the way to answer in it.

use std::sync::Arc;

use serde_json::Value;

use super::args::{Format, Paging};
use super::error::CliError;
use crate::report::{Redactor, RunRef};
use crate::runs::RunEntry;
use crate::settings::Files;
use crate::ui::Ui;

/// Shared by all verbs of one invocation.
#[derive(Clone)]
pub struct Context {
    /// The printer.
    pub ui: Arc<Ui>,
    /// What stdout carries.
    pub format: Format,
    /// Placeholders for snapshots.
    pub redact: Redactor,
    /// Settings that people keep in files.
    pub files: Arc<Files>,
}

impl Context {
    /// How commands name a run.
    #[must_use]
    pub fn reference(&self, entry: &RunEntry) -> RunRef {
        self.redact.reference(entry.reference())
    }

    /// Sends the text that follows through a pager, unless that is not wanted.
    pub fn page(&self, typed: &Paging) {
        if self.format == Format::Text && !typed.no_pager {
            self.ui.page();
        }
    }

    /// Prints text or one JSON object, as asked for.
    ///
    /// # Errors
    /// Nobody reads.
    pub fn answer(&self, text: impl FnOnce() -> String, json: Value) -> Result<(), CliError> {
        match self.format {
            Format::Text => self.ui.data(&text())?,
            Format::Json | Format::Jsonl => self.object(&json)?,
        }
        Ok(())
    }

    /// Prints one JSON object on one line.
    ///
    /// # Errors
    /// Nobody reads.
    pub fn object(&self, json: &Value) -> Result<(), CliError> {
        Ok(self.ui.data(&format!("{json}\n"))?)
    }
}
