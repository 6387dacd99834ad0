//! Whether this machine is ready for runs: facts first, then what each means.
//!
//! A folder is judged by its permissions and its file system, a program by its file: nothing is written
//! or started. The sandbox alone is judged by trying it, in a private temporary directory and on this
//! machine's loopback interface; and the provider of models, only when somebody says so.

mod clock;
mod disk;
mod finding;
mod folders;
mod limits;
mod models;
mod places;
mod sandbox;
mod settings;
mod terminal;
mod tools;

pub use finding::{Finding, Level};
pub use places::Places;
pub use terminal::Terminal;

use crate::settings::Models;

/// Everything there is to say, in the order it is told. `quick` leaves out what keeps no run from
/// working; `online` asks the provider of models.
#[must_use]
pub fn examine(
    places: &Places,
    models: &Models,
    terminal: &Terminal,
    quick: bool,
    online: bool,
) -> Vec<Finding> {
    let mut found = tools::examine(quick);
    found.extend(settings::examine(places));
    found.extend(folders::examine(places));
    found.extend(disk::examine(places));
    found.extend(limits::examine(places.slots));
    if !quick || online {
        found.extend(models::examine(models, online));
    }
    if !quick {
        found.extend(clock::examine(places));
        found.extend(sandbox::examine());
        found.extend(terminal::examine(terminal));
    }
    found
}
