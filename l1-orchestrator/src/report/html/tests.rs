//! The page over stories told in events.

use protocol::event::EventKind;
use protocol::outcome::{Failure, FailureClass, RunOutcome};

use super::render;
use crate::report::Redactor;
use crate::report::tests::{Story, broke, id};

fn page(story: &Story) -> String {
    render(&story.summary(), None, None, Redactor::default()).unwrap()
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</pre><script>alert(1)</script>\u{1b}[2J \" onload=\"x";
    let story = Story::begun(1)
        .starts("a", 1)
        .ends(
            "a",
            1,
            Some(Failure::new(FailureClass::ToolFailed, hostile)),
        )
        .then(EventKind::TaskFailed {
            task: id("a"),
            attempts: 1,
            failure: Failure::new(FailureClass::ToolFailed, hostile),
            tolerated: false,
        })
        .then(EventKind::RunPaused {
            cause: hostile.into(),
        });
    let page = page(&story);
    assert!(page.contains("&lt;/pre&gt;&lt;script&gt;"), "{page}");
    assert!(
        !page.contains("<script") && !page.contains('\u{1b}'),
        "{page}"
    );
    assert!(
        !page.contains("http://")
            || page.matches("http://").count()
                == page.matches("http://www.w3.org/2000/svg").count()
    );
}

#[test]
fn every_anchor_that_is_led_to_is_there_once() {
    let story = Story::begun(3)
        .passes("a")
        .fails("b", false)
        .skips("c", "b")
        .finishes(RunOutcome::Failed, 1);
    check_anchors(&page(&story));
    // More failures than rows, and attempts that no row tells.
    let mut story = Story::begun(2_400).passes("last");
    for n in 0..2_300 {
        story = story.fails(&format!("bad{n}"), false);
    }
    for attempt in 1..30 {
        story = story
            .starts("often", attempt)
            .ends("often", attempt, Some(broke()));
    }
    check_anchors(&page(&story));
}

fn check_anchors(page: &str) {
    let ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    for rest in page.split("href=\"#").skip(1) {
        let to = rest.split('"').next().unwrap();
        assert!(ids.contains(&to), "nothing is called {to}");
    }
    assert!(
        ids.iter()
            .any(|id| id.starts_with("task-") && id.ends_with("-1"))
    );
}

#[test]
fn the_page_has_a_bound() {
    let mut story = Story::begun(5_000);
    for n in 0..5_000 {
        story = story.fails(&format!("bad{n}"), false);
    }
    let page = page(&story);
    assert!(page.len() < 4 * 1024 * 1024, "{}", page.len());
    assert!(page.contains("and 3000 more"), "says what it leaves out");
}
