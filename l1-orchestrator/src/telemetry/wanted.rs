//! What the standard `OTEL_*` variables ask for, as far as it decides whether spans are sent at all.
//! Headers, timeouts, compression and sampling are read by the exporter itself.

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: nobody named an endpoint, or somebody turned it off.
    Nothing,
    /// Something that this build does not do; one line.
    Refused(String),
    /// Spans, to this host; for people.
    Spans(String),
}

/// Reads variables through `var`; an empty one is as good as none.
pub(super) fn wanted(var: impl Fn(&str) -> Option<String>) -> Wanted {
    let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
    let of_traces = |name: &str| {
        let own = var(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
        own.or_else(|| var(&format!("OTEL_EXPORTER_OTLP_{name}")))
    };
    if var("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Wanted::Nothing;
    }
    let Some(endpoint) = of_traces("ENDPOINT") else {
        return Wanted::Nothing;
    };
    if let Some(exporters) = var("OTEL_TRACES_EXPORTER") {
        let mut names = exporters.split(',').map(str::trim);
        if !names.any(|name| name == "otlp") {
            return Wanted::Nothing;
        }
    }
    match of_traces("PROTOCOL").as_deref() {
        None | Some("http/protobuf") => {}
        Some(other) => {
            let other = crate::ui::sanitize(other);
            return Wanted::Refused(format!(
                "the OTLP protocol `{other}` is not in this build: set http/protobuf, port 4318 as a rule"
            ));
        }
    }
    match endpoint.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Wanted::Spans(host(rest)),
        _ => Wanted::Refused(
            "spans are sent by http:// only: name a collector on this machine or network".into(),
        ),
    }
}

/// Host and port of what follows the scheme, without credentials.
fn host(rest: &str) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    crate::ui::sanitize(host).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

    fn with(variables: &[(&str, &str)]) -> Wanted {
        wanted(|name| {
            let found = variables.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_without_an_endpoint_or_when_turned_off() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "console, zipkin")],
            &[(
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                "http://localhost:4318",
            )],
        ] {
            assert_eq!(with(variables), Wanted::Nothing, "{variables:?}");
        }
    }

    #[test]
    fn an_endpoint_turns_it_on_and_its_credentials_are_not_shown() {
        for variables in [
            &[ENDPOINT][..],
            &[
                ENDPOINT,
                ("OTEL_SDK_DISABLED", "false"),
                ("OTEL_TRACES_EXPORTER", "console, otlp"),
            ],
            &[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
            &[(
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "HTTP://me:secret@localhost:4318/v1/traces?x",
            )],
            &[
                ENDPOINT,
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ],
        ] {
            let expected = Wanted::Spans("localhost:4318".into());
            assert_eq!(with(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_this_build_does_not_do_is_said() {
        for (variables, word) in [
            (
                &[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..],
                "`grpc`",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a.example")],
                "http:// only",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")],
                "http:// only",
            ),
        ] {
            let Wanted::Refused(said) = with(variables) else {
                panic!("{variables:?}");
            };
            assert!(said.contains(word), "{said}");
        }
    }
}
