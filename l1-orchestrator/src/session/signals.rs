//! Ctrl-C and SIGTERM: the first press stops with grace, the second at once. Each says what it does
//! and what the next one does. What does not obey is given up, so that a second press always ends
//! the process. SIGUSR1 and SIGUSR2 are what `orchestra pause` sends.

use std::future;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use l2_coordinator::{Handle, Pausing};
use protocol::event::Origin;
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::exit_code;
use crate::ui::Ui;

/// Seconds between SIGTERM and SIGKILL, as in the constraints of every attempt.
const GRACE: u64 = protocol::policy::Constraints::GRACE_MS / 1000;
/// After a first press: grace, as much again for the killed to die, and as much for their results.
const GIVE_UP: Duration = Duration::from_secs(3 * GRACE);
/// The same after a second press, which kills at once.
const GIVE_UP_AT_ONCE: Duration = Duration::from_secs(3);
/// From the second press to the end of the process, whatever it is doing.
const LAST_RESORT: Duration = Duration::from_secs(8);

/// Presses that this process was sent since somebody watches over it.
static PRESSES: AtomicU32 = AtomicU32::new(0);

/// Whether somebody pressed twice: then nothing is waited for that is only to be read.
#[must_use]
pub fn pressed_twice() -> bool {
    PRESSES.load(Ordering::Relaxed) > 1
}

/// Listens from its creation on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Unless whoever started us said that it is to be ignored, as `nohup` does.
    hangup: Option<Signal>,
    pause: Signal,
    pause_now: Signal,
    presses: u32,
    give_up: Option<Instant>,
}

/// What a signal asks for.
pub enum Asked {
    /// The end of the run.
    End(Press),
    /// A pause.
    Pause(Pausing),
}

/// A signal by its name for people, and as what the journal knows it.
pub struct Press(&'static str, Origin);

impl Press {
    /// Who asks, as the journal knows it.
    #[must_use]
    pub fn by(self) -> Origin {
        self.1
    }
}

/// Whether SIGHUP was ignored when this process began.
fn is_hangup_ignored() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// The system has no room for a handler.
    pub fn listen() -> io::Result<Self> {
        let user = |how: Pausing| signal(SignalKind::from_raw(how.signal().as_raw()));
        Ok(Self {
            pause: user(Pausing::Gently)?,
            pause_now: user(Pausing::Now)?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
            presses: 0,
            give_up: None,
        })
    }

    /// The next press; a terminal that goes away is one. Cancel-safe: a dropped wait loses no signal.
    pub async fn next(&mut self) -> Asked {
        let Self {
            interrupt,
            terminate,
            hangup,
            pause,
            pause_now,
            ..
        } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => Asked::End(Press("Ctrl-C", Origin::Interrupt)),
            _ = terminate.recv() => Asked::End(Press("SIGTERM", Origin::Terminate)),
            _ = hung_up => Asked::End(Press("SIGHUP", Origin::Hangup)),
            _ = pause.recv() => Asked::Pause(Pausing::Gently),
            _ = pause_now.recv() => Asked::Pause(Pausing::Now),
        }
    }

    /// Passes a request for a pause on; a run that is being stopped ends instead.
    pub fn pause(&mut self, how: Pausing, handle: &Handle, ui: &Ui) {
        if self.presses > 0 {
            return;
        }
        match how {
            Pausing::Gently => handle.pause("orchestra pause".into()),
            Pausing::Now => {
                handle.pause("orchestra pause --now".into());
                handle.halt();
                self.give_up = Some(Instant::now() + GIVE_UP);
                ui.note(&format!(
                    "   PAUSE running attempts get {GRACE}s to end; they run again after a resume"
                ));
            }
        }
    }

    /// Passes a press on and says so.
    pub fn press(&mut self, Press(name, by): Press, handle: &Handle, ui: &Ui) {
        self.presses += 1;
        let patience = if self.is_urgent() {
            GIVE_UP_AT_ONCE
        } else {
            GIVE_UP
        };
        self.give_up = Some(Instant::now() + patience);
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

    /// Whether somebody pressed twice.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        self.presses > 1
    }

    /// When what should have ended since the last press has had its time.
    #[must_use]
    pub const fn give_up(&self) -> Option<Instant> {
        self.give_up
    }

    /// It was given up; once a press is enough.
    pub const fn gave_up(&mut self) {
        self.give_up = None;
    }
}

/// Resolves at that time, if there is one.
pub async fn overdue(give_up: Option<Instant>) {
    match give_up {
        Some(at) => tokio::time::sleep_until(at).await,
        None => future::pending().await,
    }
}

/// Ends this process some seconds after a second press if nothing else does: whoever drives the run may
/// be stuck in a disk, or in a terminal that takes no more. Once a process, to its end.
///
/// # Errors
/// The system has no room for a thread or a handler.
pub fn watch_over(ui: Arc<Ui>) -> io::Result<()> {
    static WATCHED: OnceLock<()> = OnceLock::new();
    if WATCHED.set(()).is_err() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::listen()?
    };
    let watch = move || {
        runtime.block_on(async {
            while !pressed_twice() {
                if let Asked::End(_) = signals.next().await {
                    PRESSES.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::time::sleep(LAST_RESORT).await;
        });
        last_words(ui.erasing());
        std::process::exit(exit_code::NOT_READY.into());
    };
    std::thread::Builder::new()
        .name("last-resort".into())
        .spawn(watch)?;
    Ok(())
}

/// Said past everything that may be stuck, and only if somebody takes it.
fn last_words(erasing: &str) {
    let text = format!(
        "{erasing}error[run-unclosed]: the run does not end and is left as it is\n\
         help: `orchestra resume @last` goes on, `orchestra cancel @last` closes it\n"
    );
    let stderr = io::stderr();
    let none = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    if rustix::event::poll(&mut fds, Some(&none)).is_ok_and(|ready| ready > 0) {
        // Nobody is left to be told of a failure.
        let _told = rustix::io::write(&stderr, text.as_bytes());
    }
}
