//! Keys pressed on a terminal: what each press says, and that the terminal is left in order.

use super::live::WAITING;
use super::screen::{Terminal, wait_until};
use crate::support::Place;

const CTRL_C: &str = "\x03";

/// A task that does not end when it is asked to.
const DEAF: &str = "\
version: 1
name: deaf
tasks:
  deaf:
    run: |
      trap '' TERM INT
      echo deaf
      while :; do sleep 0.05; done
";

#[test]
fn ctrl_c_once_stops_with_grace() {
    let place = Place::with("waiting.yaml", WAITING);
    let mut terminal = Terminal::run(&place, &["run", "waiting.yaml"]);
    terminal.wait_for("] slow");
    terminal.press(CTRL_C);
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    let said = "    STOP Ctrl-C: no new attempt starts; running ones get 10s to end. Again: they are \
                killed at once\n";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("  CANCEL ["), "{text}");
    assert!(text.contains("stopped by Ctrl-C"), "{text}");
    assert!(
        !text.contains("Stopping") && !text.contains("Running"),
        "{text}"
    );
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn ctrl_c_twice_kills() {
    let place = Place::with("deaf.yaml", DEAF);
    let mut terminal = Terminal::run(&place, &["run", "deaf.yaml", "-v"]);
    terminal.wait_for("deaf | deaf");
    terminal.press(CTRL_C);
    terminal.wait_for("Stopping [");
    terminal.press(CTRL_C);
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    let said = "    KILL Ctrl-C again: running attempts are killed now\n";
    assert!(text.contains(said), "{text}");
    assert!(!text.contains("Stopping"), "{text}");
    place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn ctrl_c_ends_the_watching_and_leaves_the_terminal_in_order() {
    let place = Place::with("waiting.yaml", WAITING);
    let mut run = place.orchestra(["run", "waiting.yaml"]).start();
    wait_until(|| {
        let listed = place.orchestra(["list", "--json"]).run();
        listed.code == 0 && listed.json()["runs"][0]["status"] == "running"
    });
    let mut terminal = Terminal::run(&place, &["watch"]);
    terminal.wait_for("1/2   1 running · 0 failed");
    terminal.press(CTRL_C);
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    let last = "    STOP no longer watched; the run goes on";
    assert!(text.trim_end().ends_with(last), "{text}");
    assert!(!text.contains("Running"), "{text}");
    place.write("gate", "");
    assert_eq!(run.wait().unwrap().code(), Some(0));
}
