//! What a filter depends on.

use protocol::policy::{Network, SandboxLevel, UnixSockets};

use crate::sandbox::rules::Confinement;

/// What one filter program denies; two attempts with equal fences can share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fences {
    /// `none` has no filter.
    pub level: SandboxLevel,
    /// Network.
    pub network: Network,
    /// Unix sockets; private ones are possible in `strict` without a network only.
    pub unix_sockets: UnixSockets,
    /// `ptrace` and what goes with it are allowed.
    pub debug: bool,
    /// Telling calls are answered by the slot process instead of the filter, so that they can be
    /// reported. What is denied stays the same.
    pub observe: bool,
}

impl Fences {
    /// Of what confines a slot process.
    #[must_use]
    pub fn of(confinement: &Confinement, observe: bool) -> Self {
        let confine = &confinement.confine;
        Self {
            level: confinement.level,
            network: confine.network,
            unix_sockets: confine.unix_sockets,
            debug: confine.debug,
            observe,
        }
    }

    /// Internet sockets can be made. In `strict` they always can: without a network they reach the
    /// attempt's own loopback interface and nothing else.
    #[must_use]
    pub fn internet(&self) -> bool {
        self.level == SandboxLevel::Strict || self.network == Network::Full
    }

    /// Unix sockets can be made. Abstract names are the host's where its network is, and paths are
    /// where its files are.
    #[must_use]
    pub fn unix(&self) -> bool {
        self.level == SandboxLevel::Strict
            && self.network == Network::None
            && self.unix_sockets == UnixSockets::Private
    }

    /// Connections are looked at: there is no network, and a socket can be made all the same.
    #[must_use]
    pub fn watches_connections(&self) -> bool {
        self.observe && self.internet() && self.network == Network::None
    }
}
