//! One integration binary over the whole product. A test of the tree checks that no file is left out
//! of a module list.

mod cli;
mod scenarios;
mod support;
mod tidy;
