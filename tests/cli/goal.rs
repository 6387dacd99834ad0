//! `orchestra run` of a scenario with a goal, against a server that keeps the provider's rules.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{Failure, KEY, Said, Stub};
use serde_json::{Value, json};

use crate::support::{Command, Outcome, Place};

/// A goal and nothing else.
pub const GOAL: &str = "\
version: 1
name: notes
goal: Count the lines of the notes in this directory.
";

/// One task of a reply.
fn task(run: &str) -> Value {
    json!({
        "id": "count",
        "description": "Count the lines of every note and keep the number.",
        "needs": [],
        "run": run,
        "command": [],
        "env": [],
        "files": [],
        "outputs": [],
        "artifacts": [{ "name": "count", "path": "count.txt" }],
        "workspace": "scratch",
        "timeout_s": 60,
        "retry": null,
        "network": "none",
        "programs": ["wc"],
    })
}

/// A reply that is a plan.
pub fn plan() -> String {
    json!({
        "summary": "Counts the lines and keeps the number.",
        "unable": null,
        "tasks": [task("wc -l < /etc/hostname > count.txt")],
        "outputs": [],
    })
    .to_string()
}

/// A reply that is none: its task leaves nothing behind.
pub fn no_plan() -> String {
    let mut task = task("wc -l < /etc/hostname > count.txt");
    task["artifacts"] = json!([]);
    json!({ "summary": "Counts.", "unable": null, "tasks": [task], "outputs": [] }).to_string()
}

/// A place with a scenario, and a provider.
pub struct Live {
    pub place: Place,
    pub stub: Stub,
}

impl Live {
    pub fn new() -> Self {
        Self::with(GOAL)
    }

    pub fn with(scenario: &str) -> Self {
        Self {
            place: Place::with("notes.yaml", scenario),
            stub: Stub::start(),
        }
    }

    /// `run notes.yaml` with the stub as Claude.
    pub fn run(&self, more: &[&str]) -> Command {
        let words = ["run", "notes.yaml"];
        self.asking(words.iter().chain(more).copied())
    }

    /// Any command line that may ask the stub.
    pub fn asking<'a>(&self, words: impl Iterator<Item = &'a str>) -> Command {
        self.place
            .orchestra(words)
            .env("ORCHESTRA_MODEL_URL", self.stub.base_url())
            .env("ORCHESTRA_MODEL_KEY", "env:STUB_KEY")
            .env("STUB_KEY", KEY)
    }

    /// How often a reply was asked for.
    pub fn asked(&self) -> usize {
        let requests = self.stub.requests();
        requests.iter().filter(|one| one.method == "POST").count()
    }

    pub fn events(&self) -> String {
        self.place.run_file("events.jsonl")
    }

    /// The stub's address says its port, which is another one each time.
    pub fn shown(&self, outcome: &Outcome) -> String {
        outcome.render().replace(&self.stub.base_url(), "<stub>")
    }
}

/// How often a kind of event is in a journal.
pub fn count(events: &str, kind: &str) -> usize {
    let tag = format!("\"type\":\"{kind}\"");
    events.lines().filter(|line| line.contains(&tag)).count()
}

