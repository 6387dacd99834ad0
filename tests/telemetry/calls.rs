//! Calls of models among the spans of a run, whether or not a plan came of them.

use super::collector::{Collector, attributes, decode};
use crate::support::Place;

const GOAL: &str = "\
version: 1
name: links
goal: Count the pages of the documentation.
";

/// A reply that passes, of one task.
const ANSWER: &str = r#"{"json":{"summary":"Counts.","unable":null,"tasks":[{"id":"count","description":"Count the pages of the tree.","needs":[],"run":"echo \"pages=$(ls | wc -l)\" >> \"$ORCHESTRA_OUTPUT\"","command":[],"env":[],"files":[],"outputs":[{"name":"pages","type":"int"}],"artifacts":[],"workspace":"project","timeout_s":60,"retry":null,"network":"none","programs":["ls","wc"]}],"outputs":[{"name":"pages","value":"${{ tasks.count.outputs.pages }}"}]},"usage":{"input":1000,"output":300}}
"#;
const SILENT: &str =
    "{\"text\":\"secret words\",\"repeat\":true,\"usage\":{\"input\":7,\"output\":2}}\n";

#[test]
fn each_call_is_a_span_once_beneath_its_run() {
    let place = Place::with("goal.yaml", GOAL);
    place.write("good.jsonl", ANSWER);
    place.write("bad.jsonl", SILENT);
    for (script, code, calls) in [("good", 0, 1), ("bad", 3, 3)] {
        let collector = Collector::start(Some("200 OK"));
        let model = format!("scripted/{script}.jsonl");
        let outcome = place
            .orchestra(["run", "goal.yaml", "--yes", "--model", &model])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            .run()
            .expect(code);
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        let (spans, _) = decode(&collector.requests());
        let run = &spans["run links"];
        let asked: Vec<_> = spans
            .values()
            .filter(|span| span.name.starts_with("plan "))
            .collect();
        assert_eq!(asked.len(), calls, "{script}: {spans:?}");
        for span in asked {
            assert_eq!(span.parent_span_id, run.span_id);
            let told = attributes(&span.attributes);
            assert_eq!(told["gen_ai.provider.name"], "scripted");
            assert!(told["orchestra.call.fixture"].contains("true"), "{told:?}");
        }
        assert!(!format!("{spans:?}").contains("secret words"));
    }
}
