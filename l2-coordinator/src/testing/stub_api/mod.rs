//! A stand-in for the providers of models, on a port of its own of 127.0.0.1: it enforces the rules of
//! their interfaces, answers as it is told to, and remembers what it was asked. For tests of every
//! crate, and by hand through `examples/stub_api.rs`. Not a model: it knows no answer of its own.
//!
//! [`Stub::start`], then [`Stub::queue`] what the next requests get, or [`Stub::answer`] with a
//! function. A request that breaks a rule gets the provider's error and uses up nothing.

mod act;
mod anthropic;
mod anthropic_said;
mod http;
mod openai;
mod schema;
mod server;

pub use act::{Act, Failure, Said};
pub use http::Recorded;
#[cfg(test)]
pub(crate) use schema::check as check_schema;
pub use server::{KEY, Stub};
