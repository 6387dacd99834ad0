//! The slot processes of one slot: one for each confinement that its attempts lately had.
//!
//! A slot process is set up once and confines every attempt it runs in the same way. Another
//! confinement gets another process, so that neither a network nor a process namespace is ever
//! shared between policies. Attempts of one slot never overlap, whichever process runs them.

use std::io;
use std::os::fd::AsFd as _;

use super::pump::Pipe;
use crate::launcher::{Launcher, SlotProcess, Spawn};
use crate::sandbox::Confinement;

/// Tasks of a run differ in few ways; an idle process costs some memory and its namespaces.
const MAX_PROCESSES: usize = 4;

/// Most recently used first.
#[derive(Debug, Default)]
pub(super) struct Processes {
    held: Vec<(Confinement, SlotProcess)>,
}

impl Processes {
    /// Hands an attempt to the process that confines like this; to a new one when there is none, or
    /// the old one is gone.
    ///
    /// # Errors
    /// The request is too large, or no process can be had.
    pub(super) fn start(
        &mut self,
        launcher: &Launcher,
        confinement: &Confinement,
        spawn: &Spawn,
        [out, err]: &[Pipe; 2],
    ) -> io::Result<()> {
        let found = self.held.iter().position(|(held, _)| held == confinement);
        if let Some(at) = found {
            self.held[..=at].rotate_right(1);
            let (_, process) = &self.held[0];
            match process.spawn(spawn, out.write.as_fd(), err.write.as_fd()) {
                Err(error) if error.kind() != io::ErrorKind::ArgumentListTooLong => {
                    self.held.remove(0);
                }
                sent => return sent,
            }
        }
        self.held.truncate(MAX_PROCESSES - 1);
        let process = launcher.slot(confinement)?;
        let sent = process.spawn(spawn, out.write.as_fd(), err.write.as_fd());
        self.held.insert(0, (confinement.clone(), process));
        sent
    }

    /// The one that was started last.
    pub(super) fn current(&mut self) -> Option<&mut SlotProcess> {
        self.held.first_mut().map(|(_, process)| process)
    }

    /// Gives the current one up.
    pub(super) fn take_current(&mut self) -> Option<SlotProcess> {
        (!self.held.is_empty()).then(|| self.held.remove(0).1)
    }
}
