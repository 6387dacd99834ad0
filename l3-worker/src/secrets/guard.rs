//! The secrets of one run: grants them to tasks, and knows every value granted so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::outcome::Failure;

use super::SecretStore;
use super::error::{SecretError, Why};
use super::secret::Secret;
use crate::capture::{ByteFilter, Identity, Patterns, Redactor};
use crate::stop::Stop;

/// Values known at once in a run, by name.
pub const MAX_SECRETS: usize = 64;
/// Their bytes in all: all forms of them, kept in memory, take up to 3 KiB for each of these bytes.
pub const MAX_TOTAL_BYTES: usize = 32 * 1024;

/// Grants, and the patterns of all that was granted. Cheap to clone; clones are the same guard.
#[derive(Clone, Default)]
pub struct Guard(Option<Arc<Inner>>);

struct Inner {
    store: Box<dyn SecretStore>,
    known: Mutex<Known>,
    /// Counts what became known, for streams that began before.
    learned: AtomicU64,
}

#[derive(Default)]
struct Known {
    values: BTreeMap<String, Arc<Secret>>,
    patterns: Patterns,
}

/// What a task is granted, by the name of the variable. Neither printed nor compared.
#[derive(Default)]
pub struct Granted(Vec<(String, Arc<Secret>)>);

impl Guard {
    /// For a run with these secrets. A run without any has the default guard, which costs nothing.
    #[must_use]
    pub fn new(store: impl SecretStore + 'static) -> Self {
        Self(Some(Arc::new(Inner {
            store: Box::new(store),
            known: Mutex::default(),
            learned: AtomicU64::new(0),
        })))
    }

    /// The values of these names, had within this time; from now on they are known.
    ///
    /// # Errors
    /// One of them cannot be had, or the attempt is to stop.
    pub fn grant(
        &self,
        names: &[String],
        stop: &Stop,
        within: Duration,
    ) -> Result<Granted, Failure> {
        let granted = names.iter().map(|name| {
            let undeclared = || SecretError::new(name, Why::Undeclared);
            let inner = self.0.as_ref().ok_or_else(undeclared)?;
            Ok((name.clone(), inner.get(name, stop, within)?))
        });
        let granted: Result<Vec<_>, SecretError> = granted.collect();
        let granted = granted.map_err(|error| {
            let mut failure = error.failure();
            failure.message = self.redact(&failure.message);
            failure
        })?;
        Ok(Granted(granted))
    }

    /// A filter of one stream: it hides what is known, and what becomes known while the stream goes on.
    #[must_use]
    pub fn filter(&self) -> Box<dyn ByteFilter> {
        match &self.0 {
            None => Box::new(Identity),
            Some(inner) => Box::new(Watching::new(Arc::clone(inner))),
        }
    }

    /// All that is known, in all its forms.
    #[must_use]
    pub fn patterns(&self) -> Patterns {
        let inner = self.0.as_ref();
        inner.map_or_else(Patterns::default, |inner| inner.known().patterns.clone())
    }

    /// A message without what is known.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.patterns().redact(text)
    }
}

impl Granted {
    /// Variables and their values.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.0.iter();
        entries.map(|(name, secret)| (name.as_str(), secret.expose()))
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str, stop: &Stop, within: Duration) -> Result<Arc<Secret>, SecretError> {
        if let Some(secret) = self.known().values.get(name) {
            return Ok(Arc::clone(secret));
        }
        // Unlocked: a source may take its time, and streams go on.
        let secret = self.store.get(name, stop, within)?;
        let mut known = self.known();
        let known = &mut *known;
        let bytes = known.values.values().map(|secret| secret.expose().len());
        let total = bytes.sum::<usize>() + secret.expose().len();
        if !known.values.contains_key(name) {
            if known.values.len() >= MAX_SECRETS || total > MAX_TOTAL_BYTES {
                return Err(SecretError::new(name, Why::TooMany));
            }
            known.values.insert(name.to_owned(), Arc::clone(&secret));
            known.patterns = Patterns::new(known.values.values().map(|secret| secret.expose()));
            self.learned.fetch_add(1, Ordering::Release);
        }
        Ok(secret)
    }
}

