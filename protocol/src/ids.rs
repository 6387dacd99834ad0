//! Names of things: runs, tasks, workers, coordinators, and the lease token that fences work.
//!
//! Every id validates when it is made, and `Display` and `FromStr` round-trip.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text that is not the id it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct InvalidId {
    /// What was expected.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        Self {
            kind,
            text: text.chars().take(80).collect(),
            rule,
        }
    }
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

/// One execution of one plan: a lower-case `UUIDv7`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(uuid::Uuid);

impl RunId {
    /// From a `UUIDv7` made by whoever owns clock and randomness.
    #[must_use]
    pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(uuid)
    }

    /// The id as people see it: its last 8 hex digits, which are random.
    #[must_use]
    pub fn short(&self) -> String {
        let bytes = self.0.as_bytes();
        let last = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        format!("{last:08x}")
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "expected a lower-case UUIDv7 such as 0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";
        let uuid = uuid::Uuid::try_parse(text).map_err(|_| InvalidId::new("run id", text, rule))?;
        if uuid.get_version_num() != 7 || uuid.as_hyphenated().to_string() != text {
            return Err(InvalidId::new("run id", text, rule));
        }
        Ok(Self(uuid))
    }
}
serde_as_text!(RunId);

/// A task of a plan, as shown to people: `a`, or `a/b[3]` for expanded children.
///
/// Every segment matches `[a-z][a-z0-9_]{0,62}`, with an optional index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Longest shown id, all segments together.
    pub const MAX_BYTES: usize = 512;
    /// Longest wire id; the bound of a subject token and comfortable for file names.
    pub const MAX_WIRE_BYTES: usize = 64;

    /// The shown form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for subjects and file names, `[a-z0-9_-]{1,64}`: `a/b[3]` is `a-b-3`; a longer one
    /// is cut and ends in 16 hex digits of the shown id's SHA-256. One-to-one, because a segment
    /// holds no hyphen and starts with a letter.
    #[must_use]
    pub fn wire(&self) -> String {
        let mut wire = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            match c {
                '/' | '[' => wire.push('-'),
                ']' => {}
                other => wire.push(other),
            }
        }
        if wire.len() > Self::MAX_WIRE_BYTES {
            let hash = Sha256::digest(self.0.as_bytes());
            wire.truncate(Self::MAX_WIRE_BYTES - 17);
            wire.push('-');
            for byte in &hash[..8] {
                wire.push_str(&format!("{byte:02x}"));
            }
        }
        wire
    }

    /// Whether `text` is one plain segment, the form people write as a key of `tasks:`.
    #[must_use]
    pub fn is_segment(text: &str) -> bool {
        let bytes = text.as_bytes();
        matches!(bytes.first(), Some(b'a'..=b'z'))
            && bytes.len() <= 63
            && bytes
                .iter()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "expected segments `[a-z][a-z0-9_]{0,62}` joined by `/`, each with an optional `[index]`";
        let fits = text.len() <= Self::MAX_BYTES
            && text
                .split('/')
                .all(|segment| match segment.strip_suffix(']') {
                    None => Self::is_segment(segment),
                    Some(open) => open.split_once('[').is_some_and(|(name, index)| {
                        Self::is_segment(name) && is_plain_index(index)
                    }),
                });
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new("task id", text, rule))
        }
    }
}
serde_as_text!(TaskId);

fn is_plain_index(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 9
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

/// Whether `text` can be one token of a subject.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

macro_rules! token_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_token(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId::new($kind, text, "expected 1 to 64 of `a-z 0-9 _ -`"))
                }
            }
        }
        serde_as_text!($name);
    };
}

token_id!(
    /// A worker: its name, the same over restarts.
    WorkerId, "worker id"
);
/// Workers that live inside a coordinator's process are named so; nobody else may be.
const LOCAL_WORKER: &str = "local-";

/// The name of the worker inside a coordinator's process.
///
/// # Errors
/// The coordinator's id is too long to be prefixed.
pub fn local_worker(coordinator: &CoordinatorId) -> Result<WorkerId, InvalidId> {
    format!("{LOCAL_WORKER}{coordinator}").parse()
}

