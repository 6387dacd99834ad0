//! Where each value of an effective policy comes from. Told by `policy show --origin`; no part of the
//! policy's digest.

use std::collections::BTreeMap;

/// Origins by the path of a value, such as `limits.pids` or `programs.git`.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, String>);

/// Two policies are the same policy wherever their values come from.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origins {}

impl Origins {
    pub(super) fn set(&mut self, key: impl Into<String>, origin: &str) {
        self.0.insert(key.into(), origin.to_owned());
    }

    /// Of a value: its own, or that of what it is part of.
    pub(super) fn of(&self, key: &str) -> Option<&str> {
        let mut key = key;
        loop {
            if let Some(origin) = self.0.get(key) {
                return Some(origin);
            }
            key = key.rsplit_once('.')?.0;
        }
    }
}

/// One value of a policy, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLine {
    /// Its path: `limits.pids`, `programs.git`.
    pub key: String,
    /// The value as text.
    pub value: String,
    /// Where it comes from: `pack default@1`, `orchestra.yaml`, `scenario`.
    pub origin: String,
}
