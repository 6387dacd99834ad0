//! What a contract case needs besides the trait.

use std::sync::Arc;

use async_trait::async_trait;

use crate::bus::Bus;

/// One bus to test, made afresh for every case.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// The bus.
    fn bus(&self) -> Arc<dyn Bus>;

    /// A subject token `[a-z0-9]+` that no other case uses on the same server, not even an earlier
    /// one: streams and subjects are named with it.
    fn token(&self) -> &str;

    /// Restarts the server behind the bus, keeping what it stored; returns once calls work again.
    async fn restart(&self);
}
