//! Spans of a run for whoever collects traces: run, tasks, attempts, as OTLP over HTTP.
//!
//! Off unless the standard `OTEL_*` variables name an endpoint. An observer like any other: it folds
//! nothing of its own, sends no output and no value of a task, and its failure is one line.

mod calls;
mod sender;
mod spans;
mod tracer;
mod wanted;

pub use tracer::reporter;
