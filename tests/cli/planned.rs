//! Runs whose plan a model makes: what people and machines see of it, whether or not a plan came of it.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{KEY, Said, Stub};
use serde_json::{Value, json};

use crate::support::{Outcome, Place};

const GOAL: &str = "\
version: 1
name: links
goal: Count the pages of the documentation.
budget: { tokens: 150000, calls: 4 }
";

/// A reply that passes.
fn answer() -> Value {
    json!({
        "summary": "Counts the pages.",
        "unable": null,
        "tasks": [{
            "id": "count",
            "description": "Count the pages that end in .md.",
            "needs": [],
            "run": "echo \"pages=$(ls *.md | wc -l)\" >> \"$ORCHESTRA_OUTPUT\"",
            "command": [], "env": [], "files": [],
            "outputs": [{ "name": "pages", "type": "int" }],
            "artifacts": [],
            "workspace": "project",
            "timeout_s": 60, "retry": null, "network": "none",
            "programs": ["ls", "wc"],
        }],
        "outputs": [{ "name": "pages", "value": "${{ tasks.count.outputs.pages }}" }],
    })
}

fn script(entries: &[Value]) -> String {
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

fn place() -> Place {
    let place = Place::with("goal.yaml", GOAL);
    place.write("a.md", "a");
    let usage = json!({ "input": 1_000, "cache_read": 200, "output": 300, "thinking": 20 });
    let good = json!({ "json": answer(), "usage": usage });
    let nothing = json!({ "text": "no idea", "usage": { "input": 900, "output": 2 } });
    place.write("repaired.jsonl", script(&[nothing.clone(), good]));
    let mut always = nothing;
    always["repeat"] = json!(true);
    place.write("hopeless.jsonl", script(&[always]));
    place
}

fn run(place: &Place, script: &str, more: &[&str]) -> Outcome {
    let model = format!("scripted/{script}.jsonl");
    let words = ["run", "goal.yaml", "--model", &model, "--yes"];
    place.orchestra(words.iter().chain(more)).run()
}

/// The sections of a page from one heading up to another.
fn part<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).expect(page);
    rest.split_once(to).expect(page).0
}

