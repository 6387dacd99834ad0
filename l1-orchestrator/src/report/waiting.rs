//! What is shown while a model is asked and nothing else goes on: how long it has been, and how much it
//! has read and written. One line that is drawn again on a terminal, a line after a long silence
//! elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use l2_coordinator::model::Progress;
use protocol::event::{Event, EventKind};
use protocol::time::Timestamp;

use super::console::Shown;
use super::observer::Reporter;
use super::redact;
use super::spend::tokens;
use super::summary::RunSummary;
use crate::ui::{Panel, Tone, Ui};

/// As for tasks.
const SILENCE: Duration = Duration::from_secs(30);

/// Somebody waits for a model.
pub struct Waiting {
    ui: Arc<Ui>,
    shown: Shown,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    model: String,
    began: Instant,
    last_line: Instant,
    /// How often the answer was sent back, and tokens of the prompt, at most or as the provider says.
    round: u32,
    prompt: Option<(u64, bool)>,
    bytes: u64,
}

impl State {
    fn line(&self, now: Instant) -> String {
        let Self {
            model,
            round,
            prompt,
            bytes,
            ..
        } = self;
        let seconds = now.saturating_duration_since(self.began).as_secs();
        let time = match (seconds / 60, seconds % 60) {
            (0, seconds) => format!("{seconds}s"),
            (minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        };
        let mut line = format!("planning  {model}  {time}");
        if *round > 0 {
            line.push_str(&format!("  repair {round}"));
        }
        match prompt {
            Some((count, true)) => line.push_str(&format!("  {} tokens in", tokens(*count))),
            Some((count, false)) => line.push_str(&format!("  ≤ {} tokens in", tokens(*count))),
            None => {}
        }
        if *bytes > 0 {
            line.push_str(&format!("  {} out", redact::bytes(*bytes)));
        }
        line
    }
}

impl Waiting {
    /// For a model of this name, from now on.
    #[must_use]
    pub fn new(ui: Arc<Ui>, shown: Shown, model: String) -> Self {
        let began = Instant::now();
        Self {
            ui,
            shown,
            state: Arc::new(Mutex::new(State {
                model,
                began,
                last_line: began,
                round: 0,
                prompt: None,
                bytes: 0,
            })),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Shows it from here on; until [`Self::end`]. `source`: where replies come from, if from no model.
    pub fn begin(&self, source: &str) {
        let is_drawn = matches!(self.shown, Shown::Panel);
        if !is_drawn || !source.is_empty() {
            let model = self.lock().model.clone();
            self.ui.note(&format!("planning  {model}{source}"));
        }
        if !is_drawn {
            return;
        }
        let (state, painter) = (Arc::clone(&self.state), self.ui.err_painter());
        let panel: Panel = Arc::new(move |_| {
            let line = lock(&state).line(Instant::now());
            vec![painter.paint(Tone::Dim, &line)]
        });
        if let Err(error) = self.ui.go_live(Some(panel)) {
            tracing::warn!(%error, "no thread for the terminal; it is written in place");
        }
    }

    /// The answer is there, or there will be none.
    pub fn end(&self, give_up: impl Fn() -> bool) {
        if matches!(self.shown, Shown::Panel) {
            self.ui.hide_panel();
            self.ui.settle(give_up);
        }
    }

    /// How far the call is.
    pub fn tell(&self, progress: Progress) {
        match progress {
            Progress::Began { prompt } if prompt > 0 => self.lock().prompt = Some((prompt, true)),
            Progress::Began { .. } => {}
            Progress::Text { bytes } => self.lock().bytes = bytes,
            Progress::Waiting { next, delay_ms } => {
                let mut state = self.lock();
                state.bytes = 0;
                state.last_line = Instant::now();
                let delay = Duration::from_millis(delay_ms).as_secs_f64();
                let line = format!("planning  {}  try {next} in {delay:.1}s", state.model);
                drop(state);
                self.ui.note(&line);
            }
        }
    }

    /// About once a second.
    pub fn tick(&self) {
        self.tick_at(Instant::now());
    }

    fn tick_at(&self, now: Instant) {
        let mut state = self.lock();
        let silent = now.saturating_duration_since(state.last_line);
        if matches!(self.shown, Shown::Lines) && silent >= SILENCE {
            state.last_line = now;
            let line = state.line(now);
            drop(state);
            self.ui.note(&line);
        }
    }
}

/// Tells it which call is under way.
pub struct CallsOf(pub Arc<Waiting>);

impl Reporter for CallsOf {
    fn on_event(&mut self, event: &Event, _: &RunSummary) {
        if let EventKind::BudgetReserved(reserved) = &event.kind {
            let mut state = self.0.lock();
            state.round = reserved.round;
            state.prompt = Some((reserved.prompt, false));
            state.bytes = 0;
        }
    }

    fn on_tick(&mut self, _: Timestamp, _: &RunSummary) {}

    fn finish(&mut self, _: &RunSummary) {}
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A line that was not built harms no number.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(began: Instant) -> State {
        State {
            model: "anthropic/claude-opus-5-5".into(),
            began,
            last_line: began,
            round: 0,
            prompt: None,
            bytes: 0,
        }
    }

    #[test]
    fn the_line_says_how_long_it_has_been_and_what_is_known() {
        let began = Instant::now();
        let mut state = state(began);
        let at = |state: &State, seconds| state.line(began + Duration::from_secs(seconds));
        assert_eq!(at(&state, 0), "planning  anthropic/claude-opus-5-5  0s");
        state.prompt = Some((3_391, false));
        assert_eq!(
            at(&state, 12),
            "planning  anthropic/claude-opus-5-5  12s  ≤ 3.4k tokens in"
        );
        state.prompt = Some((3_391, true));
        state.bytes = 2_048;
        state.round = 1;
        assert_eq!(
            at(&state, 125),
            "planning  anthropic/claude-opus-5-5  2m05s  repair 1  3.4k tokens in  2.0 KiB out"
        );
    }

    #[test]
    fn half_a_minute_of_silence_is_broken() {
        let (ui, sink) = crate::report::tests::ui();
        let waiting = Waiting::new(Arc::new(ui), Shown::Lines, "m".into());
        let began = waiting.lock().began;
        waiting.begin("");
        for second in 1..70 {
            waiting.tick_at(began + Duration::from_secs(second));
        }
        let said = String::from_utf8(sink.lock().unwrap().clone()).unwrap();
        assert_eq!(said, "planning  m\nplanning  m  30s\nplanning  m  1m00s\n");
    }
}
