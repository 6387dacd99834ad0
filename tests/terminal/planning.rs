//! Somebody waits for a model, on a real terminal.

use l2_coordinator::testing::stub_api::{Act, KEY, Stub};

use super::screen::Terminal;
use crate::support::Place;

const GOAL: &str = "\
version: 1
name: links
goal: Count the pages of the documentation.
";

#[test]
fn a_line_says_how_long_it_has_been_and_nothing_of_it_is_left() {
    let place = Place::with("goal.yaml", GOAL);
    let stub = Stub::start();
    stub.queue(Act::Silence);
    let url = stub.base_url();
    let words = [
        "run",
        "goal.yaml",
        "--yes",
        "--model",
        "anthropic/claude-opus-5-5",
    ];
    let env = [("ANTHROPIC_API_KEY", KEY), ("ANTHROPIC_BASE_URL", &*url)];
    let mut terminal = Terminal::run_with(&place, &words, &env);
    terminal.wait_for("k tokens in");
    terminal.wait_for("planning  anthropic/claude-opus-5-5  1s  ≤ ");
    terminal.press("\u{3}");
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.starts_with("Run "), "{text}");
    assert!(
        text.contains("planning was stopped; nothing was run"),
        "{text}"
    );
    assert!(!text.contains("tokens in"), "{text}");
}
