//! What canaries are to leave alone: files, and sockets that nobody else knows.

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;

pub(super) const CANARY: &str = "canary";
pub(super) const TARGET: &str = "target";
pub(super) const UNIX: &str = "socket";

/// Where canaries try their luck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub outside: PathBuf,
    pub tcp: u16,
    pub udp: u16,
    /// An abstract unix socket.
    pub name: String,
}

impl Place {
    /// As one argument.
    pub(super) fn encode(&self) -> OsString {
        let mut text = OsString::from(format!("{} {} {} ", self.tcp, self.udp, self.name));
        text.push(&self.outside);
        text
    }

    pub(super) fn decode(text: &OsStr) -> Option<Self> {
        let mut parts = text.as_bytes().splitn(4, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(parts.next()?).ok().map(str::to_owned);
        let (tcp, udp, name) = (word()?, word()?, word()?);
        let outside = OsString::from_vec(parts.next()?.to_vec());
        Some(Self {
            outside: outside.into(),
            tcp: tcp.parse().ok()?,
            udp: udp.parse().ok()?,
            name,
        })
    }
}

/// All of it; gone when dropped.
pub(super) struct Scene {
    root: PathBuf,
    pub place: Place,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    named: UnixListener,
}

/// What arrived on the sockets since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    pub tcp: bool,
    pub udp: bool,
    pub unix: bool,
    pub named: bool,
}

impl Scene {
    pub(super) fn set() -> io::Result<Self> {
        let name = format!(
            "orchestra-doctor-{:016x}",
            rand::rngs::OsRng.try_next_u64().map_err(io::Error::other)?
        );
        let root = std::env::temp_dir().join(&name);
        std::fs::DirBuilder::new().mode(0o700).create(&root)?;
        let made = Self::make(&root, name);
        if made.is_err() {
            let _removed = fs_err::remove_dir_all(&root);
        }
        made
    }

    fn make(root: &Path, name: String) -> io::Result<Self> {
        let outside = root.join("outside");
        fs_err::create_dir(&outside)?;
        for file in [CANARY, TARGET] {
            fs_err::write(outside.join(file), "as it was")?;
        }
        let local = (Ipv4Addr::LOCALHOST, 0);
        let (tcp, udp) = (TcpListener::bind(local)?, UdpSocket::bind(local)?);
        let unix = UnixListener::bind(outside.join(UNIX))?;
        let named = UnixListener::bind_addr(&UnixAddress::from_abstract_name(&name)?)?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        unix.set_nonblocking(true)?;
        named.set_nonblocking(true)?;
        // Root's attempts are another user: what keeps them out is to be the sandbox, not modes.
        for (path, mode) in [
            (root.to_owned(), 0o711),
            (outside.clone(), 0o777),
            (outside.join(CANARY), 0o666),
            (outside.join(TARGET), 0o666),
            (outside.join(UNIX), 0o777),
        ] {
            fs_err::set_permissions(path, Permissions::from_mode(mode))?;
        }
        Ok(Self {
            root: root.to_owned(),
            place: Place {
                outside,
                tcp: tcp.local_addr()?.port(),
                udp: udp.local_addr()?.port(),
                name,
            },
            tcp,
            udp,
            unix,
            named,
        })
    }

    /// A directory for the attempts of one slot.
    pub(super) fn work(&self, name: &str) -> io::Result<PathBuf> {
        let work = self.root.join(name);
        fs_err::create_dir(&work)?;
        Ok(work)
    }

    /// Whether the file that was to stay as it was did not, and what arrived. Clears both.
    pub(super) fn look(&self) -> io::Result<(bool, Arrived)> {
        let target = self.place.outside.join(TARGET);
        let written = fs_err::read(&target)? != b"as it was";
        if written {
            fs_err::write(&target, "as it was")?;
        }
        let arrived = Arrived {
            tcp: self.tcp.accept().is_ok(),
            udp: self.udp.recv(&mut [0; 8]).is_ok(),
            unix: self.unix.accept().is_ok(),
            named: self.named.accept().is_ok(),
        };
        Ok((written, arrived))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What cannot be removed is in the system's own directory for temporary files.
        let _removed = fs_err::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_travels_as_one_argument() {
        let place = Place {
            outside: PathBuf::from(OsString::from_vec(b"/tmp/a b/\xff".to_vec())),
            tcp: 1,
            udp: 65_535,
            name: "orchestra-doctor-1".to_owned(),
        };
        assert_eq!(Place::decode(&place.encode()), Some(place));
        for text in ["", "1 2", "1 x name /tmp", "1 99999 name /tmp"] {
            assert_eq!(Place::decode(text.as_ref()), None);
        }
    }

    #[test]
    fn what_arrives_is_seen_once_and_nothing_stays() {
        let scene = Scene::set().unwrap();
        let root = scene.root.clone();
        assert_eq!(scene.look().unwrap(), (false, Arrived::default()));
        let _connected =
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, scene.place.tcp)).unwrap();
        fs_err::write(scene.place.outside.join(TARGET), "other").unwrap();
        let (written, arrived) = scene.look().unwrap();
        assert!(written && arrived.tcp && !arrived.udp);
        assert_eq!(scene.look().unwrap(), (false, Arrived::default()));
        drop(scene);
        assert!(!root.exists());
    }
}
