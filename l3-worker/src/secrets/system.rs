//! Secrets of this host: variables, files and programs of the user who runs orchestra.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::policy::{SecretSource, Secrets};
use zeroize::Zeroize as _;

use super::error::{SecretError, Why};
use super::secret::Secret;
use super::{SecretStore, command, file};
use crate::stop::Stop;

/// Looks a variable up.
pub type Variable = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// What sources refer to.
#[derive(Clone)]
pub struct Host {
    /// The scenario's root.
    pub root: PathBuf,
    /// The user's home, if there is one.
    pub home: Option<PathBuf>,
    /// Variables of orchestra's own environment.
    pub variable: Variable,
}

/// Resolves each source once, when it is first asked for; what cannot be had then cannot be had in this
/// life of the run.
pub struct SystemSecrets {
    host: Host,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    source: SecretSource,
    /// Locked while it is looked for: whoever else needs it waits.
    value: Mutex<Option<Result<Arc<Secret>, SecretError>>>,
}

impl SystemSecrets {
    /// Resolves nothing yet.
    #[must_use]
    pub fn new(sources: Secrets, host: Host) -> Self {
        let entry = |(name, source)| {
            let value = Mutex::default();
            (name, Entry { source, value })
        };
        let entries = sources.into_iter().map(entry).collect();
        Self { host, entries }
    }

    fn resolve(
        &self,
        name: &str,
        source: &SecretSource,
        stop: &Stop,
        within: Duration,
    ) -> Result<Secret, Why> {
        match source {
            SecretSource::Env { name: variable } => {
                let variable = variable.as_deref().unwrap_or(name);
                let value = (self.host.variable)(variable);
                let value = value.ok_or_else(|| Why::Unset(variable.to_owned()))?;
                let secret = Secret::new(value.as_bytes());
                value.into_encoded_bytes().zeroize();
                secret
            }
            SecretSource::File { path } => file::read(path, &self.host),
            SecretSource::Command { argv } => command::run(argv, &self.host.root, stop, within),
        }
    }
}

impl SecretStore for SystemSecrets {
    fn get(&self, name: &str, stop: &Stop, within: Duration) -> Result<Arc<Secret>, SecretError> {
        let undeclared = || SecretError::new(name, Why::Undeclared);
        let entry = self.entries.get(name).ok_or_else(undeclared)?;
        let mut value = entry.value.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolved) = &*value {
            return resolved.clone();
        }
        let resolved = match self.resolve(name, &entry.source, stop, within) {
            // Says nothing about the secret, nor does a task that has less time than others.
            Err(Why::Stopped) => return Err(SecretError::new(name, Why::Stopped)),
            Err(why @ Why::TimedOut { wall, .. }) if wall < command::WALL => {
                return Err(SecretError::new(name, why));
            }
            resolved => resolved.map(Arc::new),
        };
        let resolved = resolved.map_err(|why| SecretError::new(name, why));
        value.insert(resolved).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(dir: &std::path::Path) -> SystemSecrets {
        let env = |name: Option<&str>| SecretSource::Env {
            name: name.map(str::to_owned),
        };
        let counted = "echo x >> count; printf 'counted-%s' \"$(wc -l < count)\"";
        let argv = ["/bin/sh", "-c", counted].map(str::to_owned).to_vec();
        let path = "file".to_owned();
        let sources = [
            ("TOKEN", env(None)),
            ("RENAMED", env(Some("TOKEN"))),
            ("ABSENT", env(None)),
            ("FILE", SecretSource::File { path }),
            ("COMMAND", SecretSource::Command { argv }),
        ];
        let sources = sources.map(|(name, source)| (name.to_owned(), source));
        let host = Host {
            root: dir.to_owned(),
            home: None,
            variable: Arc::new(|name| (name == "TOKEN").then(|| " from-env\n".into())),
        };
        SystemSecrets::new(sources.into(), host)
    }

    #[test]
    fn who_has_less_time_than_others_speaks_for_itself_only() {
        let dir = tempfile::tempdir().unwrap();
        let script = "test -e ready || sleep 100; echo 12345678";
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let sources = [("SLOW".to_owned(), SecretSource::Command { argv })].into();
        let host = Host {
            root: dir.path().into(),
            home: None,
            variable: Arc::new(|_| None),
        };
        let secrets = SystemSecrets::new(sources, host);
        let stop = Stop::new().unwrap();
        let late = secrets.get("SLOW", &stop, Duration::from_millis(50));
        assert!(matches!(late.unwrap_err().why, Why::TimedOut { .. }));
        fs_err::write(dir.path().join("ready"), "").unwrap();
        let found = secrets.get("SLOW", &stop, Duration::MAX).unwrap();
        assert_eq!(found.expose(), "12345678");
    }

    #[test]
    fn every_source_is_resolved_once() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("file"), "from-file\n").unwrap();
        let secrets = secrets(dir.path());
        let get = |name: &str| {
            let secret = secrets.get(name, &Stop::new().unwrap(), Duration::MAX);
            secret.map(|secret| secret.expose().to_owned())
        };
        assert_eq!(get("TOKEN").unwrap(), " from-env\n");
        assert_eq!(get("RENAMED").unwrap(), " from-env\n");
        assert_eq!(get("FILE").unwrap(), "from-file");
        fs_err::remove_file(dir.path().join("file")).unwrap();
        assert_eq!(get("FILE").unwrap(), "from-file");
        let stopped = Stop::new().unwrap();
        stopped.raise(crate::stop::StopLevel::Kill);
        let failure = secrets
            .get("COMMAND", &stopped, Duration::MAX)
            .unwrap_err()
            .failure();
        assert_eq!(failure.class, protocol::outcome::FailureClass::Cancelled);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(get("COMMAND").unwrap(), "counted-1"));
            }
        });
    }

    #[test]
    fn what_is_not_there_has_a_name_and_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = secrets(dir.path());
        let stop = Stop::new().unwrap();
        let failure = secrets
            .get("ABSENT", &stop, Duration::MAX)
            .unwrap_err()
            .failure();
        assert_eq!(failure.class, protocol::outcome::FailureClass::InputMissing);
        assert_eq!(
            failure.message,
            "secret `ABSENT`: the variable `ABSENT` is not set where orchestra runs; export it"
        );
        let unknown = secrets.get("NOPE", &stop, Duration::MAX).unwrap_err();
        assert_eq!(unknown.why, Why::Undeclared);
    }
}
