//! The live view on a real terminal: what is on its screen while a run goes on, and afterwards.

mod approving;
mod asking;
mod live;
mod planning;
mod screen;
mod stopping;