/// Hides what the run knows by now.
struct Watching {
    inner: Arc<Inner>,
    learned: u64,
    redactor: Redactor,
}

impl Watching {
    fn new(inner: Arc<Inner>) -> Self {
        Self {
            learned: 0,
            redactor: Redactor::new(Patterns::default()),
            inner,
        }
    }
}

impl ByteFilter for Watching {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let learned = self.inner.learned.load(Ordering::Acquire);
        if learned != self.learned {
            self.learned = learned;
            let patterns = self.inner.known().patterns.clone();
            self.redactor.replace(patterns);
        }
        self.redactor.push(chunk, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.redactor.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use protocol::outcome::FailureClass;

    use super::*;

    /// Every name but `absent` has a value that is made of it.
    struct Made;

    impl SecretStore for Made {
        fn get(
            &self,
            name: &str,
            _stop: &Stop,
            _within: Duration,
        ) -> Result<Arc<Secret>, SecretError> {
            if name == "absent" {
                return Err(SecretError::new(name, Why::Unset("value-of-first".into())));
            }
            let value = format!("value-of-{name}").repeat(if name == "long" { 1000 } else { 1 });
            let secret = Secret::new(value.as_bytes());
            secret
                .map(Arc::new)
                .map_err(|why| SecretError::new(name, why))
        }
    }

    fn stop() -> Stop {
        Stop::new().unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn grant(guard: &Guard, granted: &[&str]) -> Vec<(String, String)> {
        let granted = guard
            .grant(&names(granted), &stop(), Duration::MAX)
            .map_err(|failure| failure.message);
        let granted = granted.unwrap();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        granted.variables().map(owned).collect()
    }

    #[test]
    fn a_value_is_granted_by_name_and_known_from_then_on() {
        let guard = Guard::new(Made);
        assert!(guard.patterns().is_empty());
        let first = ("first".to_owned(), "value-of-first".to_owned());
        assert_eq!(grant(&guard, &["first"]), [first]);
        assert_eq!(grant(&guard, &[]), []);
        assert_eq!(
            guard.redact("a value-of-first, a value-of-other"),
            "a ***, a value-of-other"
        );
        let failure = guard
            .grant(&names(&["first", "absent"]), &stop(), Duration::MAX)
            .err()
            .unwrap();
        assert_eq!(failure.class, FailureClass::InputMissing);
        assert_eq!(
            failure.message,
            "secret `absent`: the variable `***` is not set where orchestra runs; export it"
        );
    }

    #[test]
    fn a_stream_hides_what_another_task_is_granted_meanwhile() {
        let guard = Guard::new(Made);
        let mut filter = guard.filter();
        let mut out = Vec::new();
        filter.push(b"value-of-first ", &mut out);
        grant(&guard, &["first"]);
        filter.push(b"value-of-first value-of-second value-of-", &mut out);
        grant(&guard, &["second"]);
        filter.push(b"second", &mut out);
        filter.finish(&mut out);
        assert_eq!(out, b"value-of-first *** value-of-second ***");
    }

    #[test]
    fn what_is_known_is_bounded() {
        let guard = Guard::new(Made);
        let many: Vec<String> = (0..=MAX_SECRETS).map(|n| format!("name-{n}")).collect();
        assert!(
            guard.grant(&many[1..], &stop(), Duration::MAX).is_ok()
                && guard.grant(&many[1..], &stop(), Duration::MAX).is_ok()
        );
        let refused = guard
            .grant(&many, &stop(), Duration::MAX)
            .err()
            .unwrap()
            .message;
        assert!(
            refused.contains("a run may have 64 secrets of 32768 bytes"),
            "{refused}"
        );
    }

    #[test]
    fn without_secrets_nothing_is_granted_and_nothing_hidden() {
        let guard = Guard::default();
        assert_eq!(grant(&guard, &[]), []);
        assert!(
            guard
                .grant(&names(&["any"]), &stop(), Duration::MAX)
                .is_err()
        );
        let mut out = Vec::new();
        guard.filter().push(b"any", &mut out);
        assert_eq!(out, b"any");
    }
}
