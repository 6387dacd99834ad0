//! While an attempt runs: both streams drained, timers and stop orders obeyed, in one `poll`.
//!
//! The worker keeps the pipes' write ends open itself, so a payload that ends wakes it once, by the
//! slot's report, not three times. What is in the pipes when the tree is dead is all there is:
//! end-of-file is never waited for.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use protocol::ids::TaskId;
use protocol::outcome::Bound;
use protocol::policy::Timeout;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::capture::Stream;
use crate::launcher::{Report, SlotProcess};
use crate::stop::{Stop, StopLevel};
use crate::workspace::Gauge;

/// A descriptor passed on to a stranger could be written to for ever.
const DRAIN_DEADLINE: Duration = Duration::from_millis(200);
/// The slot process kills after the grace; an answer later than this means that it is stopped or
/// stuck, and the launcher takes over.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamName {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Some output, filtered, as it came.
#[derive(Clone, Copy, Debug)]
pub struct OutputChunk<'a> {
    /// Of which task.
    pub task: &'a TaskId,
    /// Of which attempt.
    pub attempt: u32,
    /// On which stream.
    pub stream: StreamName,
    /// Not aligned to lines or characters.
    pub bytes: &'a [u8],
}

/// Sees output while it comes; called on the slot's thread, so it must be quick.
pub type OutputObserver = std::sync::Arc<dyn Fn(&OutputChunk<'_>) + Send + Sync>;

/// Why the tree was told to end before it did by itself. The first cause stays.
#[derive(Debug)]
pub(super) enum Ended {
    Cancelled,
    TimedOut(Bound),
    Exceeded(Bound),
    Capture(io::Error),
}

/// A pipe whose write end goes to the payload.
pub(super) struct Pipe {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
}

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Self { read, write })
    }
}

/// One stream's pipe and what collects it.
pub(super) struct Tap<'a> {
    pub(super) name: StreamName,
    pub(super) pipe: Pipe,
    pub(super) stream: &'a mut Stream,
}

/// Everything a running attempt is watched by.
pub(super) struct Pump<'a, 'g> {
    pub(super) process: &'a mut SlotProcess,
    pub(super) taps: [Tap<'a>; 2],
    pub(super) stop: &'a Stop,
    pub(super) timeout: Timeout,
    pub(super) grace: Duration,
    pub(super) buffer: &'a mut [u8],
    pub(super) show: &'a dyn Fn(StreamName, &[u8]),
    pub(super) gauge: &'a mut Gauge<'g>,
    pub(super) ended: Option<Ended>,
    pub(super) started: Instant,
}

struct Ready {
    report: bool,
    stop: bool,
    taps: [bool; 2],
}

impl Pump<'_, '_> {
    /// Until the tree is dead. `None`: the slot process does not answer any more.
    pub(super) fn run(mut self) -> (Option<Report>, Option<Ended>) {
        let wall = self
            .timeout
            .wall_ms
            .map(|ms| self.started + Duration::from_millis(ms));
        let idle = self.timeout.idle_ms.map(Duration::from_millis);
        let mut last_output = self.started;
        let mut answer_by = None;
        let report = loop {
            let idle_at = idle.map(|idle| last_output + idle);
            let deadline = match answer_by {
                Some(by) => Some(by),
                None => [wall, idle_at, self.gauge.due()]
                    .into_iter()
                    .flatten()
                    .min(),
            };
            let ready = self.wait(deadline);
            if ready.taps.contains(&true) {
                self.read(ready.taps);
                last_output = Instant::now();
            }
            if answer_by.is_none() && matches!(self.ended, Some(Ended::Capture(_))) {
                answer_by = Some(self.answer_deadline());
            }
            if ready.report
                && let Some(report) = self.process.report()
            {
                break Some(report);
            }
            if ready.stop {
                self.stop.acknowledge();
                self.end(Ended::Cancelled);
                self.obey();
                answer_by = Some(self.answer_deadline());
                // The deadline at hand was another one.
                continue;
            }
            let Some(deadline) = deadline.filter(|at| Instant::now() >= *at) else {
                continue;
            };
            if answer_by.is_some() {
                break None;
            }
            let bound = if wall == Some(deadline) {
                Bound::Wall
            } else if idle_at == Some(deadline) {
                Bound::Idle
            } else {
                match self.gauge.look() {
                    None => continue,
                    // What writes that much is not asked to tidy up: it could go on writing.
                    Some(bound) => {
                        self.end(Ended::Exceeded(bound));
                        let _sent = self.process.kill();
                        answer_by = Some(Instant::now() + ANSWER_DEADLINE);
                        continue;
                    }
                }
            };
            self.end(Ended::TimedOut(bound));
            self.obey();
            answer_by = Some(self.answer_deadline());
        };
        self.drain();
        (report, self.ended)
    }

    fn answer_deadline(&self) -> Instant {
        let grace = match self.stop.level() {
            Some(StopLevel::Kill) => Duration::ZERO,
            Some(StopLevel::Terminate) | None => self.grace,
        };
        Instant::now() + grace + ANSWER_DEADLINE
    }

    fn end(&mut self, cause: Ended) {
        self.ended.get_or_insert(cause);
    }

    /// Passes the current order on. A slot process that is gone says so by its socket.
    fn obey(&self) {
        let _sent = match self.stop.level() {
            Some(StopLevel::Kill) => self.process.kill(),
            Some(StopLevel::Terminate) | None => self.process.terminate(self.grace),
        };
    }

    fn wait(&self, deadline: Option<Instant>) -> Ready {
        let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // Rounded up: waking a moment early would spin until the deadline.
        let timeout = timeout.map(|left| left + Duration::from_millis(1));
        let timeout = timeout.map(|left| Timespec::try_from(left).expect("seconds fit"));
        let mut fds = [
            PollFd::from_borrowed_fd(self.process.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN),
            PollFd::new(&self.taps[0].pipe.read, PollFlags::IN),
            PollFd::new(&self.taps[1].pipe.read, PollFlags::IN),
        ];
        // EINTR shows as nothing ready.
        let _count = rustix::event::poll(&mut fds, timeout.as_ref());
        let [report, stop, out, err] = fds.map(|fd| !fd.revents().is_empty());
        Ready {
            report,
            stop,
            taps: [out, err],
        }
    }

    fn read(&mut self, ready: [bool; 2]) {
        for (tap, _) in self.taps.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            let read = match rustix::io::read(&tap.pipe.read, &mut *self.buffer) {
                Ok(read) => read,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(error) => {
                    self.ended.get_or_insert(Ended::Capture(error.into()));
                    continue;
                }
            };
            // After a failure to store, output is still drained, so that nothing blocks on it.
            if matches!(self.ended, Some(Ended::Capture(_))) {
                continue;
            }
            match tap.stream.take(&self.buffer[..read]) {
                Ok(settled) => (self.show)(tap.name, settled),
                Err(error) => {
                    self.ended.get_or_insert(Ended::Capture(error));
                    let _sent = self.process.kill();
                }
            }
        }
    }

    /// What is left in the pipes of a dead tree.
    fn drain(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < DRAIN_DEADLINE {
            let mut fds = [
                PollFd::new(&self.taps[0].pipe.read, PollFlags::IN),
                PollFd::new(&self.taps[1].pipe.read, PollFlags::IN),
            ];
            let none = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            match rustix::event::poll(&mut fds, Some(&none)) {
                Ok(0) => return,
                Ok(_) => {}
                Err(_) => continue,
            }
            let ready = fds.map(|fd| !fd.revents().is_empty());
            self.read(ready);
        }
    }
}
