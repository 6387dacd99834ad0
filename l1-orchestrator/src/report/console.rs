//! Progress for people: the first lines of a run, one line a finished task, the closing block. On a
//! terminal a panel beneath says what runs; elsewhere each line is counted, and long silence is broken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::event::Event;
use protocol::outcome::RunOutcome;
use protocol::policy::SandboxLevel;
use protocol::time::Timestamp;

use super::closing::{closing, verdict};
use super::live::{self, Board, Unstarted};
use super::observer::Reporter;
use super::summary::RunSummary;
use super::view::View;
use super::words;
use crate::ui::{Panel, Ui};

/// After this long without a line, one says what runs.
const SILENCE: Duration = Duration::from_secs(30);
/// Lines about tasks that never started, before the rest of them is told in a sum.
const MAX_IN_A_ROW: usize = 8;

/// The first lines of a run.
pub struct Opening<'a> {
    /// The scenario.
    pub scenario: &'a str,
    /// The run.
    pub run: String,
    /// Its plan.
    pub plan: String,
    /// Attempts at once.
    pub slots: String,
    /// Tasks of the plan.
    pub tasks: usize,
    /// Whether a model wrote them.
    pub is_planned: bool,
    /// The run's directory.
    pub dir: &'a str,
    /// What confines the tasks.
    pub level: SandboxLevel,
    /// `pack@version`.
    pub pack: &'a str,
}

impl Opening<'_> {
    /// What the level leaves open has a line of its own.
    #[must_use]
    pub fn render(&self) -> String {
        let Self {
            scenario,
            run,
            plan,
            dir,
            ..
        } = self;
        let about = self.about();
        format!("Run {run} {scenario}   plan {plan}   {dir}\nPlan: {about}")
    }

    /// The plan alone, for a run that was told of before it had one.
    #[must_use]
    pub fn of_plan(&self) -> String {
        format!("Plan: {}   plan {}", self.about(), self.plan)
    }

    fn about(&self) -> String {
        let Self { slots, pack, .. } = self;
        let sandbox = match self.level {
            SandboxLevel::None => "sandbox none",
            level => words::sandbox_ahead(level),
        };
        let tasks = words::tasks(self.tasks, self.is_planned);
        format!("{tasks} · {slots} at once · {sandbox} · policy {pack}")
    }
}

/// How much is shown while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No lines of tasks, only beginning and end.
    Nothing,
    /// A counted line for everything that ended.
    Lines,
    /// The same uncounted, above a panel.
    Panel,
}

/// Shows progress on stderr.
pub struct Console {
    ui: Arc<Ui>,
    view: View,
    shown: Shown,
    board: Arc<Mutex<Board>>,
    last_line: Option<Timestamp>,
    roll: Roll,
}

/// Lines of one kind in a row, about tasks that never started.
#[derive(Default)]
struct Roll {
    kind: Option<Unstarted>,
    count: usize,
}

impl Console {
    /// Of a run about which `before` tells what was known so far.
    #[must_use]
    pub fn new(ui: Arc<Ui>, view: View, shown: Shown, before: &RunSummary) -> Self {
        Self {
            ui,
            view,
            shown,
            board: Arc::new(Mutex::new(Board::of(before))),
            last_line: None,
            roll: Roll::default(),
        }
    }

    /// The panel, if it is to be shown: by this clock, and with what such a run usually takes, which is
    /// found out by the thread that draws.
    #[must_use]
    pub fn panel(
        &self,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        usual: impl Fn() -> Option<Duration> + Send + Sync + 'static,
    ) -> Option<Panel> {
        if self.shown != Shown::Panel {
            return None;
        }
        let board = Arc::clone(&self.board);
        let (painter, redact) = (self.ui.err_painter(), self.view.redact);
        let known = std::sync::OnceLock::new();
        Some(Arc::new(move |size| {
            let usual = *known.get_or_init(&usual);
            live::panel(&lock(&board), now(), usual, size, painter, redact)
        }))
    }

    /// Whether the event is one too many of its kind in a row, to be told in a sum.
    fn rolls(&mut self, event: &Event, summary: &RunSummary) -> bool {
        let kind = Unstarted::of(event, summary);
        if kind != self.roll.kind {
            self.unroll();
            self.roll.kind = kind;
        }
        self.roll.count += 1;
        kind.is_some() && self.roll.count > MAX_IN_A_ROW
    }

    fn unroll(&mut self) {
        let Roll { kind, count } = std::mem::take(&mut self.roll);
        let more = count.saturating_sub(MAX_IN_A_ROW);
        if let Some(kind) = kind.filter(|_| more > 0) {
            self.ui.note(&kind.sum(more, self.ui.err_painter()));
        }
    }
}

impl Reporter for Console {
    fn on_event(&mut self, event: &Event, summary: &RunSummary) {
        if self.shown == Shown::Nothing {
            return;
        }
        lock(&self.board).take(event, summary);
        let counted = self.shown == Shown::Lines;
        let painter = self.ui.err_painter();
        if let Some(line) = live::of_event(event, summary, &self.view, counted, painter) {
            self.last_line = Some(event.ts);
            if !self.rolls(event, summary) {
                self.ui.note(&line);
            }
        }
    }

    fn on_tick(&mut self, now: Timestamp, summary: &RunSummary) {
        if self.shown != Shown::Lines || summary.tally.running == 0 {
            return;
        }
        if now.since(*self.last_line.get_or_insert(now)) >= SILENCE {
            self.unroll();
            let line = live::running(now, &lock(&self.board), self.view.redact);
            self.ui.note(&line);
            self.last_line = Some(now);
        }
    }

    fn finish(&mut self, summary: &RunSummary) {
        self.unroll();
        self.ui.hide_panel();
        let painter = self.ui.err_painter();
        let passed = summary
            .ending
            .is_some_and(|end| end.outcome == RunOutcome::Completed);
        if self.ui.is_quiet() && passed {
            self.ui.say(&verdict(summary, &self.view, painter));
        } else {
            self.ui.say(&closing(summary, &self.view, painter));
        }
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    // Whoever panicked left at worst numbers that the next event corrects.
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
