//! Spans of model calls, in the words of the semantic conventions for generative AI. These are in
//! development: their names stand here and nowhere else. Numbers and names only, never a text.

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use protocol::budget::{Purpose, Settled};
use protocol::trace::{call_span, run_span, task_span};

use super::spans::{Draft, Trace, count};
use crate::report::{Call, RunSummary};

/// All calls that ended, once the run is over.
pub(super) fn of_calls(trace: &Trace, summary: &RunSummary) -> Vec<SpanData> {
    let calls = summary.calls.list.iter();
    calls
        .filter_map(|call| of_call(trace, summary, call))
        .collect()
}

fn of_call(trace: &Trace, summary: &RunSummary, call: &Call) -> Option<SpanData> {
    let (_, started) = summary.started.as_ref()?;
    let (end, settled) = call.ended.as_ref()?;
    let reserved = &call.reserved;
    let task = reserved.task.as_ref();
    let task = task.filter(|task| summary.task(task).is_some());
    let operation = match reserved.purpose {
        Purpose::Plan | Purpose::Goal => "plan",
        Purpose::Prompt => "chat",
    };
    let mut span = Draft {
        id: call_span(started.run_id, reserved.call),
        parent: Some(SpanId::from_bytes(match task {
            Some(task) => task_span(started.run_id, task),
            None => run_span(started.run_id),
        })),
        name: format!("{operation} {}", reserved.model).into(),
        from: call.began,
        to: *end,
    }
    .span(trace);
    span.span_kind = SpanKind::Client;
    span.attributes = vec![
        KeyValue::new("gen_ai.operation.name", operation),
        KeyValue::new("gen_ai.provider.name", reserved.provider.clone()),
        KeyValue::new("gen_ai.request.model", reserved.model.clone()),
        KeyValue::new("gen_ai.request.max_tokens", count(reserved.output)),
        KeyValue::new("gen_ai.conversation.id", started.run_id.to_string()),
        KeyValue::new("orchestra.call.id", count(reserved.call.0)),
    ];
    let answered = settled.used.first().map(|used| used.model.clone());
    // The provider's id of the request, which its support asks for; of the answer it tells another.
    let known = settled.request_id.clone();
    let names = [
        ("gen_ai.response.model", answered),
        ("orchestra.call.request_id", known),
    ];
    let names = names.into_iter();
    let named = names.filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    span.attributes.extend(named);
    span.attributes.extend(used(settled));
    if let Some(failure) = &settled.failure {
        let class = failure.class.as_str();
        span.attributes.push(KeyValue::new("error.type", class));
        span.status = Status::error(class);
    }
    Some(span)
}

