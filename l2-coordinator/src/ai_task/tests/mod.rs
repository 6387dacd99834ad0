//! Attempts against scripted models, and the parts of one by themselves.

mod attempts;
mod contexts;
mod fallbacks;
mod parsers;
mod schemas;
mod support;