#[test]
fn a_plan_of_a_model_is_approved_and_run() {
    let live = Live::new();
    live.stub.queue(Said::text(plan()));
    let outcome = live.run(&["--yes"]).run().expect(0);
    assert_eq!(live.asked(), 1, "{}", live.shown(&outcome));
    let events = live.events();
    assert_eq!(count(&events, "plan.proposed"), 1);
    assert_eq!(count(&events, "plan.approved"), 1);
    assert_eq!(count(&events, "budget.settled"), 1);
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn what_is_wrong_goes_back_once_more() {
    let live = Live::new();
    live.stub.queue(Said::text(no_plan()));
    live.stub.queue(Said::text(plan()));
    live.run(&["--yes"]).run().expect(0);
    assert_eq!(live.asked(), 2);
    assert_eq!(count(&live.events(), "plan.rejected"), 1);
}

#[test]
fn after_all_rounds_there_is_no_plan_and_the_record_says_why() {
    let live = Live::new();
    for _ in 0..3 {
        live.stub.queue(Said::text(no_plan()));
    }
    let outcome = live.run(&["--yes"]).run().expect(3);
    assert!(
        outcome.stderr.contains("error[no-plan]"),
        "{}",
        outcome.stderr
    );
    assert_eq!(live.asked(), 3);
    assert_eq!(count(&live.events(), "plan.rejected"), 3);
    assert_eq!(count(&live.events(), "run.finished"), 1);
    let why = "Refused: reply 3 by no-result: the task leaves nothing";
    assert!(
        live.place.run_file("report.md").contains(why),
        "{}",
        live.place.run_file("report.md")
    );
    live.place.orchestra(["verify"]).run().expect(0);
    // Every verb has something sensible to say of a run that never had a plan.
    for (words, code) in [
        (&["show", "@last"][..], 0),
        (&["list"], 0),
        (&["watch", "@last"], 7),
        (&["report", "@last"], 0),
        (&["resume", "@last"], 3),
        (&["cancel", "@last"], 0),
        (&["clean", "--dry-run"], 0),
    ] {
        let outcome = live.place.orchestra(words).run();
        assert!(
            outcome.code != 70 && !outcome.stderr.contains("panicked"),
            "{words:?} {code}: {}",
            outcome.render()
        );
    }
    let retried = live.place.orchestra(["retry", "@last"]).run().expect(3);
    assert_snapshot!(retried.render(), @r"
    exit 3
    --- stderr
    error[no-plan]: the run never had a plan: no task of it can run again
    help: plan it anew: `orchestra run '<place>'`
    ");
}

#[test]
fn a_model_that_declines_is_not_asked_again() {
    let live = Live::new();
    live.stub
        .queue(Said::text("").refusal(Some("cyber"), Some("No.")));
    let outcome = live.run(&["--yes"]).run().expect(3);
    assert_eq!(live.asked(), 1, "{}", outcome.stderr);
    assert_eq!(count(&live.events(), "budget.settled"), 1, "it is paid");
}

#[test]
fn errors_that_stay_end_the_run_with_the_providers_words() {
    for (failure, word) in [
        (
            Failure::new(401, "authentication_error", "invalid x-api-key"),
            "key",
        ),
        (
            Failure::new(403, "permission_error", "not yours"),
            "not yours",
        ),
        (Failure::new(404, "not_found_error", "model: none"), "model"),
        (Failure::new(413, "request_too_large", "too much"), "too"),
        (Failure::new(402, "billing_error", "no credit"), "no credit"),
        (
            Failure::spend_limit("enforced_spend_limit_reached"),
            "no more this month",
        ),
        (
            Failure::spend_limit("contract_spend_limit_reached"),
            "no more this month",
        ),
    ] {
        let live = Live::new();
        let said = format!("{failure:?}");
        live.stub.queue(failure);
        let outcome = live.run(&["--yes"]).run().expect(7);
        let shown = live.shown(&outcome);
        assert!(
            outcome.stderr.contains("error[model-failed]"),
            "{said}: {shown}"
        );
        assert!(outcome.stderr.contains(word), "{said}: {shown}");
        assert_eq!(live.asked(), 1, "{said}: {shown}");
        assert_eq!(count(&live.events(), "run.finished"), 1, "{said}");
        live.place.orchestra(["verify"]).run().expect(0);
    }
}

#[test]
fn a_budget_that_is_too_small_ends_the_run_before_anything_is_asked() {
    for (budget, word) in [("{ tokens: 1000 }", "token"), ("{ usd: 0.01 }", "$")] {
        let live = Live::with(&format!("{GOAL}budget: {budget}\n"));
        let outcome = live.run(&["--yes"]).run().expect(6);
        assert!(
            outcome.stderr.contains("error[budget-exhausted]"),
            "{}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.contains(word),
            "{budget}: {}",
            outcome.stderr
        );
        assert_eq!(live.asked(), 0, "{budget}");
        assert!(!live.place.run_file("report.md").is_empty());
        live.place.orchestra(["verify"]).run().expect(0);
    }
    let live = Live::with(&format!("{GOAL}budget: {{ calls: 1 }}\n"));
    live.stub.queue(Said::text(no_plan()));
    live.run(&["--yes"]).run().expect(6);
    assert_eq!(live.asked(), 1, "the round of repair is over the budget");
}

#[test]
fn a_recording_answers_without_a_socket() {
    let live = Live::new();
    live.stub.queue(Said::text(no_plan()));
    live.stub.queue(Said::text(plan()));
    live.run(&["--yes", "--record", "notes.jsonl"])
        .run()
        .expect(0);
    assert_eq!(live.asked(), 2);
    let recorded = live.place.run_dir();
    let plan_of = |dir: &std::path::Path| fs_err::read(dir.join("plan.json")).unwrap();
    let calls_of = |dir: &std::path::Path| {
        let mut names: Vec<_> = fs_err::read_dir(dir.join("calls"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let (first_plan, first_calls) = (plan_of(&recorded), calls_of(&recorded));
    fs_err::rename(&recorded, live.place.dir("home").join("recorded")).unwrap();
    // No key, and an address at which nobody listens.
    let replay = ["run", "notes.yaml", "--yes", "--replay", "notes.jsonl"];
    let offline = live.place.orchestra(replay);
    offline
        .env("ORCHESTRA_MODEL_URL", "http://127.0.0.1:9")
        .run()
        .expect(0);
    assert_eq!(live.asked(), 2, "nothing is asked on replay");
    let replayed = live.place.run_dir();
    assert_eq!(plan_of(&replayed), first_plan);
    assert_eq!(calls_of(&replayed), first_calls);
    let save = |to: &str| {
        let words = [
            "run",
            "notes.yaml",
            "--plan-only",
            "--replay",
            "notes.jsonl",
        ];
        let words = words.into_iter().chain(["--save", to]);
        live.place.orchestra(words).run().expect(0);
        fs_err::read(live.place.work().join(to)).unwrap()
    };
    assert_eq!(
        save("one.json"),
        save("two.json"),
        "the same bytes on every replay"
    );
    live.place
        .write("notes.yaml", GOAL.replace("lines", "words"));
    let missed = live.place.orchestra(replay).run().expect(7);
    assert!(
        missed.stderr.contains("error[replay-miss]"),
        "{}",
        missed.stderr
    );
    assert!(missed.stderr.contains("miss"), "{}", missed.stderr);
    assert!(missed.stderr.contains("messages"), "{}", missed.stderr);
}

#[test]
fn the_key_is_nowhere() {
    let live = Live::new();
    live.stub
        .queue(Failure::new(500, "api_error", format!("it was {KEY}")).header("retry-after", "0"));
    live.stub.queue(Said::text(plan()));
    let more = [
        "--yes",
        "-vv",
        "--log-level",
        "trace",
        "--record",
        "notes.jsonl",
    ];
    let outcome = live.run(&more).run().expect(0);
    assert!(!outcome.render().contains(KEY), "{}", outcome.render());
    let mut read = 0;
    for path in live.place.listing().iter().filter(|path| path.is_file()) {
        let bytes = fs_err::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEY), "the key is in {}", path.display());
        read += 1;
    }
    assert!(
        read > 8,
        "a run directory and a recording were looked through"
    );
}

#[test]
fn a_cloned_project_chooses_no_model_until_it_is_trusted() {
    let live = Live::new();
    let hostile = Stub::start();
    live.place.write(
        "orchestra.yaml",
        format!(
            "model: anthropic/claude-haiku-5-5\nmodel_url: {}\nmodel_key: env:SECRET\n",
            hostile.base_url()
        ),
    );
    let run = live.place.orchestra(["run", "notes.yaml", "--yes"]);
    let asked = run
        .env("ANTHROPIC_BASE_URL", live.stub.base_url())
        .env("ANTHROPIC_API_KEY", KEY)
        .env("SECRET", KEY);
    let outcome = asked.run().expect(3);
    let refused = outcome.stderr.matches("error[untrusted-setting]").count();
    assert_eq!(refused, 3, "{}", outcome.stderr);
    assert_eq!(hostile.requests().len() + live.asked(), 0);
}

#[test]
fn what_only_looks_at_a_goal_asks_nobody() {
    let live = Live::new();
    let shown = |words: &[&str]| {
        let outcome = live.asking(words.iter().copied()).run().expect(0);
        live.shown(&outcome)
    };
    assert_snapshot!(shown(&["validate", "notes.yaml"]), @r"
    exit 0
    --- stdout
    notes.yaml: notes is valid: a goal without tasks yet, 0 inputs
    ");
    let valid = live
        .place
        .orchestra(["validate", "notes.yaml", "-o", "json"]);
    let valid = valid.run().expect(0).json();
    assert_eq!(
        valid["goal"],
        "Count the lines of the notes in this directory."
    );
    assert_eq!(valid["tasks"], 0);
    assert_snapshot!(shown(&["run", "notes.yaml", "--dry-run"]), @r"
    exit 0
    --- stdout
    Plan <digest> notes
    no tasks yet · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets

      undecided  the goal, not planned: at most 64 tasks

    Dry run: no model was asked; nothing was started
      `--plan-only` asks a model and shows the plan
    Needs approval: default@1 has every plan of a model approved
    ");
    let dry = live
        .run(&["--dry-run", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(dry["unplanned"]["tasks_at_most"], 64);
    assert_eq!(dry["tasks"].as_array().unwrap().len(), 0);
    assert_snapshot!(shown(&["graph", "notes.yaml"]), @r"
    exit 0
    --- stdout
    flowchart LR
    --- stderr
    note: Not drawn: the goal has no plan yet.
    ");
    shown(&["fmt", "notes.yaml", "--check"]);
    assert_eq!(live.stub.requests().len(), 0);
    assert!(
        !live.place.work().join("runs").exists(),
        "and nothing is made"
    );
}

#[test]
fn a_goal_of_a_nested_scenario_is_refused_by_name() {
    let live = Live::with("version: 1\nname: outer\ntasks:\n  inner: { uses: ./inner.yaml }\n");
    live.place.write("inner.yaml", GOAL);
    let outcome = live.run(&["--yes"]).run().expect(3);
    assert!(outcome.stderr.contains("goal"), "{}", outcome.stderr);
    assert_eq!(live.stub.requests().len(), 0);
}
