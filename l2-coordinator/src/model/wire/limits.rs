//! Every bound of a call over HTTP, in one place.

use std::time::Duration;

/// Largest reply as it travels, everything included. The longest reply any model gives is 128,000
/// tokens; with an event for each it stays beneath this.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Largest single event. Some servers send the whole reply in one.
pub(crate) const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// Most of an error's body that is read.
pub(crate) const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How long a call may take and how often it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Without a byte from the provider. Any byte is a sign of life, a ping too: providers send pings
    /// so that long thinking is not taken for death. Who pings for ever meets [`Self::wall`].
    pub idle: Duration,
    /// The whole call: all tries, and all waiting between them.
    pub wall: Duration,
    /// How often a request is sent at most.
    pub tries: u32,
    /// The mean wait before the second try doubles from half of this, each time.
    pub first_delay: Duration,
    /// Longest wait of our own choosing.
    pub longest_delay: Duration,
    /// Longest wait a provider may ask for; beyond it the call ends and says how long.
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            wall: Duration::from_secs(15 * 60),
            tries: 3,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(8),
            longest_wait: Duration::from_secs(60),
        }
    }
}
