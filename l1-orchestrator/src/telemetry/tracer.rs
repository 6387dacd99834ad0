//! The observer: hands the spans of what is over to the sender, and says at the end what was lost.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, TraceId};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Config, SamplingDecision, SpanExporter as _};
use protocol::event::{Event, EventKind};
use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::calls;
use super::sender::{Losses, Sender};
use super::spans::{self, Trace};
use super::wanted::{Wanted, wanted};
use crate::report::{Reporter, RunSummary};
use crate::ui::{Ui, sanitize};

/// Sends spans of the run if the environment asks for them.
pub fn reporter(ui: &Arc<Ui>, plan: Option<Arc<Plan>>) -> Option<Box<dyn Reporter>> {
    let stage = match wanted(|name| std::env::var(name).ok()) {
        Wanted::Nothing => return None,
        Wanted::Refused(why) => Stage::Refused(why),
        Wanted::Spans(host) => Stage::Waiting { host },
    };
    let ui = Arc::clone(ui);
    Some(Box::new(Tracer { ui, plan, stage }))
}

struct Tracer {
    ui: Arc<Ui>,
    plan: Option<Arc<Plan>>,
    stage: Stage,
}

enum Stage {
    /// Nothing to send yet, and no thread.
    Waiting { host: String },
    /// Spans are sent.
    Sending {
        host: String,
        trace: Trace,
        sender: Sender,
    },
    /// Nothing is, and why is to be said.
    Refused(String),
    /// Nothing is, and nothing is to be said: the trace is not sampled, or all was said.
    Silent,
}

/// Longest cause shown.
const MAX_CAUSE: usize = 200;
/// What the resource is called unless `OTEL_SERVICE_NAME` says otherwise.
const SERVICE: &str = "orchestra";

impl Reporter for Tracer {
    fn on_event(&mut self, event: &Event, summary: &RunSummary) {
        let (task, is_over) = match &event.kind {
            EventKind::TaskDone { task, .. }
            | EventKind::TaskFailed { task, .. }
            | EventKind::TaskSkipped { task, .. }
            | EventKind::TaskCancelled { task } => (Some(task), false),
            EventKind::RunFinished { .. } => (None, true),
            _ => return,
        };
        self.begin(summary);
        let Stage::Sending { trace, sender, .. } = &self.stage else {
            return;
        };
        if let Some(task) = task {
            let spans = spans::of_task(trace, summary, self.plan.as_deref(), task);
            spans.into_iter().for_each(|span| sender.send(span));
        }
        if is_over {
            // Not when they end: the first calls are made before any process is there.
            let calls = calls::of_calls(trace, summary).into_iter();
            let all = calls.chain(spans::of_run(trace, summary));
            all.for_each(|span| sender.send(span));
        }
    }

    fn on_tick(&mut self, _: Timestamp, _: &RunSummary) {}

    fn finish(&mut self, _: &RunSummary) {
        let said = match std::mem::replace(&mut self.stage, Stage::Silent) {
            Stage::Waiting { .. } | Stage::Silent => return,
            Stage::Refused(why) => why,
            Stage::Sending { host, sender, .. } => match lost(&sender.close(), &host) {
                Some(said) => said,
                None => return,
            },
        };
        self.ui.note(&format!("warning[traces-unsent]: {said}"));
    }
}

impl Tracer {
    /// With the first span, not before: by then every process that is copied from this one has been.
    fn begin(&mut self, summary: &RunSummary) {
        let Stage::Waiting { host } = &mut self.stage else {
            return;
        };
        let Some((_, started)) = &summary.started else {
            return;
        };
        let host = std::mem::take(host);
        self.stage = match trace_of(&started.trace_id) {
            None => Stage::Silent,
            Some(trace) => match Sender::start(exporter) {
                Ok(sender) => Stage::Sending {
                    host,
                    trace,
                    sender,
                },
                Err(error) => Stage::Refused(format!("spans are not sent to {host}: {error}")),
            },
        };
    }
}

fn lost(losses: &Losses, host: &str) -> Option<String> {
    let Losses { of, lost, cause } = losses;
    if *lost == 0 {
        return None;
    }
    let cause = sanitize(cause.as_deref().unwrap_or("unknown cause"));
    let cause: String = cause.chars().take(MAX_CAUSE).collect();
    Some(format!(
        "{lost} of {of} spans did not reach {host}: {cause}"
    ))
}

/// The run's trace, if it is to be recorded: as `OTEL_TRACES_SAMPLER` and the caller's trace say.
fn trace_of(id: &str) -> Option<Trace> {
    let id = TraceId::from_hex(id).ok()?;
    let carrier = std::env::var("TRACEPARENT").map(|value| ("traceparent".to_owned(), value));
    let carrier: HashMap<_, _> = carrier.into_iter().collect();
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    let caller = context.span().span_context().clone();
    // A run that is taken up keeps its trace, whoever takes it up.
    let caller = (caller.is_valid() && caller.trace_id() == id).then(|| caller.span_id());
    let context = match caller {
        Some(_) => context,
        None => Context::new(),
    };
    let kind = SpanKind::Internal;
    let sampler = Config::default().sampler;
    let result = sampler.should_sample(Some(&context), id, "run", &kind, &[], &[]);
    (result.decision == SamplingDecision::RecordAndSample).then_some(Trace { id, caller })
}

fn exporter() -> Result<SpanExporter, String> {
    let protocol = opentelemetry_otlp::Protocol::HttpBinary;
    let built = SpanExporter::builder().with_http().with_protocol(protocol);
    let mut exporter = built.build().map_err(|error| error.to_string())?;
    let named = Resource::builder().build();
    let name = named
        .get_ref(&"service.name".into())
        .map(|name| name.to_string());
    let is_named = name.is_some_and(|name| !name.starts_with("unknown_service"));
    let resource = match is_named {
        true => named,
        false => Resource::builder().with_service_name(SERVICE).build(),
    };
    exporter.set_resource(&resource);
    Ok(exporter)
}
