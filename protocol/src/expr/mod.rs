//! Expressions: `${{ … }}` in values, bare in `if:`.
//!
//! The language is minijinja's, expressions only. This module finds them in a text, lists what they
//! refer to without running anything, and (feature `expr`) evaluates them against a [`Scope`] with
//! fuel and a size bound. There are no statements, no loops, no filters that could grow a value
//! without limit, and no access to anything a [`Scope`] does not answer.

mod condition;
#[cfg(feature = "expr")]
mod environment;
#[cfg(feature = "expr")]
mod eval;
#[cfg(all(test, feature = "expr"))]
mod eval_tests;
mod lex;
mod reader;
#[cfg(test)]
mod reader_tests;
mod reference;
mod scope;
mod semantics;
mod slips;
mod status_words;
mod template;

pub use condition::Condition;
#[cfg(feature = "expr")]
pub use eval::ExprError;
pub use reference::{ArtifactField, ExprProblem, Reference, Target};
pub(crate) use reference::{is_variable_name, unknown_root};
pub use scope::{Nothing, Scope};
pub use semantics::{Gate, NeedOutcome, Verdict, any_failure, verdict};
pub use template::Template;

/// Most bytes of one evaluated value.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most bytes between one pair of delimiters; a longer one is a program, and belongs in a task.
pub const MAX_EXPRESSION_BYTES: usize = 4096;
/// Most expressions in one value.
pub const MAX_EXPRESSIONS: usize = 64;
