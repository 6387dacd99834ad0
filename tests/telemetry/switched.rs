//! What turns it off, and what this build does not do.

use super::collector::Collector;
use crate::support::{Outcome, Place};

const ONE: &str = "version: 1\nname: one\ntasks:\n  a:\n    run: 'true'\n";

fn run(variables: &[(&str, &str)]) -> Outcome {
    let place = Place::with("one.yaml", ONE);
    let command = place.orchestra(["run", "one.yaml"]);
    let set = variables
        .iter()
        .fold(command, |command, (name, value)| command.env(name, value));
    set.run().expect(0)
}

#[test]
fn nobody_is_called_who_was_not_asked_for() {
    let collector = Collector::start(Some("200 OK"));
    let endpoint = collector.endpoint();
    let on = ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str());
    let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for variables in [
        &[on, ("OTEL_SDK_DISABLED", "true")],
        &[on, ("OTEL_TRACES_EXPORTER", "none")],
        &[on, ("OTEL_TRACES_SAMPLER", "always_off")],
        &[on, ("TRACEPARENT", unsampled)],
        &[
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", on.1),
            ("OTEL_SERVICE_NAME", "x"),
        ],
    ] {
        let said = run(variables).stderr;
        assert!(!said.contains("warning"), "{said}");
    }
    let asked = collector.requests();
    assert!(asked.is_empty(), "{asked:?}");
    run(&[on]);
    assert!(
        !collector.requests().is_empty(),
        "and with the endpoint alone somebody is"
    );
}

#[test]
fn what_this_build_does_not_do_is_said_once() {
    for (variables, said) in [
        (
            [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ],
            "warning[traces-unsent]: the OTLP protocol `grpc` is not in this build: \
             set http/protobuf, port 4318 as a rule\n",
        ),
        (
            [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@localhost"),
                ("OTEL_SERVICE_NAME", "x"),
            ],
            "warning[traces-unsent]: spans are sent by http:// only: name a collector on this machine or network\n",
        ),
    ] {
        let stderr = run(&variables).stderr;
        assert_eq!(stderr.matches("traces-unsent").count(), 1, "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
        assert!(!stderr.contains("secret"), "{stderr}");
    }
}