/// The worker inside a coordinator's own process that asks models.
///
/// # Errors
/// As with [`local_worker`].
pub fn local_asker(coordinator: &CoordinatorId) -> Result<WorkerId, InvalidId> {
    format!("{LOCAL_WORKER}ai-{coordinator}").parse()
}

/// Whether a worker lives, or lived, inside a coordinator's process and died with it.
#[must_use]
pub fn is_local_worker(worker: &WorkerId) -> bool {
    worker.as_str().starts_with(LOCAL_WORKER)
}

token_id!(
    /// One life of a worker, drawn at random when it starts.
    Incarnation, "worker incarnation"
);
token_id!(
    /// One coordinator on a bus; part of every subject meant for it.
    CoordinatorId, "coordinator id"
);

/// A scenario's name: `[a-z0-9][a-z0-9_-]{0,62}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScenarioName(Arc<str>);

impl ScenarioName {
    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScenarioName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ScenarioName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let first_fits = matches!(text.as_bytes().first(), Some(b'a'..=b'z' | b'0'..=b'9'));
        if first_fits && text.len() <= 63 && is_token(text) {
            Ok(Self(text.into()))
        } else {
            let rule = "expected `[a-z0-9][a-z0-9_-]{0,62}`";
            Err(InvalidId::new("scenario name", text, rule))
        }
    }
}
serde_as_text!(ScenarioName);

/// The number of a lease within a run, together with the coordinator's epoch: `<epoch>-<lease>`.
///
/// Epochs rise durably with every resume, so a pair never repeats even where lease numbers that
/// were not synced before a power cut are handed out again. Ordered as (epoch, lease).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId {
    /// Raised by every resume; the first life of a run has 1.
    pub epoch: u32,
    /// Counts up within the epoch.
    pub lease: u32,
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.lease)
    }
}

impl FromStr for LeaseId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parsed = text.split_once('-').and_then(|(epoch, lease)| {
            let fits = is_plain_index(epoch) && is_plain_index(lease);
            fits.then_some(())?;
            Some(Self {
                epoch: epoch.parse().ok()?,
                lease: lease.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| InvalidId::new("lease id", text, "expected `<epoch>-<lease>`"))
    }
}
serde_as_text!(LeaseId);

/// The fence: only the holder of a task's current token can change the task.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct LeaseToken {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// Which delivery of the task.
    pub lease: LeaseId,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn task_ids_are_checked() {
        for good in ["a", "a_1", "a/b[3]", "a[0]/b/c[12]"] {
            assert_eq!(good.parse::<TaskId>().unwrap().to_string(), good);
        }
        for bad in [
            "", "A", "1a", "a-b", "a/", "/a", "a[]", "a[01]", "a[1", "a]", "a[x]", "a b", "a..b",
            "a[1]b",
        ] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn wire_form_is_short_and_distinct() {
        let id: TaskId = "a/b[3]".parse().unwrap();
        assert_eq!(id.wire(), "a-b-3");
        let long = format!("{}/{}", "x".repeat(63), "y".repeat(63));
        let other = format!("{}/{}", "x".repeat(63), "z".repeat(63));
        let (long, other): (TaskId, TaskId) = (long.parse().unwrap(), other.parse().unwrap());
        assert_eq!(long.wire().len(), 64);
        assert!(is_token(&long.wire()));
        assert_ne!(long.wire(), other.wire());
    }

    #[test]
    fn run_ids_are_lower_case_v7() {
        let text = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";
        let id: RunId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "4be1c07a");
        assert!(text.to_uppercase().parse::<RunId>().is_err());
        assert!(
            "0197f0e2-7c1a-4cc3-9d51-3a5a4be1c07a"
                .parse::<RunId>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn lease_ids_round_trip(epoch in 0u32..999_999_999, lease in 0u32..999_999_999) {
            let id = LeaseId { epoch, lease };
            prop_assert_eq!(id.to_string().parse::<LeaseId>().unwrap(), id);
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in ".{0,90}") {
            if let Ok(id) = text.parse::<TaskId>() {
                prop_assert_eq!(id.as_str(), text.as_str());
                prop_assert!(is_token(&id.wire()));
            }
            let _parsed = (text.parse::<RunId>(), text.parse::<WorkerId>(), text.parse::<ScenarioName>());
        }
    }
}
