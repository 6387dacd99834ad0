//! `report`: Markdown, HTML, JUnit, JSON; for readers who have nothing else.

use insta::assert_snapshot;
use roxmltree::{Document, Node};

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

/// A task that passes at its second attempt, one that is tolerated, one that fails as an error, and
/// output that is no XML.
const MIXED: &str = "version: 1\nname: mixed\ntasks:\n  flaky: { retry: { max: 1, delay: 1ms }, run: 'printf \"no\\001 \\033[31mred <b>&\\377\\n\" >&2; [ \"$ORCHESTRA_ATTEMPT\" = 2 ]' }\n  soft: { needs: [sum], continue_on_error: true, run: 'exit 3' }\n  gone: { needs: [soft], command: [/no/such/program] }\n  after: { needs: [gone], run: 'true' }\n  sum: { needs: [flaky], for_each: [\"a <1>\", b], run: 'true' }\n";

fn failed() -> Place {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    place
}

fn mixed() -> Place {
    let place = Place::with("mixed.yaml", MIXED);
    place
        .orchestra(["run", "mixed.yaml", "--max-parallel", "1"])
        .run()
        .expect(1);
    place
}

fn rendered(place: &Place, format: &str) -> String {
    let args = ["report", "--format", format];
    place.orchestra(args).unredacted().run().expect(0).stdout
}