fn used(settled: &Settled) -> Vec<KeyValue> {
    let usage = settled.usage();
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let tokens = [
        // With what a cache held.
        ("gen_ai.usage.input_tokens", usage.prompt()),
        ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
        ("gen_ai.usage.cache_write.input_tokens", written),
        ("gen_ai.usage.output_tokens", usage.output),
        ("gen_ai.usage.reasoning.output_tokens", usage.thinking),
    ];
    let tokens = tokens.into_iter();
    let mut all: Vec<_> = tokens
        .map(|(name, tokens)| KeyValue::new(name, count(tokens)))
        .collect();
    if let Some(usd) = settled.usd {
        // As a text: dollars are exact here, and a float is not.
        all.push(KeyValue::new("orchestra.call.usd", usd.exact()));
    }
    let flags = [
        ("orchestra.call.estimated", settled.estimated),
        ("orchestra.call.fixture", settled.fixture),
    ];
    let flags = flags.into_iter().filter(|(_, is_so)| *is_so);
    all.extend(flags.map(|(name, is_so)| KeyValue::new(name, is_so)));
    all
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceId;
    use protocol::budget::{CallId, Money, Reserved, Usage, Used};
    use protocol::digest::Digest;
    use protocol::event::{Event, EventKind, RunStarted};
    use protocol::outcome::{Failure, FailureClass};
    use protocol::policy::SandboxLevel;
    use protocol::time::Timestamp;

    use super::*;

    fn started() -> EventKind {
        EventKind::RunStarted(Box::new(RunStarted {
            version: 1,
            run_id: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
            scenario: "story".parse().unwrap(),
            run_file: None,
            scenario_file: Digest::of(b"scenario"),
            policy: "default@0".into(),
            policy_digest: Digest::of(b"policy"),
            coordinator: "c-1".parse().unwrap(),
            slots: 2,
            level: SandboxLevel::None,
            trace_id: "0".repeat(32),
            orchestra: "0.1.0".into(),
            retry_of: None,
            unplanned: None,
        }))
    }

    fn reserved(call: u64, purpose: Purpose) -> Reserved {
        Reserved {
            call: CallId(call),
            task: None,
            purpose,
            round: 0,
            provider: "anthropic".into(),
            model: "claude-opus-5-5".into(),
            request: Digest::of(b"request"),
            prompt: 100,
            output: 4_000,
            usd: Some(Money::from_nanos(90_000_000)),
        }
    }

    #[test]
    fn a_call_is_a_span_with_its_tokens_and_dollars() {
        let usage = Usage {
            input: 10,
            cache_write_5m: 3,
            cache_write_1h: 2,
            cache_read: 5,
            output: 30,
            thinking: 7,
        };
        let (first, second) = (reserved(1, Purpose::Plan), reserved(2, Purpose::Prompt));
        let model = first.model.clone();
        let settled = Settled {
            used: vec![Used { model, usage }],
            usd: Some(Money::from_nanos(1_250_000)),
            estimated: false,
            request_id: Some("req_011".into()),
            ..first.in_full(None)
        };
        let failure = Failure::new(FailureClass::ProviderTransient, "overloaded");
        let failed = second.in_full(Some(failure));
        let kinds = [
            started(),
            EventKind::BudgetReserved(Box::new(first)),
            EventKind::BudgetSettled(Box::new(settled)),
            EventKind::BudgetReserved(Box::new(second)),
            EventKind::BudgetSettled(Box::new(failed)),
            EventKind::BudgetReserved(Box::new(reserved(3, Purpose::Plan))),
        ];
        let mut summary = RunSummary::default();
        for (seq, kind) in (1_i64..).zip(kinds) {
            let ts = Timestamp::from_micros(seq * 1_000_000);
            let seq = seq.unsigned_abs();
            summary.apply(&Event { seq, ts, kind });
        }
        let trace = Trace {
            id: TraceId::from(7),
            caller: None,
        };
        let spans = of_calls(&trace, &summary);
        let [plan, prompt] = &spans[..] else {
            panic!("{spans:?}");
        };
        assert_eq!(plan.name, "plan claude-opus-5-5");
        let shown = |span: &SpanData| -> Vec<String> {
            let all = span.attributes.iter();
            all.map(|one| format!("{}={}", one.key, one.value))
                .collect()
        };
        assert_eq!(
            shown(plan)[3..],
            [
                "gen_ai.request.max_tokens=4000",
                "gen_ai.conversation.id=0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a",
                "orchestra.call.id=1",
                "gen_ai.response.model=claude-opus-5-5",
                "orchestra.call.request_id=req_011",
                "gen_ai.usage.input_tokens=20",
                "gen_ai.usage.cache_read.input_tokens=5",
                "gen_ai.usage.cache_write.input_tokens=5",
                "gen_ai.usage.output_tokens=30",
                "gen_ai.usage.reasoning.output_tokens=7",
                "orchestra.call.usd=0.00125",
            ]
        );
        assert_eq!(plan.status, Status::Unset);
        assert_eq!(prompt.status, Status::error("provider_transient"));
        let all = shown(prompt);
        assert!(all.contains(&"orchestra.call.estimated=true".to_owned()));
        assert!(all.contains(&"gen_ai.operation.name=chat".to_owned()));
    }
}
