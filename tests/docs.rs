//! What the documents promise is true: their commands run, their examples parse, the tests that they
//! name exist.

mod claims;
mod commands;
mod reference;
mod text;
