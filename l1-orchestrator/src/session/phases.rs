//! Named moments of a run at which a soak test wants to kill the process.
//!
//! Does nothing unless built with the feature `test-phases`, which no release has. Then
//! `ORCHESTRA_TEST_STOP=<phase>:<n>` stops the process (SIGSTOP) the n-th time it gets there, and
//! whoever set it kills it. The launcher is not stopped: it is to see its worker die.

/// A moment worth dying in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A workspace is being made.
    Staging,
    /// A process was started.
    Running,
    /// Artifacts are being copied.
    Sealing,
    /// An event became certain, the next one has not.
    Event,
    /// The journal is closed, reports and seal are not written.
    Reporting,
    /// An interrupted run is about to go on.
    Resuming,
}

impl From<l3_worker::Phase> for Moment {
    fn from(phase: l3_worker::Phase) -> Self {
        match phase {
            l3_worker::Phase::Staging => Self::Staging,
            l3_worker::Phase::Running => Self::Running,
            l3_worker::Phase::Sealing => Self::Sealing,
        }
    }
}

/// The run got to this moment.
#[cfg(not(feature = "test-phases"))]
#[inline]
pub fn reached(_moment: Moment) {}

/// The run got to this moment.
#[cfg(feature = "test-phases")]
pub fn reached(moment: Moment) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static SEEN: AtomicU32 = AtomicU32::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("ORCHESTRA_TEST_STOP").ok()?;
        let (name, times) = text.split_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    let Some((name, times)) = wanted else { return };
    let is_it = format!("{moment:?}").to_lowercase() == *name;
    if is_it && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *times {
        let this = rustix::process::getpid();
        // Nothing to do about a failure: the test notices that nobody stopped.
        let _stopped = rustix::process::kill_process(this, rustix::process::Signal::STOP);
    }
}
