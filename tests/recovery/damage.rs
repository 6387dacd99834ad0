//! What no crash leaves: damage before promised events, and artifacts that are not what was sealed.

use crate::recovery::story::{EXIT, Story};

#[test]
fn damage_before_promised_events_is_refused() {
    let story = Story::new();
    let whole = story.head(story.lines.len());
    let mut offset = 0;
    for (count, line) in story.lines.iter().enumerate() {
        let middle = offset + line.len() / 2;
        offset += line.len() + 1;
        if count + 1 == story.lines.len() {
            break;
        }
        let mut damaged = whole.clone();
        damaged[middle] ^= 1;
        let crashed = story.crashed(&format!("damaged-{count}"), &damaged);
        let outcome = crashed.orchestra("resume").expect(8);
        assert!(
            outcome.stderr.starts_with("error[journal-damaged]"),
            "{}",
            outcome.render()
        );
        assert_eq!(crashed.read("events.jsonl"), damaged, "it was not touched");
        assert!(!crashed.dir.join("events.torn.1").exists());
        crashed.orchestra("cancel").expect(8);
        crashed.orchestra("verify").expect(8);
    }
}

/// A whole line taken out of the middle is damage of what follows it.
#[test]
fn a_missing_line_before_promised_events_is_refused() {
    let story = Story::new();
    let at = story.through(&["\"type\":\"task.leased\"", "\"task\":\"left\""]);
    let mut lines = story.lines.clone();
    lines.remove(at - 1);
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let crashed = story.crashed("missing", text.as_bytes());
    crashed.orchestra("resume").expect(8);
    assert_eq!(crashed.read("events.jsonl"), text.as_bytes());
}

/// Damage after the last promise is what a power cut leaves: set aside, and everything before it kept.
#[test]
fn damage_after_the_last_promise_is_set_aside() {
    let story = Story::new();
    let unpromised = [
        "task.leased",
        "attempt.started",
        "attempt.finished",
        "attempt.retrying",
    ];
    let is_open = |line: &&String| {
        unpromised
            .iter()
            .any(|name| line.contains(&format!("\"type\":\"{name}\"")))
    };
    let open_after = |at: usize| story.lines[at..].iter().take_while(is_open).count();
    let after_done =
        (1..story.lines.len()).filter(|at| story.lines[at - 1].contains("\"type\":\"task.done\""));
    let (promise, tail) = after_done
        .map(|at| (at, open_after(at)))
        .find(|(_, tail)| *tail >= 2)
        .expect("something starts after something was done");
    let mut damaged = story.head(promise + tail);
    let good = story.head(promise).len();
    damaged[good + 10] ^= 1;
    let crashed = story.crashed("aside", &damaged);
    crashed.orchestra("resume").expect(EXIT);
    assert_eq!(crashed.read("events.torn.1"), &damaged[good..]);
    assert_eq!(crashed.journal()[..promise], story.lines[..promise]);
    crashed.resumes(&story.diary());
}

/// Takes the run to where `left` is done and `join` is not, does something to an artifact, resumes,
/// and says which tasks were opened again.
fn reopened(story: &Story, name: &str, harm: impl Fn(&std::path::Path)) -> Vec<String> {
    let count = story.through(&["\"type\":\"task.done\"", "\"task\":\"left\""]);
    assert!(count < story.through(&["\"type\":\"task.leased\"", "\"task\":\"join\""]));
    let crashed = story.crashed(name, &story.head(count));
    harm(&crashed.dir);
    let before = story.diary().len();
    let outcome = crashed.orchestra("resume").expect(EXIT);
    let reopened: Vec<String> = crashed
        .journal()
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["type"] == "task.reopened")
        .map(|event| event["task"].as_str().unwrap().to_owned())
        .collect();
    // A task with children is open again with one of them, and runs nothing itself.
    let parents = crashed.expanded();
    let reopened: Vec<_> = reopened
        .into_iter()
        .filter(|task| !parents.contains(task))
        .collect();
    let again = story.diary().split_off(before);
    for task in &reopened {
        assert!(
            again.contains(task),
            "{task} was opened, but did not run: {again:?}"
        );
        assert!(outcome.stderr.contains(task), "{}", outcome.render());
    }
    // After that it ends as every other, and stays so.
    crashed.resumes(&story.diary());
    reopened
}

#[test]
fn a_done_task_runs_again_when_its_artifact_is_gone() {
    let story = Story::new();
    let gone = |dir: &std::path::Path| fs_err::remove_file(dir.join("artifacts/left/out/tail.txt"));
    assert_eq!(reopened(&story, "gone", |dir| gone(dir).unwrap()), ["left"]);
    // Others may have been done by then, too.
    let all = |dir: &std::path::Path| fs_err::remove_dir_all(dir.join("artifacts"));
    let mut opened = reopened(&story, "all", |dir| all(dir).unwrap());
    opened.retain(|task| task == "source" || task == "left");
    assert_eq!(opened, ["source", "left"]);
}

#[test]
fn a_done_task_runs_again_when_its_artifact_is_changed() {
    let story = Story::new();
    let at = "artifacts/source/numbers.txt";
    let longer = |dir: &std::path::Path| fs_err::write(dir.join(at), "1\n").unwrap();
    assert_eq!(reopened(&story, "shorter", longer), ["source"]);
    let flipped = |dir: &std::path::Path| {
        let mut bytes = fs_err::read(dir.join(at)).unwrap();
        bytes[0] ^= 1;
        fs_err::write(dir.join(at), bytes).unwrap();
    };
    assert_eq!(reopened(&story, "flipped", flipped), ["source"]);
}

/// Nobody will read them any more: a finished run is what it is, and `verify` says what it lost.
#[test]
fn a_finished_run_is_not_run_again_for_a_lost_artifact() {
    let story = Story::new();
    let crashed = story.crashed("finished", &story.head(story.lines.len()));
    crashed.orchestra("resume").expect(EXIT);
    fs_err::remove_file(crashed.dir.join("artifacts/source/numbers.txt")).unwrap();
    let before = (story.diary(), crashed.journal());
    crashed.orchestra("resume").expect(EXIT);
    assert_eq!((story.diary(), crashed.journal()), before);
    crashed.orchestra("verify").expect(8);
}
