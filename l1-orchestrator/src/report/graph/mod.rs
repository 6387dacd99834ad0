//! A plan as a picture: tasks and edges with what became of them, made small enough to be read, then
//! drawn as mermaid, DOT or SVG. Same picture, same bytes: `verify` draws it again.

mod collapse;
mod dot;
mod layout;
mod look;
mod mermaid;
mod picture;
mod sketch;
mod svg;
#[cfg(test)]
mod tests;
mod unfold;

pub use dot::dot;
pub use look::Look;
pub use mermaid::mermaid;
pub use picture::{Picture, picture};
pub use svg::{Place, standalone, svg};
