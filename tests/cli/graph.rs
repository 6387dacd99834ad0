//! `graph`: scenarios, plans and runs as mermaid, DOT and SVG.

use insta::assert_snapshot;

use crate::cli::run::{FAILING, HELLO};
use crate::support::Place;

/// Needs an input that nobody gives, and repeats a task.
const ASKING: &str = "version: 1\nname: asking\ninputs:\n  since: { type: string, required: true }\n  areas: { type: list, required: true }\ntasks:\n  list: { run: \"true\", env: { S: \"${{ inputs.since }}\" } }\n  sum: { needs: [list], for_each: \"${{ inputs.areas }}\", run: \"true\" }\n  all: { needs: [sum], for_each: [a, b], run: \"true\" }\n";

#[test]
fn of_a_scenario() {
    let place = Place::with("asking.yaml", ASKING);
    let before = place.listing();
    assert_snapshot!(place.orchestra(["graph", "asking.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    flowchart LR
      t0["list"]:::plain
      t1["sum<br/>× each item"]:::plain
      t2["all<br/>× 2"]:::plain
      t0 --> t1
      t1 --> t2
      classDef plain fill:#ffffff,stroke:#666666,color:#111
    "#);
    assert_eq!(place.listing(), before, "nothing is written");
}

#[test]
fn of_a_run_says_what_became_of_each() {
    let place = Place::with("failing.yaml", FAILING);
    place.orchestra(["run", "failing.yaml"]).run().expect(1);
    assert_snapshot!(place.orchestra(["graph", "@last", "--format", "dot"]).run().render(), @r##"
    exit 0
    --- stdout
    digraph "failing" {
      rankdir=LR;
      node [style=filled, fontname="monospace", fontcolor="#111111"];
      t0 [label="prepare\nPASS", shape=box, style="filled,rounded", fillcolor="#d6f5d6", color="#2e7d32"];
      t1 [label="build\nFAIL", shape=hexagon, fillcolor="#ffd9d6", color="#b71c1c"];
      t2 [label="test\nSKIP", shape=parallelogram, fillcolor="#eeeeee", color="#777777"];
      t3 [label="publish\nSKIP", shape=parallelogram, fillcolor="#eeeeee", color="#777777"];
      t0 -> t1;
      t1 -> t2;
      t2 -> t3;
    }
    "##);
    let object = place
        .orchestra(["graph", "@last", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["schema"], "orchestra.graph/v1");
    assert_eq!(object["nodes"][1]["status"], "failed");
    assert_eq!(object["edges"][0], serde_json::json!([0, 1]));
    let dir = place.run_dir();
    let plan = dir.join("plan.json");
    let drawn = |what: &str, format: &str| {
        let args = ["graph", what, "--format", format];
        place.orchestra(args).run().expect(0).stdout
    };
    assert_eq!(
        drawn(dir.to_str().unwrap(), "mermaid"),
        drawn("@last", "mermaid")
    );
    assert!(drawn(plan.to_str().unwrap(), "mermaid").contains(":::plain"));
    let svg = drawn("@last", "svg");
    assert!(
        svg.starts_with("<?xml") && svg.contains("prefers-color-scheme"),
        "{svg}"
    );
    roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(
        drawn("@last", "svg"),
        svg,
        "the same picture, the same bytes"
    );
}

#[test]
fn of_nothing_that_is_there() {
    let place = Place::with("hello.yaml", HELLO);
    assert_snapshot!(place.orchestra(["graph", "helo.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[scenario-unreadable]: helo.yaml cannot be read
      because: failed to open file `helo.yaml`: No such file or directory (os error 2)
    help: did you mean `hello.yaml`?
    "#);
    assert_snapshot!(place.orchestra(["graph", "zzz"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-run]: there are no runs in runs
    help: name another place with `--runs-dir`, or the run directory's path
    "#);
    place.write(
        "other.json",
        "{\"schema\": \"orchestra.plan/v1\", \"tasks\": []}",
    );
    assert_snapshot!(place.orchestra(["graph", "other.json"]).run().render(), @r#"
    exit 3
    --- stderr
    error[plan-invalid]: other.json is no plan of this orchestra
    help: not a plan: missing field `name` at line 1 column 44
    "#);
    let error = place
        .orchestra(["graph", "zzz", "--json"])
        .run()
        .expect(2)
        .json();
    assert_eq!(error["error"]["code"], "unknown-run");
}

#[test]
fn of_ten_thousand_tasks_is_bounded_and_says_so() {
    let tasks: String = (0..10_000)
        .map(|n| format!("  t{n}: {{ run: \"true\" }}\n"))
        .collect();
    let place = Place::with(
        "big.yaml",
        format!("version: 1\nname: big\ntasks:\n{tasks}"),
    );
    assert_snapshot!(place.orchestra(["graph", "big.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    flowchart LR
      t0["t0 … t9999<br/>10000 tasks"]:::plain
      classDef plain fill:#ffffff,stroke:#666666,color:#111
    --- stderr
    note: 10000 tasks with 0 edges are drawn as 1 group.
    "#);
}
