//! `orchestra stats`: scenarios, the tasks of one, and what does not count.

use insta::assert_snapshot;

use crate::support::Place;

/// Fails its first attempt in each run, its second when a file is there.
const FLAKY: &str = "\
version: 1
name: flaky
inputs:
  broken: { type: string, default: \"no\" }
tasks:
  build:
    run: echo built
  check:
    needs: [build]
    env: { BROKEN: \"${{ inputs.broken }}\" }
    run: test \"$ORCHESTRA_ATTEMPT\" = 2 && test \"$BROKEN\" = no
    retry: { max: 1, delay: 1ms }
  after:
    needs: [check]
    run: echo after
";

fn place() -> Place {
    let place = Place::with("flaky.yaml", FLAKY);
    place.orchestra(["run", "flaky.yaml"]).run().expect(0);
    let broken = ["run", "flaky.yaml", "-i", "broken=yes"];
    place.orchestra(broken).run().expect(1);
    place.past("steady", "exit 0", 0);
    let cut = place.past("cut", "exit 0", 0);
    place.interrupt(&cut, 3);
    place
}

#[test]
fn every_scenario_in_a_line() {
    let place = place();
    assert_snapshot!(place.orchestra(["stats"]).run().render(), @r#"
    exit 0
    --- stdout
    scenario  runs  success  failed  cancelled  p50  p95  last failure
    flaky        2      50%       1          0  <s>  <s>  <run> <time>
    steady       1     100%       0          0  <s>  <s>  -
    "#);
}

#[test]
fn one_scenario_with_its_tasks_worst_first() {
    let place = place();
    assert_snapshot!(place.orchestra(["stats", "flaky"]).run().render(), @r#"
    exit 0
    --- stdout
    scenario  runs  success  failed  cancelled  p50  p95  last failure
    flaky        2      50%       1          0  <s>  <s>  <run> <time>

    task   ended  success  flaky  retries  p50  p95  last failure
    check      2      50%    50%        2  <s>  <s>  <run> <time> exit 1
    after      1     100%     0%        0  <s>  <s>  -
    build      2     100%     0%        0  <s>  <s>  -
    "#);
    assert_snapshot!(place.orchestra(["stats", "flaky"]).env("COLUMNS", "40").run().expect(0).stdout, @r#"
    scenario  runs  success  p50  p95
    flaky        2      50%  <s>  <s>

    task   ended  success  flaky  p50  p95
    check      2      50%    50%  <s>  <s>
    after      1     100%     0%  <s>  <s>
    build      2     100%     0%  <s>  <s>
    "#);
}

#[test]
fn without_its_report_a_run_counts_by_its_journal() {
    let place = place();
    let stats = || {
        let args = ["stats", "flaky", "--json"];
        place.orchestra(args).run().expect(0).json()
    };
    let by_report = stats();
    let mut reports = 0;
    for entry in fs_err::read_dir(place.work().join("runs")).unwrap() {
        let report = entry.unwrap().path().join("report.json");
        reports += usize::from(fs_err::write(report, "{").is_ok());
    }
    assert_eq!(reports, 4);
    assert_eq!(stats(), by_report);
}

#[test]
fn for_machines() {
    let place = place();
    let object = place.orchestra(["stats", "--json"]).run().expect(0).json();
    assert_eq!(object["schema"], "orchestra.stats/v1");
    let names: Vec<_> = object["scenarios"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 2, "a run that is not over counts for nothing");
    assert_eq!(names[0]["scenario"], "flaky");
    assert_eq!(names[0]["success_percent"], 50);
    assert_eq!(names[0]["wall_us"]["count"], 2);
    assert!(names[0]["tasks"].is_null());
    let newest = ["stats", "flaky", "--limit", "1", "-o", "jsonl"];
    let lines = place.orchestra(newest).run().expect(0).jsonl();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["schema"], "orchestra.stats-scenario/v1");
    assert_eq!(lines[0]["runs"], 1);
    assert_eq!(lines[0]["tasks"][0]["task"], "check");
    assert_eq!(lines[0]["tasks"][0]["last_failure"]["how"], "exit 1");
}

#[test]
fn nothing_to_count() {
    assert_snapshot!(Place::new().orchestra(["stats"]).run().render(), @r#"
    exit 0
    --- stderr
    no runs in runs
    help: `orchestra run SCENARIO` makes one; `--runs-dir` looks elsewhere
    "#);
    let place = place();
    assert_snapshot!(place.orchestra(["stats", "flakey"]).run().render(), @r#"
    exit 0
    --- stderr
    no run of `flakey` in runs
    help: did you mean `flaky`?
    "#);
    assert_snapshot!(place.orchestra(["stats", "--limit", "0"]).run().render(), @r#"
    exit 2
    --- stderr
    error[bad-value]: --limit cannot be `0`
    help: it is a number from 1 to 10000
    "#);
}
