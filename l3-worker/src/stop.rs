//! The order to stop what a slot is running, for executors that wait in `poll` and for those that
//! wait in tokio.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::{fmt, io};

use rustix::event::EventfdFlags;
use tokio::sync::Notify;

/// How urgently. Orders only rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// SIGTERM, then the grace, then SIGKILL.
    Terminate,
    /// SIGKILL at once.
    Kill,
}

/// One slot's stop order; reused for every attempt of the slot.
pub struct Stop {
    level: AtomicU8,
    event: OwnedFd,
    notify: Notify,
}

impl Stop {
    /// Nothing ordered.
    ///
    /// # Errors
    /// The process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            level: AtomicU8::new(0),
            event,
            notify: Notify::new(),
        })
    }

    /// Orders a stop of the current attempt.
    pub fn raise(&self, level: StopLevel) {
        let number = match level {
            StopLevel::Terminate => 1,
            StopLevel::Kill => 2,
        };
        if self.level.fetch_max(number, Ordering::SeqCst) < number {
            // A full counter wakes the poller as well.
            let _written = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
            self.notify.notify_waiters();
        }
    }

    /// What is ordered now.
    #[must_use]
    pub fn level(&self) -> Option<StopLevel> {
        match self.level.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(StopLevel::Terminate),
            _ => Some(StopLevel::Kill),
        }
    }

    /// Forgets the order, for the slot's next task. Nobody may be waiting on this one.
    pub fn reset(&self) {
        if self.level.swap(0, Ordering::SeqCst) > 0 {
            self.acknowledge();
        }
    }

    /// Makes the descriptor quiet until the next order.
    pub(crate) fn acknowledge(&self) {
        let mut counter = [0; 8];
        let _read = rustix::io::read(&self.event, &mut counter);
    }

    /// Waits until something is ordered.
    pub async fn raised(&self) -> StopLevel {
        loop {
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(level) = self.level() {
                return level;
            }
            notified.await;
        }
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.level()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_rise_and_are_forgotten() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.level(), None);
        stop.raise(StopLevel::Terminate);
        assert_eq!(stop.raised().await, StopLevel::Terminate);
        stop.raise(StopLevel::Kill);
        stop.raise(StopLevel::Terminate);
        assert_eq!(stop.raised().await, StopLevel::Kill);
        stop.reset();
        assert_eq!(stop.level(), None);
        let quiet = rustix::io::read(&stop.event, &mut [0; 8]);
        assert_eq!(quiet, Err(rustix::io::Errno::AGAIN));
    }
}
