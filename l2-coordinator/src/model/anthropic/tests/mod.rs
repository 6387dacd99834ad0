//! The client against a provider that enforces the rules.

mod calls;
mod support;
