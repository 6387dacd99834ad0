//! Everything for eyes, in order: written at once by whoever says it, or, while a run is shown live,
//! queued for a thread of its own. A terminal that takes no more then holds up that thread and nobody
//! else.
//!
//! Drawings of the panel are dropped as they age. Lines are not, up to a bound; then they are counted,
//! and the count is told.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::screen::{Screen, Size};

/// Between two drawings: at most ten a second.
const FRAME: Duration = Duration::from_millis(100);
/// Bytes of lines that wait for a terminal that takes no more: some fifty thousand lines.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// Beyond that, room for what must not be lost: the last lines of a run, errors.
const RESERVED: usize = 1024 * 1024;
/// How long a task's output waits for room, once, before it is dropped.
const PATIENCE: Duration = Duration::from_millis(100);
/// After giving up on the reader: what a healthy terminal needs for the last lines.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// Between looks at whether to give up.
const LOOK: Duration = Duration::from_millis(50);
/// How long a panicking thread waits for the panel to go.
const OUT_OF_THE_WAY: Duration = Duration::from_millis(200);

/// The lines of the panel for a terminal of this size; asked for by the thread that writes.
pub type Panel = Arc<dyn Fn(Size) -> Vec<String> + Send + Sync>;

/// How much a line matters when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Said while things happen.
    Note,
    /// The same by a thread that may wait a moment: it is the one that makes too many.
    Patient,
    /// What a run leaves in the end, and errors.
    Last,
}

type Stream = Box<dyn Write + Send>;

/// The side of the printer that people look at.
#[derive(Clone)]
pub(super) struct Eyes(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or to stop.
    wake: Condvar,
    /// Something was written, or the thread ended.
    done: Condvar,
}

struct State {
    /// Here, unless a thread has it.
    stream: Option<Stream>,
    waiting: String,
    lost: u64,
    /// Nobody read for longer than [`PATIENCE`].
    stalled: bool,
    panel: Option<Panel>,
    /// A panel is on the terminal.
    painted: bool,
    stop: bool,
}

