//! The journal cut after every record and inside every line.

use crate::recovery::story::{EXIT, Story, done_in, journal};

/// `run.started`, `plan.proposed` and `plan.approved` come with one write; before the last of them
/// nothing was decided, so there is nothing to continue.
const OPENING: usize = 3;

#[test]
fn cut_after_every_record() {
    let story = Story::new();
    let all = story.lines.len();
    assert!(
        all > 30 && story.lines[OPENING - 1].contains("\"type\":\"plan.approved\""),
        "{all}"
    );
    for count in 1..=all {
        let crashed = story.crashed(&format!("after-{count}"), &story.head(count));
        if count < OPENING {
            let outcome = crashed.without_results().orchestra("resume").expect(7);
            assert!(
                outcome.stderr.contains("error[run-not-begun]"),
                "{}",
                outcome.render()
            );
            continue;
        }
        crashed.resumes(&done_in(&story.lines[..count]));
    }
}

#[test]
fn cut_inside_every_line() {
    let story = Story::new();
    for (count, torn) in story.lines.iter().enumerate().skip(1) {
        let torn = &torn.as_bytes()[..torn.len() / 2];
        let crashed = story.crashed(
            &format!("inside-{count}"),
            &[&story.head(count), torn].concat(),
        );
        if count < OPENING {
            crashed.without_results().orchestra("resume").expect(7);
            continue;
        }
        let unread = crashed.orchestra("show").stdout;
        assert!(unread.contains("Nobody drives it"), "{unread}");
        crashed.resumes(&done_in(&story.lines[..count]));
        assert_eq!(
            crashed.read("events.torn.1"),
            torn,
            "what was damaged is kept"
        );
        let recovered = &crashed.journal()[count];
        let said = format!("\"torn_bytes\":{},\"file\":\"events.torn.1\"", torn.len());
        assert!(recovered.contains(&said), "{recovered}");
    }
}

/// The first write never came whole: there is no run, and nothing is made up.
#[test]
fn cut_inside_the_first_line() {
    let story = Story::new();
    for length in [0, 1, 100] {
        let crashed = story.crashed(
            &format!("first-{length}"),
            &story.lines[0].as_bytes()[..length],
        );
        let outcome = crashed.orchestra("resume");
        assert!([7, 8].contains(&outcome.code), "{}", outcome.render());
        assert!(
            outcome.stderr.contains("the run never began"),
            "{}",
            outcome.render()
        );
        assert_eq!(
            crashed.read("events.jsonl"),
            &story.lines[0].as_bytes()[..length]
        );
    }
}

/// A line that lacks only its newline is whole.
#[test]
fn cut_before_a_newline_loses_nothing() {
    let story = Story::new();
    let count = story.through(&["\"type\":\"task.done\"", "\"task\":\"left\""]);
    let mut whole = story.head(count);
    assert_eq!(whole.pop(), Some(b'\n'));
    let crashed = story.crashed("newline", &whole);
    crashed.orchestra("resume").expect(EXIT);
    assert_eq!(crashed.journal()[..count], story.lines[..count]);
    assert!(!crashed.dir.join("events.torn.1").exists());
    crashed.resumes(&story.diary());
}

/// Whoever resumes may be killed, too, and whoever resumes then.
#[test]
fn cut_again_after_every_record_of_a_resumed_run() {
    let story = Story::new();
    let first = story.through(&["\"type\":\"task.done\"", "\"task\":\"source\""]) + 2;
    let torn = &story.lines[first].as_bytes()[..20];
    let crashed = story.crashed("once", &[&story.head(first), torn].concat());
    crashed.orchestra("resume").expect(EXIT);
    let lines = journal(&crashed.dir);
    assert!(lines.len() > first + 10, "{}", lines.len());
    for count in first + 1..lines.len() {
        let text: String = lines[..count]
            .iter()
            .flat_map(|line| [line, "\n"])
            .collect();
        let twice = story.crashed(&format!("twice-{count}"), text.as_bytes());
        fs_err::write(twice.dir.join("events.torn.1"), torn).unwrap();
        twice.resumes(&done_in(&lines[..count]));
    }
}
