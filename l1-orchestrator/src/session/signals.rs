//! Ctrl-C and SIGTERM: the first press stops with grace, the second at once. Each says what it does
//! and what the next one does.

use std::io;

use l2_coordinator::Handle;
use protocol::event::Origin;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ui::Ui;

/// Seconds between SIGTERM and SIGKILL, as in the constraints of every attempt.
const GRACE: u64 = protocol::policy::Constraints::DEFAULT.grace_ms / 1000;

/// Listens from its creation on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    presses: u32,
}

impl Signals {
    /// Takes both signals over.
    ///
    /// # Errors
    /// The system has no room for a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            presses: 0,
        })
    }

    /// The next press. Cancel-safe: a dropped wait loses no signal.
    pub async fn next(&mut self) -> Origin {
        tokio::select! {
            _ = self.interrupt.recv() => Origin::Interrupt,
            _ = self.terminate.recv() => Origin::Terminate,
        }
    }

    /// Passes a press on and says so.
    pub fn press(&mut self, by: Origin, handle: &Handle, ui: &Ui) {
        self.presses += 1;
        let name = if by == Origin::Interrupt {
            "Ctrl-C"
        } else {
            "SIGTERM"
        };
        tracing::warn!(signal = name, presses = self.presses, "asked to stop");
        handle.cancel(by);
        match self.presses {
            1 => ui.say(&format!(
                "    STOP {name}: no new attempt starts; running ones get {GRACE}s to end. \
                 Again: they are killed at once"
            )),
            2 => ui.say(&format!(
                "    KILL {name} again: running attempts are killed now"
            )),
            _ => ui.say("    KILL already; waiting for the record to be written"),
        }
    }
}
