//! The first process of a slot's process namespace. It waits: orphans fall to it, the kernel reaps them
//! for it, and when it is told to, or its slot process is gone, everything in the namespace dies.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::mount::MountFlags;
use rustix::process::{DumpableBehavior, Pid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::linux;

/// The slot process's side of it.
#[derive(Debug)]
pub(crate) struct Init {
    pid: Pid,
    control: OwnedFd,
    children: OwnedFd,
}

impl Init {
    /// The next child of this process must be the first of a process namespace. It mounts that
    /// namespace's `/proc`; `proc` shows this process's own.
    pub(super) fn start(proc: BorrowedFd<'_>) -> io::Result<Self> {
        let (control, theirs) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        let Some(pid) = linux::fork()? else {
            serve(theirs);
        };
        drop(theirs);
        let mut answer = [0; 4];
        let read = rustix::io::read(&control, &mut answer)?;
        if read != answer.len() {
            return Err(io::Error::other("the first process of the namespace ended"));
        }
        match i32::from_ne_bytes(answer) {
            0 => {}
            errno => return Err(io::Error::from_raw_os_error(errno)),
        }
        let number = pid.as_raw_nonzero();
        let path = format!("{number}/task/{number}/children");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let children = rustix::fs::openat(proc, path, flags, Mode::empty())?;
        Ok(Self {
            pid,
            control,
            children,
        })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether nothing is left in its namespace; only once the payload was reaped. What a dead process
    /// leaves has fallen to it by then.
    pub(crate) fn is_alone(&self) -> io::Result<bool> {
        Ok(rustix::io::pread(&self.children, &mut [0_u8; 8][..], 0)? == 0)
    }

    /// Whether it ended (by the kernel out of memory, say), and everything in its namespace with it:
    /// nothing can be started there any more.
    pub(crate) fn is_gone(&self) -> bool {
        // Its end is closed before anything else of it ends.
        let mut fds = [PollFd::new(&self.control, PollFlags::IN)];
        let now = Timespec::default();
        let polled = rustix::event::poll(&mut fds, Some(&now));
        polled.is_err() || !fds[0].revents().is_empty()
    }

    /// SIGKILL to everything else in its namespace, at once: nothing can fork away from it.
    pub(crate) fn kill_all(&self) -> io::Result<()> {
        rustix::io::write(&self.control, &[1])?;
        Ok(())
    }
}

fn serve(control: OwnedFd) -> ! {
    let control = linux::keep_only(control);
    let ready = prepare().err().map_or(0, |error| error.raw_os_error());
    let told = rustix::io::write(&control, &ready.to_ne_bytes());
    if told.is_ok() && ready == 0 {
        obey(control.as_fd());
    }
    linux::leave();
}

fn prepare() -> rustix::io::Result<()> {
    linux::reap_children_unseen();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", "/proc", "proc", flags, None)?;
    rustix::thread::set_name(c"orch-init")?;
    // What it may do that attempts may not: end those of another user. And nobody may look into it.
    let kept = rustix::thread::capabilities(None)?.permitted & CapabilitySet::KILL;
    let kept = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, kept)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Until the slot process is gone.
fn obey(control: BorrowedFd<'_>) {
    let mut order = [0_u8; 16];
    loop {
        match rustix::io::read(control, &mut order) {
            Ok(0) => return,
            Ok(_) => {
                linux::kill_everyone();
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