impl Eyes {
    pub(super) fn new(stream: Stream) -> Self {
        let state = State {
            stream: Some(stream),
            waiting: String::new(),
            lost: 0,
            stalled: false,
            panel: None,
            painted: false,
            stop: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            done: Condvar::new(),
        }))
    }

    /// One line, without its break. A stderr that cannot be written has nobody to tell.
    pub(super) fn line(&self, line: &str, weight: Weight) {
        let mut state = self.0.lock();
        if let Some(stream) = &mut state.stream {
            // One write a line, so that lines of others on the same terminal do not come in between.
            let text = format!("{line}\n");
            let _told = stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush());
            return;
        }
        let bound = match weight {
            Weight::Last => MAX_WAITING + RESERVED,
            Weight::Note | Weight::Patient => MAX_WAITING,
        };
        let is_full = |state: &State| state.waiting.len() + line.len() >= bound;
        if weight == Weight::Patient && is_full(&state) && !state.stalled {
            let room = self.0.done.wait_timeout_while(state, PATIENCE, |state| {
                is_full(state) && state.stream.is_none()
            });
            state = room.unwrap_or_else(PoisonError::into_inner).0;
            state.stalled = is_full(&state);
        }
        if is_full(&state) {
            state.lost += 1;
            return;
        }
        state.tell_lost();
        state.waiting.push_str(line);
        state.waiting.push('\n');
        self.0.wake.notify_one();
    }

    /// Hands the stream to a thread of its own, with a panel or without.
    ///
    /// # Errors
    /// The system has no room for a thread; then everything stays as it was.
    pub(super) fn go_live(
        &self,
        panel: Option<Panel>,
        size: impl Fn() -> Size + Send + 'static,
    ) -> std::io::Result<()> {
        let mut state = self.0.lock();
        state.panel = panel;
        state.stop = false;
        let Some(stream) = state.stream.take() else {
            // The thread that has it may be asleep, and has a panel to draw now.
            self.0.wake.notify_one();
            return Ok(());
        };
        drop(state);
        // In a place of its own until the thread is there: a closure that never ran is dropped whole.
        let handed = Arc::new(Mutex::new(Some(stream)));
        let (shared, taken) = (Arc::clone(&self.0), Arc::clone(&handed));
        let begun = thread::Builder::new().name("eyes".into()).spawn(move || {
            let stream = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            Writer { shared, stream }.serve(&size);
        });
        if let Err(error) = begun {
            let mut state = self.0.lock();
            state.stream = handed.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(error);
        }
        Ok(())
    }

    /// Takes the panel away; lines go on.
    pub(super) fn hide(&self) {
        self.0.lock().panel = None;
        self.0.wake.notify_one();
    }

    /// Whether a panel is on the terminal.
    pub(super) fn is_painted(&self) -> bool {
        self.0.lock().painted
    }

    /// Takes the panel away and waits a moment until it is gone: somebody else is about to print.
    pub(super) fn step_aside(&self) {
        self.hide();
        let state = self.0.lock();
        let gone = self
            .0
            .done
            .wait_timeout_while(state, OUT_OF_THE_WAY, |state| {
                state.painted && state.stream.is_none()
            });
        // Whether it is gone or not, nothing more can be done.
        drop(gone);
    }

    /// Waits until everything was written, for as long as somebody may still read it, and takes the
    /// stream back.
    pub(super) fn settle(&self, give_up: &dyn Fn() -> bool) {
        let mut state = self.0.lock();
        state.panel = None;
        state.stop = true;
        self.0.wake.notify_one();
        let mut until = None;
        while state.stream.is_none() {
            if give_up() {
                let until = *until.get_or_insert_with(|| Instant::now() + LAST_CHANCE);
                if Instant::now() >= until {
                    return;
                }
            }
            let woken = self.0.done.wait_timeout(state, LOOK);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    /// Puts a line in the place of those there was no room for.
    fn tell_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            self.waiting.push_str(&format!(
                "         … {lost} more were not shown: nobody read them in time\n"
            ));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left whole lines.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side. Gives the stream back when it ends, a panic included.
struct Writer {
    shared: Arc<Shared>,
    stream: Option<Stream>,
}

impl Writer {
    fn serve(mut self, size: &dyn Fn() -> Size) {
        let mut screen = Screen::default();
        let mut drawn = Instant::now().checked_sub(FRAME);
        while let Some((lines, panel)) = self.next(&screen, drawn) {
            let size = size();
            let panel = panel.map(|panel| panel(size)).unwrap_or_default();
            let bytes = screen.paint(&lines, &panel, size);
            drawn = Some(Instant::now());
            if let Some(stream) = self.stream.as_mut().filter(|_| !bytes.is_empty()) {
                // Nobody is left to be told of a failure.
                let _told = stream
                    .write_all(bytes.as_bytes())
                    .and_then(|()| stream.flush());
            }
            let mut state = self.shared.lock();
            state.painted = screen.has_panel();
            state.stalled = false;
            self.shared.done.notify_all();
        }
    }

    /// Waits until something is to be written: lines as they come, or together with the next drawing of
    /// the panel. None when it is over.
    fn next(&self, screen: &Screen, drawn: Option<Instant>) -> Option<(String, Option<Panel>)> {
        let mut state = self.shared.lock();
        loop {
            let owes = !state.waiting.is_empty() || state.lost > 0;
            if state.stop && !owes && !screen.has_panel() {
                return None;
            }
            let wait = match &state.panel {
                _ if state.stop => break,
                None if owes || screen.has_panel() => break,
                None => None,
                Some(_) => {
                    let left =
                        drawn.map_or(Duration::ZERO, |at| FRAME.saturating_sub(at.elapsed()));
                    if left.is_zero() {
                        break;
                    }
                    Some(left)
                }
            };
            state = match wait {
                None => self.shared.wake.wait(state),
                Some(left) => {
                    let woken = self.shared.wake.wait_timeout(state, left);
                    woken.map(|(state, _)| state).map_err(|poisoned| {
                        let (state, _) = poisoned.into_inner();
                        PoisonError::new(state)
                    })
                }
            }
            .unwrap_or_else(PoisonError::into_inner);
        }
        state.tell_lost();
        let lines = std::mem::take(&mut state.waiting);
        Some((lines, state.panel.clone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stream = self.stream.take();
        state.painted = false;
        drop(state);
        self.shared.done.notify_all();
    }
}

#[cfg(test)]
mod tests;
