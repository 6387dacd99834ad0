//! Values that only tasks may see: where they come from on this host, who is granted them, and how they
//! are kept out of everything else.
//!
//! A value is resolved at first need and once in a run. From then on every stream, value, file and message
//! of every task of the run is searched for it: a secret can travel through files.

mod command;
mod error;
mod file;
mod guard;
mod secret;
mod system;

pub use error::{SecretError, Why};
pub use guard::{Granted, Guard};
pub use secret::{MAX_SECRET_BYTES, Secret};
pub use system::{Host, SystemSecrets, Variable};

use std::sync::Arc;
use std::time::Duration;

use crate::stop::Stop;

/// Where values are had from.
pub trait SecretStore: Send + Sync {
    /// The value of this name; the same answer at every call that waits long enough.
    ///
    /// # Errors
    /// There is none, or none that can be kept secret, or `stop` was ordered
    /// or the time was over while it was looked for.
    fn get(&self, name: &str, stop: &Stop, within: Duration) -> Result<Arc<Secret>, SecretError>;
}