#[test]
fn a_planned_run_says_what_it_cost_and_that_no_model_was_asked() {
    let place = place();
    let done = run(&place, "repaired", &[]).expect(0);
    assert_snapshot!(done.render(), @r##"
    exit 0
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> links   runs/<run-dir>
    planning  scripted/repaired.jsonl, from a fixture
    planning  2 of 4 calls · 2.5k of 150k tokens · $0.014  as it would be live; nothing was spent
    Plan: 1 task, planned · <n> at once · sandbox none · policy default@1   plan <digest>
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/1) count
        SEAL event <seq> <sha256>
    ────────────
      PASSED in <s>   1 passed · $0.014
        models: 2 of 4 calls · 2.5k of 150k tokens · $0.014 · from a fixture
        no sandbox: tasks ran with your user's rights
        pages = 1
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "##);
    let page = place.orchestra(["report", "@last"]).run().expect(0).stdout;
    assert_snapshot!(part(&page, "## Plan and approval", "## Environment"), @r##"
    - Goal: Count the pages of the documentation.
    - Planned by: claude-opus-5-5
    - Prompt: plan@1, digest &lt;digest>
    - Examples: check-links &lt;digest>, collect-and-report &lt;digest>
    - Refused: reply 1 by reply-no-object: the reply holds no JSON object
    - Plan digest: `<sha256>` ([plan.json](plan.json))
    - Approved by: you, with --yes, <time> UTC

    ## Model calls

    2 of 4 calls · 2.5k of 150k tokens · $0.014 · from a fixture.

    | call | for | task | model | prompt tokens | reply tokens | cost | how | reply |
    |--:|---|---|---|--:|--:|--:|---|---|
    | 1 | plan |  | scripted/claude-opus-5-5 | 900 | 2 | $0.0037 | &lt;s>, from a fixture | [&lt;digest>](calls/<sha256>.json) |
    | 2 | plan, repair 1 |  | scripted/claude-opus-5-5 | 1200 (200 from a cache) | 300 (20 thinking) | $0.011 | &lt;s>, from a fixture | [&lt;digest>](calls/<sha256>.json) |

    - Prices of claude-opus-5-5: platform.claude.com documentation, read 2026-11-20; anthropics/skills repository, model table of 2026-10-06, as of 2026-11-20
    "##);
    let html = place.run_file("report.html");
    for told in [
        "Model calls",
        "from a fixture",
        "reply-no-object",
        "plan, repair 1",
    ] {
        assert!(html.contains(told), "{told}");
    }
    place.orchestra(["verify", "@last"]).run().expect(0);
}

#[test]
fn machines_get_each_call_with_its_tokens_and_its_reply() {
    let place = place();
    let done = run(&place, "repaired", &["-o", "json"]).expect(0).json();
    let models = &done["report"]["models"];
    assert_eq!(models["calls"], 2);
    assert_eq!(models["tokens"], 2_402);
    assert_eq!(models["fixtures"], 2);
    assert_eq!(models["budget"], json!({ "tokens": 150_000, "calls": 4 }));
    assert_eq!(models["rejected"][0]["rule"], "reply-no-object");
    let file = models["list"][1]["file"].as_str().expect("a reply");
    assert!(place.run_file(file).contains("Count the pages that end"));
}

#[test]
fn a_goal_without_a_plan_is_a_run_that_reads_well() {
    let place = place();
    let failed = run(&place, "hopeless", &[]).expect(3);
    assert_snapshot!(failed.render(), @r##"
    exit 3
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> links   runs/<run-dir>
    planning  scripted/hopeless.jsonl, from a fixture
    planning  3 of 4 calls · 2.8k of 150k tokens · $0.011  as it would be live; nothing was spent
      report: runs/<run-dir>/report.md
    error[no-plan]: scripted/hopeless.jsonl made no plan that passes: 1 problem
    help: reply-no-object: the reply holds no JSON object
    help: say the goal more precisely, or write the tasks
    "##);
    let shown = place.orchestra(["show", "@last"]).run().expect(0);
    assert_snapshot!(shown.render(), @r##"
    exit 0
    --- stdout
    Run <run> links   plan none   runs/<run-dir>
    Started <time> UTC · <n> at once · no sandbox: tasks ran with your user's rights
    ────────────
      FAILED in <s>   no plan · $0.011
        models: 3 of 4 calls · 2.8k of 150k tokens · $0.011 · from a fixture
        no plan: the last reply is refused by reply-no-object: the reply holds no JSON object
      report: runs/<run-dir>/report.md
      next: orchestra verify <run>
    "##);
    let page = place.orchestra(["report", "@last"]).run().expect(0).stdout;
    assert!(!page.contains("## Tasks"), "{page}");
    assert_snapshot!(part(&page, "# FAILED", "## Sandbox"), @r##"
    : links, run <run>

    **FAILED** in <s>: there is no plan; the last reply is refused by reply-no-object: the reply holds no JSON object. Models: 3 of 4 calls · 2.8k of 150k tokens · $0.011 · from a fixture. Exit code 3.

    Next, in the directory of this report:

    ```sh
    orchestra verify .
    ```
    "##);
    place.orchestra(["verify", "@last"]).run().expect(0);
    let suite = place.orchestra(["report", "@last", "--format", "junit"]);
    assert_snapshot!(suite.run().expect(0).stdout, @r##"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="orchestra" tests="1" failures="0" errors="1" skipped="0" time="0.000">
      <testsuite name="links" tests="1" failures="0" errors="1" skipped="0" time="0.000" timestamp="1970-01-01T00:00:00Z">
        <properties>
          <property name="run" value="&lt;run-id&gt;"/>
          <property name="verdict" value="FAILED"/>
          <property name="models" value="3 of 4 calls · 2.8k of 150k tokens · $0.011 · from a fixture"/>
        </properties>
        <testcase name="plan" classname="links" time="0.000">
          <error message="the last reply is refused by reply-no-object: the reply holds no JSON object" type="no_plan"/>
        </testcase>
      </testsuite>
    </testsuites>
    "##);
    let again = place.orchestra(["retry", "@last"]).run().expect(3);
    assert_snapshot!(again.render(), @r##"
    exit 3
    --- stderr
    error[no-plan]: the run never had a plan: no task of it can run again
    help: plan it anew: `orchestra run '<place>'`
    "##);
}

#[test]
fn events_of_planning_are_events_of_the_run_once_each_and_in_order() {
    let place = place();
    for (script, code) in [("repaired", 0), ("hopeless", 3)] {
        let events = run(&place, script, &["-o", "jsonl"]).expect(code).jsonl();
        let numbers: Vec<u64> = events
            .iter()
            .map(|event| event["seq"].as_u64().expect("a number"))
            .collect();
        let expected: Vec<u64> = (1..=events.len() as u64).collect();
        assert_eq!(numbers, expected);
        let kinds: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().expect("a name"))
            .collect();
        assert_eq!(
            kinds[..5],
            [
                "run.started",
                "plan.requested",
                "budget.reserved",
                "budget.settled",
                "plan.rejected"
            ]
        );
        assert_eq!(*kinds.last().expect("events"), "run.finished");
    }
    let failed = run(&place, "hopeless", &["-o", "json"]).expect(3).json();
    assert_eq!(failed["error"]["code"], "no-plan");
    // What all three came to: two calls, three, and three.
    let stats = place.orchestra(["stats", "links"]).run().expect(0).stdout;
    assert!(stats.contains("\nmodels in 3 runs: 8 calls · "), "{stats}");
    let stats = place.orchestra(["stats", "links", "-o", "json"]);
    let stats = stats.run().expect(0).json();
    assert_eq!(stats["scenarios"][0]["models"]["calls"], 8);
    assert_eq!(stats["scenarios"][0]["models"]["tokens"], 7_814);
}

#[test]
fn a_look_ahead_says_what_it_took() {
    let place = place();
    let shown = run(&place, "repaired", &["--plan-only"]).expect(0);
    let dir = place.work().display().to_string();
    assert_snapshot!(shown.render().replace(&dir, "<work>"), @r##"
    exit 0
    --- stdout
    Plan <digest> links
    1 task, planned · <n> at once · no sandbox: tasks run with your user's rights
    policy default@1 · tasks read, write and reach whatever you can · no secrets
    goal  Count the pages of the documentation.

      count   Count the pages that end in .md.
        $ echo "pages=$(ls *.md | wc -l)" >> "$ORCHESTRA_OUTPUT"
        in your own tree

         task   kind  timeout  attempts  needs
      1  count  run     1m00s         1

    Worst case: 1 task, 1 attempt
      one after the other   1m00s
      longest path          1m00s
      plan digest           <sha256>

    Findings: 1 note
      info[shell-text] count: what `sh` starts was not checked: only `sh` was
          fix: None is needed; the sandbox confines whatever it starts.
    Needs approval: default@1 has every plan of a model approved
    planned by scripted/repaired.jsonl, from a fixture · 2 of 4 calls · 2.5k of 150k tokens · $0.014
    next: this plan is gone; `--save FILE` keeps one for `orchestra run FILE`
    --- stderr
    planning  scripted/repaired.jsonl, from a fixture
    planning  2 of 4 calls · 2.5k of 150k tokens · $0.014  as it would be live; nothing was spent
    "##);
    let object = run(&place, "repaired", &["--plan-only", "-o", "json"]);
    let object = object.expect(0).json();
    assert_eq!(object["goal"], "Count the pages of the documentation.");
    assert_eq!(object["planning"]["calls"], 2);
    assert_eq!(object["planning"]["usage"]["cache_read"], 200);
    assert_eq!(object["planning"]["fixture"], true);
    assert!(!place.work().join("runs").exists());
}

/// Through the wire, with prices and a provider's ids; then the same from its recording, with no server.
#[test]
fn a_call_of_a_provider_has_a_price_and_an_id_and_its_replay_is_the_same() {
    let place = place();
    place.write("goal.yaml", GOAL.replace("tokens: 150000", "usd: 1.50"));
    let stub = Stub::start();
    stub.queue(Said::text(answer().to_string()));
    let model = [
        "run",
        "goal.yaml",
        "--yes",
        "--model",
        "anthropic/claude-opus-5-5",
    ];
    let asked = place
        .orchestra(
            model
                .iter()
                .chain(&["--record", "calls.jsonl", "-o", "json"]),
        )
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", stub.base_url())
        .run()
        .expect(0)
        .json();
    drop(stub);
    let replayed = place
        .orchestra(
            model
                .iter()
                .chain(&["--replay", "calls.jsonl", "-o", "json"]),
        )
        .run()
        .expect(0)
        .json();
    let [asked, replayed] = [asked, replayed].map(|object| object["report"]["models"].clone());
    assert_eq!(asked["budget"]["usd"], "1.50");
    assert_ne!(asked["usd"], "0.00");
    assert_eq!(asked["unpriced"], 0);
    let id = &asked["list"][0]["settled"]["request_id"];
    assert!(id.is_string(), "{asked}");
    for field in ["calls", "tokens", "usd", "usage", "fixtures", "requested"] {
        assert_eq!(asked[field], replayed[field], "{field}");
    }
    assert_eq!(asked["list"][0]["file"], replayed["list"][0]["file"]);
    let page = place.orchestra(["report", "@last"]).run().expect(0).stdout;
    assert!(page.contains("Prices of claude-opus-5-5: "), "{page}");
    assert!(page.contains(" of $1.50"), "{page}");
    assert!(!page.contains("fixture") && !page.contains(KEY), "{page}");
}
