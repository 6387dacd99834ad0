//! A network of the slot's own with nothing but a loopback interface, and whether an attempt left a
//! socket in it.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::linux::{self, Stack};

/// The network namespace this process is in.
#[derive(Debug)]
pub(super) struct Net {
    statistics: OwnedFd,
    sockets: u64,
}

impl Net {
    /// In a network namespace that was just made.
    pub(super) fn set_up(proc: BorrowedFd<'_>) -> io::Result<Self> {
        raise_loopback()?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let statistics = rustix::fs::openat(proc, "self/net/sockstat", flags, Mode::empty())?;
        let mut net = Self {
            statistics,
            sockets: 0,
        };
        net.sockets = net.count()?;
        Ok(net)
    }

    /// For the next attempt: the same when nothing is left in it, else a new one.
    pub(super) fn renew(&mut self, proc: BorrowedFd<'_>, stack: &Stack) -> io::Result<()> {
        if self.count()? > self.sockets {
            linux::leave_network(stack)?;
            *self = Self::set_up(proc)?;
        }
        Ok(())
    }

    fn count(&self) -> io::Result<u64> {
        let mut text = [0; 256];
        let read = rustix::io::pread(&self.statistics, &mut text[..], 0)?;
        let first = text[..read].split(|&byte| byte == b'\n').next();
        let number = first.and_then(|line| line.strip_prefix(b"sockets: used "));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        number.ok_or_else(|| io::Error::other("the kernel does not say how many sockets there are"))
    }
}

/// By rtnetlink: sets the flag `IFF_UP` of interface 1, which is the loopback of every network.
fn raise_loopback() -> io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const LOOPBACK: u32 = 1;
    const UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    // Sequence, sender; then `struct ifinfomsg`: family and type, interface, flags, which of them.
    for word in [1, 0, 0, LOOPBACK, UP, UP] {
        message.extend(word.to_ne_bytes());
    }
    let (family, flags) = (AddressFamily::NETLINK, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(family, SocketType::RAW, flags, None)?;
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (read, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match answer[..read].get(16..20) {
        Some(&[0, 0, 0, 0]) => Ok(()),
        Some(&[a, b, c, d]) => {
            let errno = i32::from_ne_bytes([a, b, c, d]);
            Err(io::Error::from_raw_os_error(errno.saturating_neg()))
        }
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
