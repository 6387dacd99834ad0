//! Spans by the standard `OTEL_*` variables: to a collector of the test's own, to one that is not there,
//! and to one that never answers.

mod calls;
mod collector;
mod switched;
mod tree;
mod unreachable;
