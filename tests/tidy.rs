//! Rules about the tree itself that no compiler checks: who may import whom, what may come in, and
//! what a source file looks like.

mod files;
mod graph;
mod rules;
mod supply;
mod tree;
