//! `orchestra run` at the edge of its budgets, against a server that keeps the provider's rules: exit code
//! 6, what was done is kept, and nothing is asked in vain.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{Failure, Said};
use protocol::budget::Usage;

use crate::cli::goal::{Live, count};

/// A program, a question that fits, one that does not, and who waits for it.
const TIGHT: &str = "\
version: 1
name: notes
budget: { tokens: 4000 }
tasks:
  collect:
    run: echo kept > kept.txt
    artifacts: { kept: kept.txt }
  first:
    needs: [collect]
    prompt: Say yes.
    model: { max_tokens: 1000 }
    artifacts: { answer: answer.txt }
  second:
    needs: [first]
    prompt: Say yes again.
    model: { max_tokens: 3900 }
    artifacts: { answer: answer.txt }
  third:
    needs: [second]
    run: exit 0
";

/// A program that outlives its run, and who waits for it.
const SLOW: &str = "\
version: 1
name: notes
budget: { wall: 1s }
tasks:
  slow: { command: [sleep, '60'] }
  next: { needs: [slow], command: ['true'] }
";

/// Questions, each of which may fail.
fn row(budget: &str) -> String {
    let tasks = ["a", "b", "c", "d", "e"].map(|id| {
        let needs = match id {
            "a" => String::new(),
            _ => format!("    needs: [{}]\n", char::from(id.as_bytes()[0] - 1)),
        };
        format!(
            "  {id}:\n    prompt: Say {id}.\n    model: {{ max_tokens: 1000 }}\n    \
             continue_on_error: true\n{needs}    artifacts: {{ answer: answer.txt }}\n"
        )
    });
    format!(
        "version: 1\nname: notes\n{budget}tasks:\n{}",
        tasks.concat()
    )
}

#[test]
fn a_call_that_may_not_fit_is_not_made_and_the_rest_is_kept() {
    let live = Live::with(TIGHT);
    live.stub.queue(Said::text("yes"));
    let outcome = live.run(&[]).run().expect(6);
    assert_snapshot!(live.shown(&outcome), @r#"
    exit 6
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 4 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        PASS [   <s>] (1/4) collect
        PASS [   <s>] (2/4) first
        FAIL [   <s>] (3/4) second   budget_exhausted; attempt 1 of 1
        SKIP          (4/4) third   because second failed
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   2 passed · 1 failed · 1 skipped · $0.0016
        FAIL second   attempt 1 of 1   budget_exhausted   logs/second.1.err
             389 tokens of 4000 tokens used, 0 tokens set aside for calls in flight; one more may take 4370 tokens
             | 389 tokens of 4000 tokens used, 0 tokens set aside for calls in flight; one more may take 4370 tokens
        SKIP third   because second failed
        models: 1 call · 389 of 4k tokens · $0.0016
        no sandbox: tasks ran with your user's rights
        2 artifacts in runs/<run-dir>/artifacts.json
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> second · orchestra explain <run> second · orchestra retry <run> second --downstream
    "#);
    assert_eq!(live.asked(), 1);
    assert_eq!(live.place.run_file("artifacts/first/answer.txt"), "yes\n");
    assert_eq!(live.place.run_file("artifacts/collect/kept.txt"), "kept\n");
    let report = live.place.run_file("report.md");
    assert!(report.contains("budget_exhausted"), "{report}");
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_provider_that_reports_ten_times_the_usage_is_asked_nothing_more() {
    let live = Live::with(&row("budget: { tokens: 10000 }\n"));
    let usage = Usage {
        input: 1000,
        output: 100,
        ..Usage::default()
    };
    live.stub
        .queue(Said::text("yes").usage(usage).usage_times(10));
    let outcome = live.run(&[]).run();
    assert_eq!(live.asked(), 1, "{}", outcome.stderr);
    let events = live.events();
    assert_eq!(count(&events, "budget.reserved"), 1);
    assert_eq!(
        events.matches(r#""class":"budget_exhausted""#).count(),
        8,
        "{events}"
    );
}

#[test]
fn the_same_failure_three_times_in_a_row_stops_the_run() {
    let live = Live::with(&row(""));
    for _ in 0..3 {
        let refused = Failure::new(403, "permission_error", "not yours");
        live.stub.queue(refused);
    }
    let outcome = live.run(&[]).run().expect(1);
    assert_snapshot!(live.shown(&outcome), @r#"
    exit 1
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 5 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        FAIL [   <s>] (1/5) a   provider_fatal; tolerated; attempt 1 of 1
        FAIL [   <s>] (2/5) b   provider_fatal; tolerated; attempt 1 of 1
        FAIL [   <s>] (3/5) c   provider_fatal; tolerated; attempt 1 of 1
        STOP model calls failed the same way one after another; nothing more is asked
      CANCEL          (4/5) d
      CANCEL          (5/5) e
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   0 passed · 3 failed and tolerated · 2 cancelled · $0.00
        FAIL a   attempt 1 of 1   provider_fatal   logs/a.1.err
             the provider answered 403 permission_error: not yours
             | the provider answered 403 permission_error: not yours
             | help: this key may not do that; check its workspace and the model's availability
        FAIL b   attempt 1 of 1   provider_fatal   logs/b.1.err
             the provider answered 403 permission_error: not yours
             | the provider answered 403 permission_error: not yours
             | help: this key may not do that; check its workspace and the model's availability
        FAIL c   attempt 1 of 1   provider_fatal   logs/c.1.err
             the provider answered 403 permission_error: not yours
             | the provider answered 403 permission_error: not yours
             | help: this key may not do that; check its workspace and the model's availability
        models: 3 calls · 0 tokens · $0.00
        stopped by the same failure of one call after another
        policy: 1 warning; the report lists them
      report: runs/<run-dir>/report.md
      next: orchestra logs <run> a · orchestra explain <run> a · orchestra retry <run>
    "#);
    assert_eq!(live.asked(), 3);
    let events = live.events();
    assert_eq!(count(&events, "task.cancelled"), 2);
    assert!(events.contains(r#""code":"same-failure""#));
    live.place.orchestra(["verify"]).run().expect(0);
}

#[test]
fn a_run_has_its_time_and_no_more() {
    let live = Live::with(SLOW);
    let outcome = live.run(&[]).run().expect(6);
    assert_snapshot!(live.shown(&outcome), @r#"
    exit 6
    --- stdout
    runs/<run-dir>
    --- stderr
    Run <run> notes   plan <digest>   runs/<run-dir>
    Plan: 2 tasks · <n> at once · sandbox none · policy default@1
    SANDBOX none: files, network and processes are open to every task (environment ORCHESTRA_SANDBOX)
        STOP the run's budget of time is over
      CANCEL          (1/2) next
      CANCEL [   <s>] (2/2) slow
        SEAL event <seq> <sha256>
    ────────────
      FAILED in <s>   0 passed · 2 cancelled
        stopped by its budget of time, which is over
        no sandbox: tasks ran with your user's rights
      report: runs/<run-dir>/report.md
      next: orchestra retry <run>
    "#);
    live.place.orchestra(["verify"]).run().expect(0);
}
