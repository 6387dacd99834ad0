//! A run that stopped while it was planned goes on: nothing that the journal has is paid for again.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{Act, Said};

use crate::cli::goal::{GOAL, Live, count, no_plan, plan};
use crate::cli::resume::wait_until;
use crate::support::Outcome;

/// The command of a hint, as words for the binary.
fn approval(outcome: &Outcome) -> Vec<String> {
    let after = outcome.stderr.split("`orchestra resume ").nth(1);
    let command = after.and_then(|rest| rest.split('`').next()).unwrap();
    let words = command.split(' ').map(str::to_owned);
    std::iter::once("resume".to_owned()).chain(words).collect()
}

#[test]
fn what_nobody_approved_waits_in_its_directory() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    let outcome = live.run(&[]).run().expect(4);
    assert_snapshot!(live.shown(&outcome), @r"
    exit 4
    --- stderr
    Run <run> notes   runs/<run-dir>
    planning  anthropic/claude-opus-5-5
    planning  1 call · 5.8k tokens · $0.025
    error[plan-not-approved]: the policy default@1 wants somebody to approve this plan
      because default@1 has every plan of a model approved
    help: `orchestra resume <run> --approve <digest>@<digest>` approves exactly this plan under exactly this policy
    ");
    assert_eq!(count(&live.events(), "plan.proposed"), 1);
    assert_eq!(count(&live.events(), "run.finished"), 0);
    // Again unapproved: again nothing is asked, and there is no key.
    let plain = |words: &[&str]| live.place.orchestra(words.iter().copied()).run();
    let again = plain(&["resume", "@last"]).expect(4);
    assert_snapshot!(live.shown(&again), @r"
    exit 4
    --- stderr
    Resume <run> notes   runs/<run-dir>
    So far: no plan, 1 call · 5.8k tokens · $0.025
    planning  anthropic/claude-opus-5-5
    planning  1 call · 5.8k tokens · $0.025
    error[plan-not-approved]: the policy default@1 wants somebody to approve this plan
      because default@1 has every plan of a model approved
    help: `orchestra resume <run> --approve <digest>@<digest>` approves exactly this plan under exactly this policy
    ");
    assert_eq!(live.asked(), 1);
    let other = "0".repeat(16);
    plain(&["resume", "@last", "--approve", &other]).expect(4);
    for (words, code) in [
        (&["show", "@last"][..], 0),
        (&["list"], 0),
        (&["report", "@last"], 0),
        (&["verify", "@last"], 0),
        (&["clean", "--keep", "9", "--dry-run"], 0),
    ] {
        plain(words).expect(code);
    }
    assert_snapshot!(plain(&["retry", "@last"]).expect(7).render(), @r"
    exit 7
    --- stderr
    error[run-unfinished]: the run is not over
    help: `orchestra resume <run>` goes on
    ");
    // What is typed is what the hint said, with the digests in full.
    let unredacted = live
        .place
        .orchestra(["resume", "@last"])
        .unredacted()
        .run()
        .expect(4);
    let words = approval(&unredacted);
    live.place.orchestra(&words).run().expect(0);
    assert_eq!(live.asked(), 1, "nothing is paid twice");
    assert_eq!(count(&live.events(), "plan.approved"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
    plain(&["resume", "@last"]).expect(0);
}

#[test]
fn yes_goes_on_with_a_plan_that_waits() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.run(&["--no-input"]).run().expect(4);
    live.place
        .orchestra(["resume", "@last", "--yes"])
        .run()
        .expect(0);
    assert_eq!(live.asked(), 1);
}

#[test]
fn a_plan_that_waits_can_be_cancelled() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.run(&[]).run().expect(4);
    live.place.orchestra(["cancel", "@last"]).run().expect(0);
    assert_eq!(count(&live.events(), "run.finished"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
    live.place
        .orchestra(["resume", "@last", "--yes"])
        .run()
        .expect(143);
}

/// Cuts the journal of a stopped run after the first event of a kind: what a kill right then leaves.
pub fn cut_after(live: &Live, kind: &str) {
    let path = live.place.run_dir().join("events.jsonl");
    let text = fs_err::read_to_string(&path).unwrap();
    let tag = format!("\"type\":\"{kind}\"");
    let mut kept = String::new();
    for line in text.lines() {
        kept.push_str(line);
        kept.push('\n');
        if line.contains(&tag) {
            break;
        }
    }
    assert!(kept.len() < text.len() || kind == "plan.proposed", "{kind}");
    fs_err::write(path, kept).unwrap();
}

#[test]
fn wherever_it_was_killed_only_what_is_not_on_record_is_asked_again() {
    for (kind, again) in [
        ("plan.requested", 2),
        ("budget.reserved", 2),
        ("budget.settled", 1),
        ("plan.rejected", 1),
        ("plan.proposed", 0),
    ] {
        let live = Live::new();
        live.stub.queue(Said::text(no_plan()));
        live.stub.queue(Said::text(plan()));
        let first = live.run(&[]).unredacted().run().expect(4);
        let digest = approval(&first).pop().unwrap();
        cut_after(&live, kind);
        assert_eq!(live.asked(), 2);
        if again == 2 {
            live.stub.queue(Said::text(no_plan()));
        }
        live.stub.queue(Said::text(plan()));
        let words = ["resume", "@last", "--approve", digest.as_str()];
        live.asking(words.into_iter()).run().expect(0);
        assert_eq!(live.asked(), 2 + again, "killed after {kind}");
        live.place.orchestra(["verify"]).run().expect(0);
    }
}

#[test]
fn a_run_that_only_began_is_run_again() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.run(&[]).run().expect(4);
    cut_after(&live, "run.started");
    fs_err::remove_dir_all(live.place.run_dir().join("calls")).unwrap();
    let outcome = live.asking(["resume", "@last"].into_iter()).run().expect(7);
    assert!(
        outcome.stderr.contains("error[run-not-begun]"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn killed_while_the_model_is_silent() {
    let live = Live::new();
    live.stub.queue(Act::Silence);
    let mut child = live.run(&["--yes"]).start();
    wait_until(|| live.asked() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    live.stub.queue(Said::text(plan()));
    let words = ["resume", "@last", "--yes"];
    live.asking(words.into_iter()).run().expect(0);
    assert_eq!(live.asked(), 2, "a call without a reply is asked again");
    let events = live.events();
    assert_eq!(count(&events, "budget.reserved"), 2);
    assert_eq!(
        count(&events, "budget.settled"),
        2,
        "and its worst case is counted"
    );
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn interrupted_while_the_model_is_silent() {
    let live = Live::new();
    live.stub.queue(Act::Silence);
    let child = live.run(&["--yes"]).start();
    wait_until(|| live.asked() == 1);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap()).expect(130);
    assert!(
        outcome.stderr.contains("planning was stopped"),
        "{}",
        outcome.stderr
    );
    let events = live.events();
    assert_eq!(count(&events, "budget.settled"), 1);
    assert_eq!(count(&events, "run.finished"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_directory_that_was_changed_or_is_a_strangers_goes_nowhere() {
    for (file, code) in [
        ("scenario.yaml", 8),
        ("run.json", 8),
        ("policy.json", 8),
        ("plan.json", 8),
    ] {
        let live = Live::new();
        live.stub.queue(Said::text(plan()));
        live.run(&[]).run().expect(4);
        let path = live.place.run_dir().join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        let changed = match file {
            "scenario.yaml" => GOAL.replace("lines", "words"),
            _ => format!("{text}\n"),
        };
        fs_err::write(&path, changed).unwrap();
        let outcome = live.place.orchestra(["resume", "@last", "--yes"]).run();
        let outcome = outcome.expect(code);
        assert!(outcome.stderr.contains(file), "{file}: {}", outcome.stderr);
        assert_eq!(live.asked(), 1);
    }
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.run(&[]).run().expect(4);
    fs_err::remove_dir_all(live.place.dir("state").join("orchestra/keys")).unwrap();
    let outcome = live
        .asking(["resume", "@last", "--yes"].into_iter())
        .run()
        .expect(4);
    assert_snapshot!(live.shown(&outcome), @r"
    exit 4
    --- stderr
    error[run-foreign]: the run was opened with a key that is not trusted here, and has no plan that could be approved
    help: read its scenario, and run it as your own: `orchestra run '<place>'`
    ");
    assert_eq!(live.asked(), 1);
}

#[test]
fn killed_between_the_approved_files_and_the_approval() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.run(&[]).run().expect(4);
    let dir = live.place.run_dir();
    for name in ["plan.json", "policy.json"] {
        let began = fs_err::read(dir.join(name)).unwrap();
        fs_err::write(dir.join(format!(".{name}.before")), began).unwrap();
        fs_err::write(dir.join(name), "what was to be approved").unwrap();
    }
    live.place
        .orchestra(["resume", "@last", "--yes"])
        .run()
        .expect(0);
    assert_eq!(live.asked(), 1);
    for name in [".plan.json.before", ".policy.json.before"] {
        assert!(!dir.join(name).exists(), "{name} is of no use any more");
    }
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_recording_goes_on_where_the_run_does() {
    let live = Live::new();
    live.stub.queue(Said::text(no_plan()));
    live.stub.queue(Act::Silence);
    let mut child = live.run(&["--yes", "--record", "notes.jsonl"]).start();
    wait_until(|| live.asked() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    live.stub.queue(Said::text(plan()));
    let words = ["resume", "@last", "--yes", "--record", "notes.jsonl"];
    live.asking(words.into_iter()).run().expect(0);
    assert_eq!(live.asked(), 3);
    let replay = ["run", "notes.yaml", "--yes", "--replay", "notes.jsonl"];
    live.place.orchestra(replay).run().expect(0);
    assert_eq!(live.asked(), 3, "the recording has both lives");
}
