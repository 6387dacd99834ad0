//! What the documents promise is true: their commands run, their examples parse, the tests that they
//! name exist.

mod claims;
mod commands;
mod examples;
mod reference;
mod text;
