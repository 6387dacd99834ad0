//! Length-prefixed frames over a unix stream socket, with file descriptors beside the first byte.
//!
//! A stream, not a packet socket: one frame carries a whole environment, up to [`MAX_FRAME_BYTES`].

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// Above what any kernel takes for arguments plus environment at the default stack limit (2 MiB),
/// so that the kernel's own E2BIG is what a user meets.
pub(super) const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;
/// Descriptors in one frame: standard output and error, or a slot's socket and tomb.
const MAX_FRAME_FDS: usize = 2;
/// Kind, number of descriptors, length of the body.
const HEADER_BYTES: usize = 6;
const FIRST_BUFFER_BYTES: usize = 32 * 1024;

/// One message.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
}

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Conn {
    socket: OwnedFd,
    buffer: Vec<u8>,
    filled: usize,
    fds: Vec<OwnedFd>,
}

/// A connected pair; both close on exec.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

impl Conn {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            buffer: vec![0; FIRST_BUFFER_BYTES],
            filled: 0,
            fds: Vec::new(),
        }
    }

    /// Sends one frame whole, waiting for room.
    ///
    /// # Errors
    /// The frame is too large (`InvalidInput`), or the other side is gone.
    pub(super) fn send(&self, kind: u8, body: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if body.len() > MAX_FRAME_BYTES || fds.len() > MAX_FRAME_FDS {
            return Err(io::Error::new(
                io::ErrorKind::ArgumentListTooLong,
                "frame too large",
            ));
        }
        let length = u32::try_from(body.len()).expect("MAX_FRAME_BYTES fits in 32 bits");
        let count = u8::try_from(fds.len()).expect("MAX_FRAME_FDS fits in a byte");
        let mut header = [kind, count, 0, 0, 0, 0];
        header[2..].copy_from_slice(&length.to_le_bytes());

        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FRAME_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::Error::other("no room for descriptors"));
        }
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        let mut sent = retry(|| {
            rustix::net::sendmsg(&self.socket, &parts, &mut control, SendFlags::NOSIGNAL)
        })?;
        while sent < HEADER_BYTES + body.len() {
            let rest = if sent < HEADER_BYTES {
                &header[sent..]
            } else {
                &body[sent - HEADER_BYTES..]
            };
            sent += retry(|| rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL))?;
        }
        Ok(())
    }

    /// Receives what is there, waiting for at least one byte. False: the other side is gone.
    ///
    /// # Errors
    /// The socket failed, or a frame announces an impossible length.
    pub(super) fn receive(&mut self) -> io::Result<bool> {
        if self.filled == self.buffer.len() {
            self.make_room()?;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FRAME_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut parts = [IoSliceMut::new(&mut self.buffer[self.filled..])];
            let flags = RecvFlags::CMSG_CLOEXEC;
            match rustix::net::recvmsg(&self.socket, &mut parts, &mut control, flags) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Ok(false),
                other => break other?,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
            }
        }
        self.filled += received.bytes;
        Ok(received.bytes > 0)
    }

    /// The next whole frame already received.
    ///
    /// # Errors
    /// It announces an impossible length.
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let Some(length) = self.announced()? else {
            return Ok(None);
        };
        let end = HEADER_BYTES + length;
        if self.filled < end {
            return Ok(None);
        }
        // One read can take the head of the next frame, and its descriptors with it.
        let count = usize::from(self.buffer[1]);
        if count > self.fds.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "descriptors are missing",
            ));
        }
        let frame = Frame {
            kind: self.buffer[0],
            body: self.buffer[HEADER_BYTES..end].to_vec(),
            fds: self.fds.drain(..count).collect(),
        };
        self.buffer.copy_within(end..self.filled, 0);
        self.filled -= end;
        Ok(Some(frame))
    }

    fn announced(&self) -> io::Result<Option<usize>> {
        let Some(bytes) = self.buffer[..self.filled].get(2..HEADER_BYTES) else {
            return Ok(None);
        };
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "frame too large",
            ));
        }
        Ok(Some(length))
    }

    fn make_room(&mut self) -> io::Result<()> {
        let length = self.announced()?.unwrap_or(0);
        let wanted = (HEADER_BYTES + length).max(self.buffer.len() * 2);
        self.buffer
            .resize(wanted.min(2 * (HEADER_BYTES + MAX_FRAME_BYTES)), 0);
        Ok(())
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_size_arrive_whole_with_their_descriptors() {
        let (a, b) = pair().unwrap();
        let (sender, mut receiver) = (Conn::new(a), Conn::new(b));
        let sizes = [0, 1, FIRST_BUFFER_BYTES, 1024 * 1024, MAX_FRAME_BYTES];
        let null = fs_err::File::open("/dev/null").unwrap();
        let writer = std::thread::spawn(move || {
            for (i, size) in sizes.into_iter().enumerate() {
                let fds = [null.file().as_fd()];
                sender
                    .send(u8::try_from(i).unwrap(), &vec![7; size], &fds[..i % 2])
                    .unwrap();
            }
        });
        for (i, size) in sizes.into_iter().enumerate() {
            let frame = loop {
                match receiver.next_frame().unwrap() {
                    Some(frame) => break frame,
                    None => assert!(receiver.receive().unwrap()),
                }
            };
            assert_eq!((usize::from(frame.kind), frame.body.len()), (i, size));
            assert_eq!(frame.fds.len(), i % 2);
        }
        writer.join().unwrap();
        assert!(!receiver.receive().unwrap());
    }

    #[test]
    fn an_impossible_length_is_refused() {
        let (a, b) = pair().unwrap();
        rustix::net::send(&a, &[1, 0, 255, 255, 255, 255], SendFlags::empty()).unwrap();
        let mut receiver = Conn::new(b);
        assert!(receiver.receive().unwrap());
        assert!(receiver.next_frame().is_err());
    }
}
