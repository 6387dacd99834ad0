//! What stands between a model, a clone, a slip of the hand, and the person who approves a plan.

use l2_coordinator::testing::stub_api::Said;
use serde_json::json;

use super::goal::{GOAL, Live, plan};
use crate::cli::run::HELLO;
use crate::support::Place;

fn script(place: &Place, plan: &serde_json::Value) {
    place.write(
        "s.jsonl",
        json!({ "json": plan, "repeat": true }).to_string(),
    );
}

fn planned(run: &str, env: &serde_json::Value) -> serde_json::Value {
    let mut plan: serde_json::Value = serde_json::from_str(&plan()).unwrap();
    plan["tasks"][0]["run"] = json!(run);
    plan["tasks"][0]["env"] = env.clone();
    plan
}

const AHEAD: [&str; 5] = [
    "run",
    "notes.yaml",
    "--plan-only",
    "--model",
    "scripted/s.jsonl",
];

#[test]
fn the_page_shows_every_word_of_what_a_model_planned() {
    let goal = format!("{GOAL}  And the words.\n").replace("goal: Count", "goal: |\n  Count");
    let place = Place::with("notes.yaml", goal);
    let run = "wc -l < /etc/hostname > count.txt\n\neval \"$NOTE\" >> count.txt";
    script(
        &place,
        &planned(run, &json!([{ "name": "NOTE", "value": "rm -rf src" }])),
    );
    let page = place.orchestra(AHEAD).run().expect(0).stdout;
    for said in [
        "NOTE=rm -rf src",
        "$ eval \"$NOTE\" >> count.txt",
        "> count.txt",
        "goal  Count the lines of the notes in this directory.",
        "      And the words.",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
}

#[test]
fn nobody_approves_what_nobody_reads() {
    let place = Place::with("notes.yaml", GOAL);
    let hidden = format!(
        "wc -l < /etc/hostname > count.txt;{}rm -rf src",
        " ".repeat(5000)
    );
    script(&place, &planned(&hidden, &json!([])));
    let outcome = place.orchestra(AHEAD).run().expect(3);
    assert!(
        outcome.stderr.contains("too-long-to-read"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_reply_paints_nothing_on_the_terminal() {
    let place = Place::with("notes.yaml", GOAL);
    let mut plan = planned("wc -l < /etc/hostname > count.txt", &json!([]));
    plan["tasks"][0]["artifacts"][0]["name"] =
        json!("n\u{1b}[2J\u{1b}]0;owned\u{7}\n\nPASSED\u{202e}");
    script(&place, &plan);
    let stderr = place.orchestra(AHEAD).run().expect(3).stderr;
    assert!(
        !stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']),
        "{stderr:?}"
    );
    assert!(
        !stderr.lines().any(|line| line.starts_with("PASSED")),
        "{stderr}"
    );
}

#[test]
fn a_key_goes_nowhere_in_the_clear_and_to_no_other_provider() {
    let place = Place::with("notes.yaml", GOAL);
    let outcome = place
        .orchestra(["run", "notes.yaml", "--model-url", "http://192.0.2.1"])
        .env("ANTHROPIC_API_KEY", "sk-ant-0123456789")
        .run()
        .expect(7);
    let said = "error[model-url]: the key would go to 192.0.2.1 in the clear";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);

    let live = Live::new();
    let mine = format!("model_url: {}\n", live.stub.base_url());
    fs_err::create_dir_all(live.place.dir("config").join("orchestra")).unwrap();
    fs_err::write(live.place.dir("config").join("orchestra/config.yaml"), mine).unwrap();
    let outcome = live
        .place
        .orchestra(["run", "notes.yaml", "--model", "openai/some"])
        .env("OPENAI_API_KEY", "sk-openai-0123456789")
        .run()
        .expect(7);
    let said = "is for anthropic, and openai/some is asked";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(live.stub.connections(), 0);
}

#[test]
fn a_pasted_key_is_repeated_to_nobody() {
    let key = "sk-ant-api03-0123456789";
    let place = Place::with("notes.yaml", GOAL);
    let typed = place.orchestra(["run", "notes.yaml", "--model-key", key]);
    let variable = place
        .orchestra(["run", "notes.yaml"])
        .env("ORCHESTRA_MODEL_KEY", key);
    fs_err::create_dir_all(place.dir("config").join("orchestra")).unwrap();
    for (outcome, code) in [(typed.run(), 2), (variable.run(), 2)] {
        let outcome = outcome.expect(code);
        assert!(!outcome.stderr.contains(key), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("env:NAME"), "{}", outcome.stderr);
    }
    let settings = place.dir("config").join("orchestra/config.yaml");
    fs_err::write(settings, format!("model_key: {key}\n")).unwrap();
    let outcome = place.orchestra(["run", "notes.yaml"]).run().expect(3);
    assert!(!outcome.stderr.contains(key), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("model_key"), "{}", outcome.stderr);
}

#[test]
fn nobody_is_asked_for_a_plan_that_cannot_be_kept() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    live.place.write("taken.txt", "mine");
    let taken = live
        .run(&["--plan-only", "--save", "taken.txt"])
        .run()
        .expect(2);
    assert!(taken.stderr.contains("save-refused"), "{}", taken.stderr);
    let nowhere = live
        .run(&["--plan-only", "--save", "no/where.json"])
        .run()
        .expect(7);
    assert!(
        nowhere.stderr.contains("plan-unsaved"),
        "{}",
        nowhere.stderr
    );
    assert_eq!(live.asked(), 0);
}

#[test]
fn a_recording_of_a_run_that_asks_no_model_is_refused() {
    let place = Place::with("hello.yaml", HELLO);
    for flag in ["--record", "--replay"] {
        let outcome = place
            .orchestra(["run", "hello.yaml", flag, "x.jsonl"])
            .run();
        let stderr = outcome.expect(2).stderr;
        assert!(stderr.contains("this plan has its tasks"), "{stderr}");
    }
}

#[test]
fn a_dollar_budget_takes_prices_of_ones_own() {
    let scenario = format!("{GOAL}budget: {{ usd: 5 }}\n");
    let place = Place::with("notes.yaml", scenario);
    let mut entry = json!({ "json": planned("wc -l < /etc/hostname > count.txt", &json!([])) });
    entry["usage"] = json!({ "input": 1000, "output": 1000 });
    entry["model"] = json!("claude-opus-5-5");
    place.write("s.jsonl", format!("{entry}\n"));
    place.write(
        "prices.json",
        json!({
            "schema": "orchestra.prices/v1",
            "as_of": "2026-11-20",
            "prices": [{
                "models": ["claude-opus-5-5"],
                "source": "a contract",
                "tiers": [{ "input": "1000", "output": "1" }],
            }],
        })
        .to_string(),
    );
    let dear = AHEAD
        .iter()
        .copied()
        .chain(["--model-prices", "prices.json"]);
    let outcome = place.orchestra(dear.clone()).run().expect(6);
    let said = "error[budget-exhausted]";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    place.write("prices.json", "{}");
    let outcome = place.orchestra(dear).run().expect(7);
    let said = "error[prices-unreadable]: prices.json is no table of prices";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    place.orchestra(AHEAD).run().expect(0);
}
