//! The memory bus as a contract fixture.

use std::sync::Arc;

use async_trait::async_trait;

use crate::bus::contract::Fixture;
use crate::bus::{Bus, FaultBus, Faults, MemoryBus};

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

/// The same behind a wrapper whose dice never strike.
pub(super) struct Undisturbed {
    memory: Arc<MemoryBus>,
    wrapped: Arc<FaultBus>,
}

impl Default for Undisturbed {
    fn default() -> Self {
        let memory = Arc::new(MemoryBus::new());
        let inner = Arc::clone(&memory) as Arc<dyn Bus>;
        Self {
            memory,
            wrapped: Arc::new(FaultBus::new(inner, 1, Faults::none())),
        }
    }
}

#[async_trait]
impl Fixture for Undisturbed {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::clone(&self.wrapped) as Arc<dyn Bus>
    }

    fn token(&self) -> &str {
        "t"
    }

    async fn restart(&self) {
        self.memory.restart();
    }
}
