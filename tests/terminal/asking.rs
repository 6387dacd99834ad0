//! Questions on a terminal: what is asked, and that nothing but a yes is one.

use super::screen::Terminal;
use crate::support::Place;

fn left(place: &Place) -> usize {
    let object = place.orchestra(["list", "--json"]).run().expect(0).json();
    object["runs"].as_array().unwrap().len()
}

#[test]
fn clean_asks_before_it_removes() {
    let place = Place::new();
    place.past("kept", "exit 0", 0);
    let clean = ["clean", "--keep", "0"];
    for answer in ["n\r", "\r", "yes please\r", "\x04"] {
        let mut terminal = Terminal::run(&place, &clean);
        terminal.wait_for("Remove 1 run, ");
        terminal.wait_for("? [y/N]");
        assert!(
            terminal.text().contains("would remove"),
            "{}",
            terminal.text()
        );
        terminal.press(answer);
        let (code, text) = terminal.end();
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("nothing was removed"), "{text}");
        assert_eq!(left(&place), 1, "{answer:?}");
    }
    let mut terminal = Terminal::run(&place, &clean);
    terminal.wait_for("? [y/N]");
    terminal.press("y\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\nremoved "), "{text}");
    assert_eq!(left(&place), 0);
}

#[test]
fn clean_asks_nobody_who_does_not_want_it() {
    let place = Place::new();
    place.past("kept", "exit 0", 0);
    let clean = ["clean", "--keep", "0", "--no-input"];
    let (code, text) = Terminal::run(&place, &clean).end();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("error[not-confirmed]"), "{text}");
    assert_eq!(left(&place), 1);
}

/// Of many runs the newest stay in sight, and it is said that there are more.
#[test]
fn a_list_is_a_page() {
    let place = Place::new();
    let first = place.past("first", "exit 0", 0);
    for at in 0..55 {
        let name = format!("20250101T00{at:02}Z-old-000000{at:02}");
        let copy = first.with_file_name(name);
        fs_err::create_dir(&copy).unwrap();
        for file in ["run.json", "events.jsonl"] {
            fs_err::copy(first.join(file), copy.join(file)).unwrap();
        }
    }
    let (code, text) = Terminal::run(&place, &["list"]).end();
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("the newest 50; `orchestra list --limit 0` lists all"),
        "{text}"
    );
    let piped = place.orchestra(["list"]).run().expect(0).stdout;
    assert_eq!(piped.lines().count(), 56);
}