#[test]
fn report_for_a_reader_who_has_nothing_else() {
    let place = failed();
    assert_snapshot!(place.orchestra(["report"]).run().expect(0).stdout, @r#"
    # FAILED: failing, run <run>

    **FAILED** in <s>: 1 passed, 1 failed, 2 skipped, of 4 tasks. Exit code 1. Plan `<digest>`.

    > **Sandbox:** no sandbox: tasks ran with your user's rights

    ## First failure

    ### `build`: attempt 2 of 2, exit 3

    exit 3 (`tool_failed`). What to do: read the end of its stderr; run the command by hand with the same inputs.

    What it ran, by sh -c:

    ```sh
    echo compiling
    echo 'main.c:3: error: expected ;' >&2
    exit 3
    ```

    Attempt 1: exit 3 after <s>, log [logs/build.1.err](logs/build.1.err)

    ```text
    main.c:3: error: expected ;
    ```

    Sandbox: none.

    Attempt 2: exit 3 after <s>, log [logs/build.2.err](logs/build.2.err)

    ```text
    main.c:3: error: expected ;
    ```

    Sandbox: none.

    Skipped because of it: `test`, `publish`.

    Next, in the directory of this report:

    ```sh
    orchestra logs . build
    orchestra explain . build
    orchestra retry . build --downstream
    ```

    ## Tasks

    | | task | kind | attempts | start | duration | how |
    |---|---|---|--:|--:|--:|---|
    | FAIL | `build` | run | 2 | +<s> | <s> | exit 3 |
    | SKIP | `test` | run | 0 |  |  | because build failed |
    | SKIP | `publish` | run | 0 |  |  | because build failed |
    | PASS | `prepare` | run | 1 | +<s> | <s> |  |

    ## Graph

    ```mermaid
    flowchart LR
      t0(["prepare<br/>PASS"]):::done
      t1{{"build<br/>FAIL"}}:::failed
      t2[/"test<br/>SKIP"/]:::skipped
      t3[/"publish<br/>SKIP"/]:::skipped
      t0 --> t1
      t1 --> t2
      t2 --> t3
      classDef failed fill:#ffd9d6,stroke:#b71c1c,color:#111
      classDef skipped fill:#eeeeee,stroke:#777777,color:#111
      classDef done fill:#d6f5d6,stroke:#2e7d32,color:#111
    ```

    ## Timeline

    One line an attempt: `·` waits, `█` runs and succeeds, `▒` fails, `░` is stopped or lost.

    ```text
    task      #     start     wait      run
    prepare   1      +<s>      <s>      <s> <bar>
    build     1      +<s>      <s>      <s> <bar>
    build     2      +<s>      <s>      <s> <bar>
    ```

    Without an attempt: `test` SKIP, `publish` SKIP.

    ## Numbers

    - Tasks that succeeded: 50 % (1 of 2 that ended)
    - Attempts: 3 started, 1 succeeded, 1 of them a retry; <n> at once
    - Processor time: <s>; largest process: <bytes>

    | | count | mean | p50 | p95 | max |
    |---|--:|--:|--:|--:|--:|
    | attempt | 3 | <s> | <s> | <s> | <s> |
    | task, retries included | 2 | <s> | <s> | <s> | <s> |
    | wait for a slot | 2 | <s> | <s> | <s> | <s> |

    | error class | attempts | failed tasks |
    |---|--:|---|
    | `tool_failed` | 2 | `build` |

    ## Artifacts

    None.

    ## Sandbox and policy

    - Level: no sandbox: tasks ran with your user's rights; 3 attempts
    - Denied: nothing that was seen
    - Policy: default@1, `<sha256>` ([policy.json](policy.json))
    - Findings: none

    Lists of programs say what a plan may start. They confine nothing: what an admitted program starts in its turn is confined by the sandbox alone.

    ## Plan and approval

    - Plan digest: `<sha256>` ([plan.json](plan.json))
    - Approved by: default (written tasks only, inside the policy), <time> UTC

    ## Environment and verification

    - Run: `<run-id>`
    - Started: <time> UTC by orchestra <version>
    - Scenario: [scenario.yaml](scenario.yaml), SHA-256 `<sha256>`

    Every line of this report follows from `events.jsonl`, a hash chain that `seal.json` closes.
    To recompute the chain and the digests of plan, scenario, logs and artifacts:

    ```sh
    orchestra verify .
    ```

    By hand, one file at a time: `sha256sum` prints the digest in the table above.
    "#);
    let printed = place
        .orchestra(["report"])
        .unredacted()
        .run()
        .expect(0)
        .stdout;
    assert_eq!(
        printed,
        place.run_file("report.md"),
        "the file is what is printed"
    );
    let json = place
        .orchestra(["report", "--json"])
        .unredacted()
        .run()
        .expect(0)
        .stdout;
    assert_eq!(json, place.run_file("report.json"));
}

#[test]
fn every_form_is_the_file_that_the_run_left() {
    let place = mixed();
    for (format, file) in [
        ("md", "report.md"),
        ("html", "report.html"),
        ("junit", "junit.xml"),
        ("json", "report.json"),
    ] {
        assert_eq!(rendered(&place, format), place.run_file(file), "{file}");
    }
    let both = place
        .orchestra(["report", "--format", "html", "-o", "json"])
        .run()
        .expect(2);
    assert!(both.stdout.contains("--format"), "{}", both.stdout);
}

/// The shape that readers of JUnit agree on: known elements, and counts that are those of the cases.
fn check_junit(text: &str) {
    let document = Document::parse(text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let count = |node: Node<'_, '_>, name: &str| -> usize {
        node.attribute(name).unwrap().parse().unwrap()
    };
    for suite in root.children().filter(Node::is_element) {
        assert_eq!(suite.tag_name().name(), "testsuite");
        assert!(suite.attribute("name").is_some() && suite.attribute("timestamp").is_some());
        let cases: Vec<_> = suite
            .children()
            .filter(|node| node.has_tag_name("testcase"))
            .collect();
        let with = |name: &str| {
            let has = |case: &&Node<'_, '_>| case.children().any(|node| node.has_tag_name(name));
            cases.iter().filter(has).count()
        };
        for (attribute, cases) in [
            ("tests", cases.len()),
            ("failures", with("failure")),
            ("errors", with("error")),
            ("skipped", with("skipped")),
        ] {
            assert_eq!(count(suite, attribute), cases, "{attribute}");
            assert_eq!(count(root, attribute), cases, "{attribute}");
        }
        for case in cases {
            assert!(case.attribute("name").is_some() && case.attribute("classname").is_some());
            assert!(case.attribute("time").unwrap().parse::<f64>().unwrap() >= 0.0);
            for inner in case.children().filter(Node::is_element) {
                let known = [
                    "failure",
                    "error",
                    "skipped",
                    "rerunFailure",
                    "rerunError",
                    "flakyFailure",
                    "flakyError",
                    "system-err",
                ];
                let name = inner.tag_name().name();
                assert!(known.contains(&name), "{name}");
                assert!(name == "system-err" || inner.attribute("message").is_some());
            }
        }
    }
}

#[test]
fn junit_of_a_run_with_everything() {
    let place = mixed();
    check_junit(&place.run_file("junit.xml"));
    assert_snapshot!(place.orchestra(["report", "--format", "junit"]).run().render(), @r#"
    exit 0
    --- stdout
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="orchestra" tests="6" failures="0" errors="1" skipped="2" time="0.000">
      <testsuite name="mixed" tests="6" failures="0" errors="1" skipped="2" time="0.000" timestamp="1970-01-01T00:00:00Z">
        <properties>
          <property name="run" value="&lt;run-id&gt;"/>
          <property name="verdict" value="FAILED"/>
        </properties>
        <testcase name="flaky" classname="mixed" time="0.000">
          <flakyFailure message="exit 1" type="tool_failed" time="0.000"><stackTrace>attempt 1: exit 1</stackTrace><system-err>no\x01 \x1b[31mred &lt;b&gt;&amp;\xff</system-err></flakyFailure>
        </testcase>
        <testcase name="sum[0] a &lt;1&gt;" classname="mixed" time="0.000"/>
        <testcase name="sum[1] b" classname="mixed" time="0.000"/>
        <testcase name="soft" classname="mixed" time="0.000">
          <skipped message="failed and tolerated: exit 3"/>
        </testcase>
        <testcase name="gone" classname="mixed" time="0.000">
          <error message="`/no/such/program` does not exist, or the interpreter it names does not" type="tool_not_found">install the program, or name it by its full path</error>
        </testcase>
        <testcase name="after" classname="mixed" time="0.000">
          <skipped message="because gone failed"/>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn junit_of_attempts_that_all_failed() {
    let place = failed();
    check_junit(&place.run_file("junit.xml"));
    let text = place.run_file("junit.xml");
    assert_eq!(text.matches("<failure ").count(), 1, "{text}");
    assert_eq!(text.matches("<rerunFailure ").count(), 1, "{text}");
}

/// The page as a tree: everything that is opened is closed, but what HTML says never is.
fn page(text: &str) -> Vec<String> {
    let mut text = text.replacen("<!DOCTYPE html>\n", "", 1);
    for line in text
        .clone()
        .lines()
        .filter(|line| line.starts_with("<meta "))
    {
        text = text.replace(line, "");
    }
    let document = Document::parse(&text).unwrap();
    let nodes = document.descendants().filter(Node::is_element);
    nodes
        .map(|node| node.tag_name().name().to_owned())
        .collect()
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let place = mixed();
    let text = place.run_file("report.html");
    let tags = page(&text);
    for foreign in ["script", "link", "img", "iframe", "object", "form"] {
        assert!(!tags.iter().any(|tag| tag == foreign), "<{foreign}>");
    }
    let outside = text.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http"), "fetches something");
    assert!(
        text.contains("prefers-color-scheme: dark") || text.contains("prefers-color-scheme:dark")
    );
    for part in [
        "@media print",
        "id=\"task-flaky-1\"",
        "id=\"task-gone\"",
        "sum[0]",
        "a &lt;1&gt;",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{1}'));
}

#[test]
fn a_run_without_trouble_leads_with_what_to_do_next() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let text = place.run_file("report.html");
    page(&text);
    assert!(text.contains(">PASSED</span>") && !text.contains("id=\"failures\""));
    check_junit(&place.run_file("junit.xml"));
    let colored = place
        .orchestra(["report"])
        .env("CLICOLOR_FORCE", "1")
        .run()
        .expect(0);
    assert!(
        !colored.stdout.contains('\u{1b}'),
        "a report has no colors of its own"
    );
}

#[test]
fn of_a_run_that_is_none() {
    let place = failed();
    assert_snapshot!(place.orchestra(["report", "zzz", "--format", "html"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-run]: no run matches `zzz` in runs
    help: `orchestra list` shows what there is
    "#);
    assert_snapshot!(place.orchestra(["report", "--format", "pdf"]).run().render(), @r#"
    exit 2
    --- stderr
    error[bad-value]: --format cannot be `pdf`
    help: possible values: md, html, junit, json
    "#);
}
