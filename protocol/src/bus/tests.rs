//! The contract suite on the memory bus, under simulated and under real time.

mod contract_coverage;
mod faults;
mod fixture;
mod memory_extra;
mod model;
mod threads;

/// One thread and a clock that jumps: what every simulation runs on.
mod simulated {
    use super::fixture::Memory;

    crate::bus_contract!(Memory::default(); #[tokio::test(start_paused = true)]);
}

/// Real threads, real time.
mod threaded {
    use super::fixture::Memory;

    crate::bus_contract!(Memory::default(); #[tokio::test(flavor = "multi_thread", worker_threads = 2)]);
}

/// The fault wrapper without faults is no other bus.
mod undisturbed {
    use super::fixture::Undisturbed;

    crate::bus_contract!(Undisturbed::default(); #[tokio::test(start_paused = true)]);
}
