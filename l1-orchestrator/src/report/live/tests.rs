//! What a terminal shows at moments of a run, by a clock that the test moves.

use std::num::NonZero;
use std::time::Duration;

use insta::assert_snapshot;
use protocol::event::{EventKind, Origin};
use protocol::outcome::RunOutcome;
use protocol::time::Timestamp;

use super::{Board, of_event, panel};
use crate::report::tests::{Story, view};
use crate::report::{Redactor, RunSummary};
use crate::ui::{Painter, Screen, Size};

const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};
const NARROW: Size = Size {
    columns: 40,
    rows: 10,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// As the terminal wants it.
fn rows_columns(size: Size) -> (NonZero<u16>, NonZero<u16>) {
    let fit = |number: usize| NonZero::new(u16::try_from(number).unwrap()).unwrap();
    (fit(size.rows), fit(size.columns))
}

/// A terminal on which a story is told up to a moment.
struct Shown {
    parser: vt100::Parser,
    screen: Screen,
    board: Board,
    summary: RunSummary,
    size: Size,
    usual: Option<Duration>,
}

impl Shown {
    fn new(size: Size) -> Self {
        let (rows, columns) = rows_columns(size);
        Self {
            parser: vt100::Parser::new(rows, columns, 0),
            screen: Screen::default(),
            board: Board::default(),
            summary: RunSummary::default(),
            size,
            usual: None,
        }
    }

    /// Tells the events of the story that were not told yet.
    fn tell(mut self, story: &Story) -> Self {
        let known = self.summary.last_seq as usize;
        for event in &story.0[known..] {
            self.summary.apply(event);
            self.board.take(event, &self.summary);
            let line = of_event(event, &self.summary, &view(), false, Painter::PLAIN);
            if let Some(line) = line {
                self.paint(&format!("{line}\n"), event.ts);
            }
        }
        self
    }

    fn paint(&mut self, above: &str, now: Timestamp) {
        let (usual, size) = (self.usual, self.size);
        let redact = Redactor::default();
        let panel = panel(&self.board, now, usual, size, Painter::PLAIN, redact);
        let bytes = self.screen.paint(above, &panel, size).replace("\r\n", "\n");
        self.parser.process(bytes.replace('\n', "\r\n").as_bytes());
    }

    fn at(&mut self, seconds: i64) -> String {
        self.paint("", at(seconds));
        self.parser.screen().contents()
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        let (rows, columns) = rows_columns(size);
        self.parser.screen_mut().set_size(rows, columns);
    }
}

/// Nine tasks, of which five are over at second 19, and two run.
fn halfway() -> Story {
    Story::begun(9)
        .passes("collect")
        .passes("api")
        .fails("console", false)
        .skips("assemble", "console")
        .skips("publish", "console")
        .starts("worker", 1)
        .starts("docs", 1)
}

#[test]
fn halfway_on_a_usual_terminal() {
    let mut shown = Shown::new(USUAL).tell(&halfway());
    shown.usual = Some(Duration::from_secs(60));
    assert_snapshot!(shown.at(30), @r"
        PASS [  2.0s] collect
        PASS [  2.0s] api
        FAIL [  2.0s] console   exit 3; attempt 1
        SKIP          assemble   because console failed
        SKIP          publish   because console failed
     Running [00:29] ███████▊       5/9   2 running · 1 failed · ~31s left
             [00:15] worker
             [00:14] docs
    ");
    assert_snapshot!(shown.at(61).lines().last().unwrap(), @"         [00:45] docs");
    let late = shown.at(4000);
    assert!(late.contains("[1:06:39]"), "{late}");
    assert!(
        !late.contains("left"),
        "no promise is shown that was broken: {late}"
    );
}

#[test]
fn halfway_on_a_narrow_terminal() {
    let mut shown = Shown::new(NARROW).tell(&halfway());
    shown.usual = Some(Duration::from_secs(600));
    assert_snapshot!(shown.at(30), @r"
       PASS [  2.0s] api
       FAIL [  2.0s] console   exit 3; attempt 1
       SKIP          assemble   because console failed
       SKIP          publish   because console failed
    Running [00:29] ███▉    5/9   1 failed
            [00:15] worker
            [00:14] docs
    ");
}

#[test]
fn only_the_longest_eight_are_named() {
    let mut story = Story::begun(100_000);
    for n in 0..20 {
        story = story.starts(&format!("task{n}"), 1);
    }
    let mut shown = Shown::new(USUAL).tell(&story);
    assert_snapshot!(shown.at(64), @r"
     Running [01:03]                0/100000   20 running · 0 failed
             [01:00] task0
             [00:59] task1
             [00:58] task2
             [00:57] task3
             [00:56] task4
             [00:55] task5
             [00:54] task6
             [00:53] task7
             and 12 more
    ");
    shown.resize(NARROW);
    assert_snapshot!(shown.at(64), @r"
     Running [01:03] 0/100000   0 failed
             [01:00] task0
             [00:59] task1
             [00:58] task2
             [00:57] task3
             [00:56] task4
             [00:55] task5
             [00:54] task6
             and 13 more
    ");
}

#[test]
fn the_panel_says_when_the_run_is_being_stopped() {
    let story = halfway().then(EventKind::RunCancelling {
        by: Origin::Interrupt,
    });
    let mut shown = Shown::new(USUAL).tell(&story);
    shown.usual = Some(Duration::from_secs(60));
    let text = shown.at(30);
    assert!(text.contains("Stopping [00:29]"), "{text}");
    assert!(!text.contains("left"), "{text}");
}

#[test]
fn retried_tasks_wait_outside_the_panel_and_come_back() {
    let story = Story::begun(1)
        .starts("flaky", 1)
        .ends("flaky", 1, Some(crate::report::tests::broke()))
        .then(EventKind::AttemptRetrying {
            task: "flaky".parse().unwrap(),
            attempt: 2,
            delay_ms: 2000,
            in_place: true,
        });
    let mut shown = Shown::new(USUAL).tell(&story);
    assert_snapshot!(shown.at(8), @r"
       RETRY [  1.0s] flaky   exit 3; attempt 2 in 2.0s
     Running [00:07]                0/1   0 running · 0 failed
    ");
    let story = story.starts("flaky", 2);
    let mut shown = shown.tell(&story);
    assert!(shown.at(9).ends_with("[00:02] flaky"));
}

#[test]
fn in_the_end_nothing_of_the_panel_is_left() {
    let story = Story::begun(1)
        .passes("a")
        .finishes(RunOutcome::Completed, 0);
    let mut shown = Shown::new(USUAL).tell(&story);
    shown.at(30);
    let bytes = shown.screen.paint("the end\n", &[], USUAL);
    shown.parser.process(bytes.replace('\n', "\r\n").as_bytes());
    assert_snapshot!(shown.parser.screen().contents(), @r"
        PASS [  2.0s] a
    the end
    ");
    assert_eq!(shown.parser.screen().cursor_position(), (2, 0));
}

/// A board that is made of a summary is what a board that saw every event became.
#[test]
fn a_board_can_be_taken_up_at_any_event() {
    let story = halfway().then(EventKind::TaskCancelled {
        task: "docs".parse().unwrap(),
    });
    let mut live = Board::default();
    let mut summary = RunSummary::default();
    for event in &story.0 {
        summary.apply(event);
        live.take(event, &summary);
        let fresh = Board::of(&summary);
        assert_eq!(format!("{live:?}"), format!("{fresh:?}"));
    }
    assert_eq!(live.running.len(), 1);
}
