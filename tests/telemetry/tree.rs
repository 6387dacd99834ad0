//! The spans of a run: who is beneath whom, when, and what they say.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::collector::{Collector, attributes, decode};
use crate::support::Place;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

const DIAMOND: &str = "\
version: 1
name: diamond
tasks:
  top:
    run: echo \"$TRACEPARENT\"
  left:
    needs: [top]
    run: echo \"$TRACEPARENT\"
  right:
    needs: [top]
    command: [sh, -c, 'echo \"$TRACEPARENT\"']
  join:
    needs: [left, right]
    run: echo \"$TRACEPARENT\"
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(spans: &BTreeMap<String, Span>) -> Vec<&str> {
    spans.keys().map(String::as_str).collect()
}

#[track_caller]
fn within(inner: &Span, outer: &Span) {
    assert!(
        inner.start_time_unix_nano >= outer.start_time_unix_nano,
        "{inner:?}\n{outer:?}"
    );
    assert!(
        inner.end_time_unix_nano <= outer.end_time_unix_nano,
        "{inner:?}\n{outer:?}"
    );
    assert!(
        inner.start_time_unix_nano <= inner.end_time_unix_nano,
        "{inner:?}"
    );
}

#[test]
fn a_diamond() {
    let collector = Collector::start(Some("200 OK"));
    let place = Place::with("diamond.yaml", DIAMOND);
    let outcome = place
        .orchestra(["run", "diamond.yaml"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=open%20sesame")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
        .env("TRACEPARENT", format!("00-{TRACE}-{CALLER}-01"))
        .run()
        .expect(0);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    let requests = collector.requests();
    for request in &requests {
        assert_eq!(request.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["x-key"], "open sesame");
    }

    let (spans, resource) = decode(&requests);
    assert_eq!(resource["service.name"], "orchestra");
    assert_eq!(resource["deployment.environment"], "test");
    let expected = [
        "join",
        "join attempt 1",
        "left",
        "left attempt 1",
        "right",
        "right attempt 1",
        "run diamond",
        "top",
        "top attempt 1",
    ];
    assert_eq!(names(&spans), expected);
    assert!(spans.values().all(|span| hex(&span.trace_id) == TRACE));

    let run = &spans["run diamond"];
    assert_eq!(hex(&run.parent_span_id), CALLER);
    let said = attributes(&run.attributes);
    assert_eq!(said["orchestra.run.outcome"], "completed");
    assert_eq!(said["orchestra.run.tasks"], "4");
    assert_eq!(said["orchestra.scenario"], "diamond");
    for task in ["top", "left", "right", "join"] {
        let (span, attempt) = (&spans[task], &spans[&format!("{task} attempt 1")]);
        assert_eq!(span.parent_span_id, run.span_id, "{task}");
        assert_eq!(attempt.parent_span_id, span.span_id, "{task}");
        within(span, run);
        within(attempt, span);
        // What the program was told its own spans belong to.
        let told = place.run_file(&format!("logs/{task}.1.out"));
        assert_eq!(told.trim(), format!("00-{TRACE}-{}-01", hex(&span.span_id)));
        let said = attributes(&span.attributes);
        assert_eq!(said["orchestra.task.status"], "done");
        assert!(
            said["orchestra.task.queue_wait_ms"].parse::<u64>().is_ok(),
            "{said:?}"
        );
        let leased: Vec<_> = span
            .events
            .iter()
            .map(|event| event.name.as_str())
            .collect();
        assert_eq!(leased, ["leased"]);
        assert_eq!(attributes(&attempt.attributes)["process.exit.code"], "0");
    }
    assert!(spans["join"].start_time_unix_nano >= spans["left"].end_time_unix_nano);
    assert!(spans["join"].start_time_unix_nano >= spans["right"].end_time_unix_nano);
}

const TROUBLE: &str = "\
version: 1
name: trouble
tasks:
  flaky:
    env: { WORD: sesame-in }
    run: echo sesame-out; echo sesame-err >&2; [ \"$ORCHESTRA_ATTEMPT\" = 2 ] && echo \"k=sesame-value\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { k: string }
    retry: { max: 1, delay: 10ms }
  broken:
    needs: [flaky]
    command: [sh, -c, 'exit 3', sesame-word]
  after:
    needs: [broken]
    run: 'true'
";

#[test]
fn retries_failures_and_skips_without_a_word_that_a_task_said() {
    let collector = Collector::start(Some("200 OK"));
    let place = Place::with("trouble.yaml", TROUBLE);
    place
        .orchestra(["run", "trouble.yaml"])
        .env(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            format!("{}/custom", collector.endpoint()),
        )
        .env("OTEL_SERVICE_NAME", "nightly")
        .run()
        .expect(1);
    let requests = collector.requests();
    assert_eq!(requests[0].line, "POST /custom HTTP/1.1");
    for request in &requests {
        let text = String::from_utf8_lossy(&request.body);
        assert!(!text.contains("sesame"), "{text}");
    }
    let (spans, resource) = decode(&requests);
    assert_eq!(resource["service.name"], "nightly");
    let expected = [
        "after",
        "broken",
        "broken attempt 1",
        "flaky",
        "flaky attempt 1",
        "flaky attempt 2",
        "run trouble",
    ];
    assert_eq!(names(&spans), expected);
    let status = |name: &str| spans[name].status.clone().unwrap_or_default();
    for (name, word) in [
        ("run trouble", "failed"),
        ("broken", "tool_failed"),
        ("broken attempt 1", "tool_failed"),
        ("flaky attempt 1", "tool_failed"),
    ] {
        assert_eq!(status(name).code(), StatusCode::Error, "{name}");
        assert_eq!(status(name).message, word, "{name}");
    }
    for name in ["flaky", "flaky attempt 2", "after"] {
        assert_eq!(status(name).code(), StatusCode::Unset, "{name}");
    }
    assert_eq!(
        attributes(&spans["broken attempt 1"].attributes)["process.exit.code"],
        "3"
    );
    assert_eq!(
        attributes(&spans["flaky"].attributes)["orchestra.task.attempts"],
        "2"
    );
    assert_eq!(
        attributes(&spans["after"].attributes)["orchestra.task.status"],
        "skipped"
    );
    assert!(spans["run trouble"].parent_span_id.is_empty());
}

const WIDE: &str = "\
version: 1
name: wide
tasks:
  each:
    for_each: [a, b]
    command: [\"true\"]
";

#[test]
fn items_are_beneath_what_they_are_items_of() {
    let collector = Collector::start(Some("200 OK"));
    let place = Place::with("wide.yaml", WIDE);
    place
        .orchestra(["run", "wide.yaml"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .run()
        .expect(0);
    let (spans, _) = decode(&collector.requests());
    for item in ["each[0]", "each[1]"] {
        assert_eq!(spans[item].parent_span_id, spans["each"].span_id);
        assert_eq!(
            spans[&format!("{item} attempt 1")].parent_span_id,
            spans[item].span_id
        );
        within(&spans[item], &spans["each"]);
    }
    assert_eq!(
        attributes(&spans["each"].attributes)["orchestra.task.children"],
        "2"
    );
    assert_eq!(spans["each"].parent_span_id, spans["run wide"].span_id);
}
