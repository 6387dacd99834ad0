//! Who approves a plan: the policy, `--yes`, a digest; never anybody who did not see it.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Outcome, Place};

/// A task that says it needs a network, in a scenario that has none.
pub const WIDE: &str = "\
version: 1
name: wide
policy: { network: none }
tasks:
  fetch: { run: 'echo fetched', effects: { network: full } }
  use: { needs: [fetch], run: 'echo used' }
";

fn run(place: &Place, args: &[&str]) -> Outcome {
    let words = ["run", "wide.yaml"].iter().chain(args);
    place.orchestra(words).run()
}

fn preview(place: &Place) -> Value {
    let words = ["run", "wide.yaml", "--plan-only", "-o", "json"];
    place.orchestra(words).run().expect(4).json()
}

fn preview_of(place: &Place, approve: &str) -> Value {
    let words = [
        "run",
        "wide.yaml",
        "--plan-only",
        "--approve",
        approve,
        "-o",
        "json",
    ];
    place.orchestra(words).run().expect(0).json()
}

#[test]
fn what_exceeds_the_policy_is_refused_with_every_reason_and_the_command() {
    let place = Place::with("wide.yaml", WIDE);
    let before = place.listing();
    assert_snapshot!(run(&place, &[]).render(), @r#"
    exit 4
    --- stderr
    error[plan-not-approved]: the plan asks for more than the policy default@1 grants, and nobody approved that: 1 reason
      refused[network-not-allowed] fetch: default@1 does not open the network `full`
          fix: Choose a pack with `network: full`, or approve the plan by its digest.
    help: `orchestra run wide.yaml --sandbox none --approve <digest>@<digest>` approves exactly this plan under exactly this policy
    "#);
    // `--yes` says nothing about what nobody has seen.
    assert_snapshot!(run(&place, &["--yes"]).render(), @r#"
    exit 4
    --- stderr
    error[plan-not-approved]: the plan asks for more than the policy default@1 grants, and nobody approved that: 1 reason
      refused[network-not-allowed] fetch: default@1 does not open the network `full`
          fix: Choose a pack with `network: full`, or approve the plan by its digest.
    help: `orchestra run wide.yaml --sandbox none --approve <digest>@<digest>` approves exactly this plan under exactly this policy
    "#);
    assert_eq!(place.listing(), before, "nothing was made");
    let error = run(&place, &["-o", "json"]).expect(4).json();
    assert_eq!(error["error"]["code"], "plan-not-approved");
    assert_eq!(error["error"]["findings"][0]["task"], "fetch");
    assert_eq!(error["error"]["exit_code"], 4);
}

#[test]
fn the_command_that_is_proposed_approves_it() {
    let place = Place::with("wide.yaml", WIDE);
    let told = place.orchestra(["run", "wide.yaml"]).unredacted().run();
    let told = told.expect(4).stderr;
    let command = told.split('`').find(|part| part.starts_with("orchestra "));
    let words = command.unwrap().split(' ').skip(1);
    let approve = words.clone().last().unwrap().to_owned();
    place.orchestra(words).run().expect(0);
    let events = place.run_file("events.jsonl");
    assert!(events.contains("\"by\":\"digest\""), "{events}");
    let order: Vec<usize> = ["plan.proposed", "finding.raised", "plan.approved"]
        .iter()
        .map(|name| events.find(name).unwrap())
        .collect();
    assert!(order.is_sorted(), "{events}");
    let policy: Value = serde_json::from_str(&place.run_file("policy.json")).unwrap();
    let grant = &policy["grants"][0];
    assert_eq!(grant["task"], "fetch", "{policy}");
    assert_eq!(grant["by"], "you, by the plan's digest", "{policy}");
    place.orchestra(["verify"]).run().expect(0);
    // From now on nothing reads as if it had been refused.
    let plan: Value = preview_of(&place, &approve);
    let granted = format!(
        "default@1 does not open the network `full`; granted by approval {}",
        &plan["plan"].as_str().unwrap()[..8]
    );
    let found = &plan["policy"]["findings"][0];
    assert_eq!(found["message"], granted.as_str(), "{plan}");
    assert_eq!(
        (&found["severity"], &plan["policy"]["refused"]),
        (&"granted".into(), &false.into())
    );
    for told in [
        place.orchestra(["report"]).run().expect(0).stdout,
        place.run_file("report.html"),
        place
            .orchestra(["run", "wide.yaml", "--plan-only", "--approve", &approve])
            .run()
            .expect(0)
            .stdout,
    ] {
        assert!(told.contains("granted by approval"), "{told}");
        assert!(!told.contains("refused"), "{told}");
    }
}

#[test]
fn an_approval_is_of_one_plan_and_of_one_policy() {
    let place = Place::with("wide.yaml", WIDE);
    let object = preview(&place);
    let plan = object["plan"].as_str().unwrap().to_owned();
    let policy = object["policy"]["digest"].as_str().unwrap().to_owned();
    let both = format!("{}@{}", &plan[..16], &policy[..16]);
    let other = format!("{}@{}", &plan[..16], "0".repeat(16));
    run(&place, &["--approve", &other]).expect(4);
    run(&place, &["--approve", &plan[..15]]).expect(2);
    // The same text with one more word is another plan.
    place.write("wide.yaml", WIDE.replace("echo used", "echo used it"));
    let refused = run(&place, &["--approve", &both]).expect(4);
    assert!(
        refused.stderr.contains("the plan's digest is"),
        "{}",
        refused.stderr
    );
    place.write("wide.yaml", WIDE);
    run(&place, &["--approve", &both]).expect(0);
}

#[test]
fn yes_approves_what_is_inside_and_says_so() {
    let inside = WIDE.replace(", effects: { network: full }", "");
    let place = Place::with("wide.yaml", &inside);
    run(&place, &["--yes"]).expect(0);
    let events = place.run_file("events.jsonl");
    assert!(events.contains("\"by\":\"yes\""), "{events}");
}

#[test]
fn what_was_approved_is_remembered_and_compared_with() {
    let inside = WIDE.replace(", effects: { network: full }", "");
    let place = Place::with("wide.yaml", &inside);
    let second = |text: &str| {
        place.write("wide.yaml", text);
        let shown = run(&place, &["--plan-only"]).expect(0).stdout;
        shown.lines().nth(3).unwrap().to_owned()
    };
    run(&place, &["--yes"]).expect(0);
    assert_snapshot!(second(&inside), @r#"approved like this <time> UTC"#);
    let more = inside.replace("echo used", "echo more") + "  check: { run: 'true' }\n";
    assert_snapshot!(second(&more), @r#"changed since last approval (<time> UTC): + check, ~ use"#);
    // Nothing but the comparison depends on the file.
    fs_err::remove_file(place.dir("state").join("orchestra/approvals.jsonl")).unwrap();
    assert!(!second(&more).contains("approv"));
    run(&place, &[]).expect(0);
}

#[test]
fn a_retry_of_an_approved_plan_is_approved_like_it() {
    let place = Place::with("wide.yaml", WIDE.replace("echo used", "exit 1"));
    let object = preview(&place);
    let plan = object["plan"].as_str().unwrap();
    run(&place, &["--approve", plan]).expect(1);
    let first = place.run_dir();
    let policy = fs_err::read(first.join("policy.json")).unwrap();
    place.orchestra(["retry", "@last"]).run().expect(1);
    let runs = fs_err::read_dir(place.work().join("runs")).unwrap();
    let retried = runs
        .map(|entry| entry.unwrap().path())
        .find(|path| *path != first && path.join("events.jsonl").is_file());
    let retried = retried.unwrap();
    assert_eq!(fs_err::read(retried.join("policy.json")).unwrap(), policy);
    let events = fs_err::read_to_string(retried.join("events.jsonl")).unwrap();
    assert!(events.contains("finding.raised") && events.contains("\"by\":\"digest\""));
    // An edited policy is not the approved one.
    let edited = String::from_utf8(policy).unwrap();
    let edited = edited.replacen("\"none\"", "\"full\"", 1);
    fs_err::write(retried.join("policy.json"), edited).unwrap();
    let name = retried.display().to_string();
    place.orchestra(["retry", &name]).run().expect(8);
}
