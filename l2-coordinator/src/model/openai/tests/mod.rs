//! The client against a server that enforces the rules, table by table. What it shares with Claude's
//! client (waits, limits, connections) is tested there.

mod calls;
mod failures;
mod rules;
mod support;
