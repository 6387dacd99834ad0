//! The dialog about a plan: what is shown, what each answer does, what an edit does to an approval.

use l2_coordinator::testing::stub_api::{KEY, Said};

use super::screen::Terminal;
use crate::cli::approve::WIDE;
use crate::cli::goal::{Live, plan};
use crate::support::Place;

const RUN: [&str; 4] = ["run", "wide.yaml", "--progress", "none"];

fn runs(place: &Place) -> bool {
    place.work().join("runs").exists()
}

#[test]
fn only_a_yes_approves() {
    let place = Place::with("wide.yaml", WIDE);
    for answer in ["n\r", "\r", "\x04"] {
        let mut terminal = Terminal::run(&place, &RUN);
        terminal.wait_for("? [y/N/e/d]");
        terminal.press(answer);
        let (code, text) = terminal.end();
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("error[plan-declined]"), "{text}");
        assert!(!runs(&place), "nothing was made");
    }
    let mut terminal = Terminal::run(&place, &RUN);
    terminal.wait_for("refused[network-not-allowed] fetch:");
    terminal.press("what?\r");
    terminal.wait_for("y runs it, n does not");
    terminal.press("y\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert!(place.run_file("events.jsonl").contains("\"by\":\"person\""));
}

#[test]
fn details_say_what_each_task_runs() {
    let place = Place::with("wide.yaml", WIDE);
    let mut terminal = Terminal::run(&place, &RUN);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("d\r");
    terminal.wait_for("| echo used");
    terminal.press("n\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 4, "{text}");
}

/// An editor that replaces one word by another.
fn editor(place: &Place, from: &str, to: &str) -> String {
    place.write("editor.sh", format!("sed -i 's/{from}/{to}/' \"$1\"\n"));
    format!("sh {}", place.work().join("editor.sh").display())
}

#[test]
fn an_edit_makes_another_plan_which_is_shown_as_a_difference() {
    let place = Place::with("wide.yaml", WIDE);
    let editor = editor(&place, "echo used", "echo changed");
    let mut terminal = Terminal::run_with(&place, &RUN, &[("EDITOR", &editor)]);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("e\r");
    terminal.wait_for("The plan is now");
    terminal.wait_for("run: \"echo used\" → \"echo changed\"");
    terminal.press("y\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert!(place.run_file("plan.json").contains("echo changed"));
    assert!(place.run_file("scenario.yaml").contains("echo changed"));
}

#[test]
fn an_edit_that_is_no_plan_cannot_be_approved() {
    let place = Place::with("wide.yaml", WIDE);
    let broken = editor(&place, "needs:", "neds:");
    let mut terminal = Terminal::run_with(&place, &RUN, &[("VISUAL", &broken)]);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("e\r");
    terminal.wait_for("is no plan to run. Edit it again? [y/N/e/d]");
    terminal.press("y\r");
    terminal.wait_for("did you mean `needs`?");
    // The second edit changes nothing more, and the file is as wrong as before.
    terminal.press("n\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 4, "{text}");
    assert!(!runs(&place), "nothing was made");
}

#[test]
fn an_editor_that_gives_up_changes_nothing() {
    let place = Place::with("wide.yaml", WIDE);
    let mut terminal = Terminal::run_with(&place, &RUN, &[("EDITOR", "false")]);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("e\r");
    terminal.wait_for("`false` ended with exit status: 1");
    terminal.press("n\r");
    assert_eq!(terminal.end().0, 4);
}

#[test]
fn ctrl_c_leaves_the_question_open_and_says_what_asks_again() {
    let place = Place::with("wide.yaml", WIDE);
    let editor = editor(&place, "echo used", "echo changed");
    let env = [("EDITOR", editor.as_str()), ("COLUMNS", "200")];
    let mut terminal = Terminal::run_with(&place, &RUN, &env);
    terminal.resize(200, 24);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("\x03");
    let (code, text) = terminal.end();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("plan-waits"), "{text}");
    assert!(text.contains("no run directory was made"), "{text}");
    assert!(
        text.contains("help: `orchestra run wide.yaml --sandbox none` asks again"),
        "{text}"
    );
    assert!(!text.contains("what you edited"), "{text}");
    assert!(!runs(&place), "nothing was made");
    // What was edited before is not lost, whatever the answer.
    for (answer, code) in [("\x03", 10), ("n\r", 4)] {
        place.write("wide.yaml", WIDE);
        let mut terminal = Terminal::run_with(&place, &RUN, &env);
        terminal.resize(200, 60);
        terminal.wait_for("? [y/N/e/d]");
        terminal.press("e\r");
        terminal.wait_for("The plan is now");
        terminal.wait_for("run: \"echo used\" → \"echo changed\"");
        terminal.press(answer);
        let (ended, text) = terminal.end();
        assert_eq!(ended, code, "{text}");
        assert!(text.contains("what you edited stays in "), "{text}");
        assert!(!runs(&place), "nothing was made");
    }
}

#[test]
fn nobody_is_asked_who_does_not_want_it() {
    let place = Place::with("wide.yaml", WIDE);
    let args = [&RUN[..], &["--no-input"]].concat();
    let (code, text) = Terminal::run(&place, &args).end();
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("error[plan-not-approved]"), "{text}");
}

#[test]
fn a_plan_of_a_model_waits_in_its_directory_and_is_not_edited() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    let url = live.stub.base_url();
    let env = [
        ("ORCHESTRA_MODEL_URL", url.as_str()),
        ("ORCHESTRA_MODEL_KEY", "env:STUB_KEY"),
        ("STUB_KEY", KEY),
        ("EDITOR", "false"),
        ("COLUMNS", "200"),
    ];
    let run = ["run", "notes.yaml", "--progress", "none"];
    let mut terminal = Terminal::run_with(&live.place, &run, &env);
    terminal.resize(200, 60);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("e\r");
    terminal.wait_for("cannot be edited here");
    terminal.press("\x03");
    let (code, text) = terminal.end();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("kept in the run directory"), "{text}");
    // Who comes back is asked about the same plan, and nothing is paid again.
    let resume = ["resume", "@last", "--progress", "none"];
    let mut terminal = Terminal::run_with(&live.place, &resume, &[]);
    terminal.wait_for("? [y/N/e/d]");
    terminal.press("y\r");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert_eq!(live.asked(), 1);
    let events = live.place.run_file("events.jsonl");
    assert!(events.contains("\"by\":\"person\""), "{events}");
}
