//! `report.html`: the report for a browser. One file, no script, nothing fetched; dark, light and on
//! paper; every task and attempt has an anchor.
//!
//! Order as in Markdown. Everything that did not come from here is escaped where it is put in; each
//! part has a bound, so that the page has one.

mod context;
mod failures;
mod page;
mod policy;
mod record;
#[cfg(test)]
mod tests;

pub use page::render;
