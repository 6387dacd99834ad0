//! The memory bus as a contract fixture.

use std::sync::Arc;

use async_trait::async_trait;

use crate::bus::contract::Fixture;
use crate::bus::{Bus, MemoryBus};

#[derive(Default)]
pub(super) struct Memory(Arc<MemoryBus>);

#[async_trait]
impl Fixture for Memory {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::clone(&self.0) as Arc<dyn Bus>
    }

    fn token(&self) -> &str {
        "t"
    }

    async fn restart(&self) {
        self.0.restart();
    }
}
