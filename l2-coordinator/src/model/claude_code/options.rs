//! Everything a call needs to know of the machine; nothing is read from this process's environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::Secret;

/// Longest call: a long plan at the highest effort takes minutes.
const WALL: Duration = Duration::from_secs(20 * 60);
/// Longest silence. Partial messages are asked for, so that a model that writes is heard; one that
/// thinks without saying so may be silent for some minutes.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// How `claude` is started.
#[derive(Clone, Debug)]
pub struct ClaudeCodeOptions {
    /// The program: a path, or a name to be found in `env`'s `PATH`.
    pub program: PathBuf,
    /// Its home, where its login is.
    pub home: PathBuf,
    /// Where directories of calls are made, each empty, private and removed afterwards.
    pub scratch: PathBuf,
    /// Further variables: at least `PATH`; proxies and certificates where the machine needs them.
    pub env: BTreeMap<String, String>,
    /// Variables whose values are never shown, such as `ANTHROPIC_API_KEY`.
    pub secrets: BTreeMap<String, Secret>,
    /// Longest time of one call.
    pub wall: Duration,
    /// Longest silence within one.
    pub idle: Duration,
}

impl ClaudeCodeOptions {
    /// With the default time limits and no variables.
    #[must_use]
    pub fn new(
        program: impl Into<PathBuf>,
        home: impl Into<PathBuf>,
        scratch: impl Into<PathBuf>,
    ) -> Self {
        Self {
            program: program.into(),
            home: home.into(),
            scratch: scratch.into(),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            wall: WALL,
            idle: IDLE,
        }
    }

    /// `text` without any of the secret values.
    pub(super) fn scrub(&self, text: String) -> String {
        let secrets = self.secrets.values();
        secrets.fold(text, |text, secret| secret.scrub(text))
    }
}
