//! The client against a provider that enforces the rules, table by table.

mod calls;
mod errors;
mod lookups;
mod prefix;
mod rules;
mod secrets;
mod stops;
mod streams;
mod support;
mod times;
mod transport;
