//! The strongest level, set up once for all attempts of a slot process: namespaces, view, network,
//! first process. Each attempt adds a mount and an ipc namespace and loses every capability.

use std::os::fd::AsFd as _;
use std::path::PathBuf;

use protocol::policy::{Limits, Network};
use rustix::thread::UnshareFlags;

use super::init::Init;
use super::landlock::{Access, Rules};
use super::linux::{self, Stack};
use super::net::Net;
use super::paths::Paths;
use super::private::Private;
use super::problem::{broken, denied};
use super::root::{self, Entered};
use super::rules::Confinement;
use super::user::Who;
use super::view::View;
use crate::launcher::{Processes, Unavailable};

/// Of an attempt's private temporary files when its policy does not say: they are memory.
const DEFAULT_TMP_BYTES: u64 = 1024 * 1024 * 1024;
/// What `uname` says inside.
const HOST_NAME: &[u8] = b"orchestra";

/// What a slot process keeps of it.
#[derive(Debug)]
pub(super) struct Strict {
    who: Who,
    private: Private,
    net: Option<Net>,
    rules: Vec<(PathBuf, Access)>,
}

/// Enters the namespaces; this process does not see the host's files any more afterwards.
pub(super) fn set_up(
    confinement: &Confinement,
    number: u32,
    processes: &Processes,
) -> Result<(Strict, Init), Unavailable> {
    let proc = processes.as_fd();
    let maps = fs_err::read_to_string("/proc/self/uid_map");
    let who = maps.and_then(|maps| Who::of_slot(number, &maps));
    let who = who.map_err(|error| broken("who attempts are", &error))?;
    let paths = Paths::of(confinement)
        .map_err(|refused| broken("paths of the policy", &std::io::Error::other(refused)))?;
    let owners = View::owners(&paths, who)?;

    let alone = confinement.confine.network == Network::None;
    let mut namespaces = UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP
        | UnshareFlags::NEWPID;
    if matches!(who, Who::Same { .. }) {
        namespaces |= UnshareFlags::NEWUSER;
    }
    if alone {
        namespaces |= UnshareFlags::NEWNET;
    }
    linux::unshare(namespaces).map_err(|error| denied("new namespaces", &error))?;
    who.map(proc)
        .map_err(|error| denied("the user of the namespace", &error))?;
    let net = match alone {
        true => Some(Net::set_up(proc).map_err(|error| denied("a network of its own", &error))?),
        false => None,
    };
    rustix::system::sethostname(HOST_NAME).map_err(|error| denied("a host name", &error.into()))?;
    let view = View::take(paths, who, owners, !alone)?;
    let Entered { lent, rules } = root::enter(view)?;
    let init = Init::start(proc).map_err(|error| denied("processes of its own (/proc)", &error))?;
    root::seal()?;
    let strict = Strict {
        who,
        private: Private::new(lent),
        net,
        rules,
    };
    Ok((strict, init))
}

impl Strict {
    /// Before an attempt: its temporary files are as many as may be and none yet, and the network is empty.
    pub(super) fn prepare(
        &mut self,
        limits: &Limits,
        processes: &Processes,
        stack: &Stack,
    ) -> std::io::Result<()> {
        let tmp_bytes = limits.tmp_bytes.unwrap_or(DEFAULT_TMP_BYTES);
        let temporary = self.private.prepare(tmp_bytes);
        temporary.map_err(|error| std::io::Error::other(format!("temporary files: {error}")))?;
        match &mut self.net {
            Some(net) => net.renew(processes.as_fd(), stack),
            None => Ok(()),
        }
    }

    /// After an attempt: nothing stays in memory that it wrote.
    pub(super) fn tidy(&mut self) {
        // What failed keeps the next attempt from being prepared.
        let _tidied = self.private.tidy();
    }

    /// What Landlock says once more, where mounts say it already.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            paths: self.rules.clone(),
            deny_tcp: false,
            unprotected: Vec::new(),
        }
    }

    /// The user that attempts become.
    pub(super) fn identity(&self) -> Option<u32> {
        match self.who {
            Who::Same { .. } => None,
            Who::StandIn(id) => Some(id),
        }
    }

    /// Processes of the slot's own that the kernel counts beside the attempt's.
    pub(super) fn uncounted(&self) -> u64 {
        match self.who {
            // The slot process and the first process of the namespace.
            Who::Same { .. } => 2,
            Who::StandIn(_) => 0,
        }
    }
}
