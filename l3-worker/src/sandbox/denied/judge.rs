//! What a call means, and how it is answered. Pure but for what it asks about the caller.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::listener::Asked;
use super::open::Open;
use crate::sandbox::seccomp::denied_name;

/// What has to be known about who called; `None` when it cannot be read.
pub(super) trait Caller {
    /// Bytes of its memory, fewer where it ends.
    fn memory(&self, address: u64, most: usize) -> Option<Vec<u8>>;
    /// Where its relative paths begin: a descriptor of a directory, or `AT_FDCWD`.
    fn directory(&self, descriptor: i32) -> Option<PathBuf>;
}

/// How a call is answered, and what it was, when it was denied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// `None`: the kernel goes on with it, and enforces what it enforces.
    pub errno: Option<i32>,
    pub denied: Option<(&'static str, Vec<u8>)>,
}

/// Longest path the kernel takes.
const PATH_BYTES: usize = 4096;
/// Of a socket address.
const ADDRESS_BYTES: usize = 128;

const NAMESPACES: [(i32, &str); 7] = [
    (libc::CLONE_NEWUSER, "user"),
    (libc::CLONE_NEWNS, "mount"),
    (libc::CLONE_NEWPID, "pid"),
    (libc::CLONE_NEWNET, "network"),
    (libc::CLONE_NEWIPC, "ipc"),
    (libc::CLONE_NEWUTS, "uts"),
    (libc::CLONE_NEWCGROUP, "cgroup"),
];

pub(super) fn judge(call: &Asked, caller: &impl Caller, open: &Open) -> Judgement {
    let [first, second, third, ..] = call.args;
    let number = i64::from(call.number);
    let goes_on = |denied| Judgement {
        errno: None,
        denied,
    };
    let ends = |name, target: Vec<u8>| Judgement {
        errno: Some(libc::EPERM),
        denied: Some((name, target)),
    };
    match number {
        libc::SYS_connect => goes_on(connection(caller, second, third)),
        libc::SYS_sendto => goes_on(connection(caller, call.args[4], call.args[5])),
        libc::SYS_openat => goes_on(write(caller, descriptor(first), second, open)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open | libc::SYS_creat => goes_on(write(caller, libc::AT_FDCWD, first, open)),
        libc::SYS_socket => ends("socket", family(first, second).into()),
        libc::SYS_clone => ends("clone", namespaces(first).into()),
        libc::SYS_unshare => ends("unshare", namespaces(first).into()),
        libc::SYS_mknodat => ends("mknod", Vec::new()),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => ends("mknod", Vec::new()),
        // Whatever a filter asks about beside these, it would have denied.
        _ => ends(denied_name(number).unwrap_or("system call"), Vec::new()),
    }
}

/// The kernel looks at 32 bits, too.
fn descriptor(argument: u64) -> i32 {
    (argument as u32).cast_signed()
}

fn connection(caller: &impl Caller, address: u64, length: u64) -> Option<(&'static str, Vec<u8>)> {
    let most = usize::try_from(length)
        .unwrap_or(usize::MAX)
        .min(ADDRESS_BYTES);
    let address = internet(&caller.memory(address, most)?)?;
    let here = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => {
            let four = ip.to_ipv4_mapped();
            ip.is_loopback()
                || ip.is_unspecified()
                || four.is_some_and(|four| four.is_loopback() || four.is_unspecified())
        }
    };
    (!here).then(|| ("connect", address.to_string().into_bytes()))
}

/// Of `struct sockaddr_in` and `sockaddr_in6`; others concern no network.
fn internet(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let ip = match i32::from(family) {
        libc::AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            IpAddr::V4(Ipv4Addr::from(ip))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(ip))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn write(
    caller: &impl Caller,
    directory: i32,
    path: u64,
    open: &Open,
) -> Option<(&'static str, Vec<u8>)> {
    let mut bytes = caller.memory(path, PATH_BYTES)?;
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    let named = PathBuf::from(OsString::from_vec(bytes));
    if named.as_os_str().is_empty() {
        return None;
    }
    let whole = match named.is_absolute() {
        true => named,
        false => caller.directory(directory)?.join(named),
    };
    let path = lexical(&whole);
    let open = open.has(&path) || of_itself(&path);
    (!open).then(|| ("write", path.into_os_string().into_vec()))
}

/// Links are not followed: what they lead to is the kernel's to decide.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::Normal(name) => plain.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

/// Programs tune themselves through `/proc/self`, and reach their streams there.
fn of_itself(path: &Path) -> bool {
    let mut names = path.components().skip(1).map(|one| one.as_os_str());
    let process = |name: &std::ffi::OsStr| {
        name == "self"
            || name == "thread-self"
            || name
                .to_str()
                .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match (names.next(), names.next()) {
        (Some(root), Some(name)) if root == "proc" => process(name),
        (Some(root), Some(name)) if root == "dev" => ["fd", "stdin", "stdout", "stderr"]
            .iter()
            .any(|stream| name == *stream),
        _ => false,
    }
}

fn family(family: u64, kind: u64) -> String {
    let word = match descriptor(family) {
        libc::AF_UNIX => "unix".to_owned(),
        libc::AF_INET => "inet".to_owned(),
        libc::AF_INET6 => "inet6".to_owned(),
        libc::AF_NETLINK => "netlink".to_owned(),
        libc::AF_PACKET => "packet".to_owned(),
        libc::AF_VSOCK => "vsock".to_owned(),
        libc::AF_ALG => "alg".to_owned(),
        libc::AF_BLUETOOTH => "bluetooth".to_owned(),
        other => format!("family {other}"),
    };
    match descriptor(kind) & 0xF {
        libc::SOCK_RAW => format!("{word} raw"),
        _ => word,
    }
}

fn namespaces(flags: u64) -> String {
    let asked = NAMESPACES
        .iter()
        .filter(|(flag, _)| descriptor(flags) & flag != 0);
    asked.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::{any, proptest};
    use protocol::policy::SandboxLevel;

    use super::*;
    use crate::sandbox::rules::Confinement;

    /// One piece of memory at an address, and directories by descriptor.
    #[derive(Default)]
    struct Known {
        memory: BTreeMap<u64, Vec<u8>>,
        directories: BTreeMap<i32, PathBuf>,
    }

    impl Caller for Known {
        fn memory(&self, address: u64, most: usize) -> Option<Vec<u8>> {
            let bytes = self.memory.get(&address)?;
            Some(bytes[..bytes.len().min(most)].to_vec())
        }

        fn directory(&self, descriptor: i32) -> Option<PathBuf> {
            self.directories.get(&descriptor).cloned()
        }
    }

    fn asked(number: i64, args: [u64; 6]) -> Asked {
        Asked {
            id: 1,
            pid: 1,
            number: number.try_into().unwrap(),
            args,
        }
    }

    const AT_CWD: u64 = libc::AT_FDCWD as u32 as u64;

    /// What a write-open of this path is reported as.
    fn opened(path: &[u8], directory: u64) -> Option<String> {
        let caller = Known {
            memory: [(8, path.to_vec())].into(),
            directories: [(libc::AT_FDCWD, "/w/task".into()), (7, "/etc".into())].into(),
        };
        let open = Open::to(&Confinement {
            level: SandboxLevel::Landlock,
            confine: Arc::default(),
            work: "/w".into(),
        });
        let call = asked(libc::SYS_openat, [directory, 8, 0x241, 0, 0, 0]);
        let found = judge(&call, &caller, &open);
        assert_eq!(found.errno, None, "looking changes nothing");
        found.denied.map(|(action, target)| {
            assert_eq!(action, "write");
            String::from_utf8(target).unwrap()
        })
    }

    #[test]
    fn files_that_cannot_be_written() {
        for (path, directory, reported) in [
            (&b"/etc/passwd\0rest"[..], AT_CWD, Some("/etc/passwd")),
            (b"../../etc//./passwd\0", AT_CWD, Some("/etc/passwd")),
            (b"passwd\0", 7, Some("/etc/passwd")),
            (b"out/file\0", AT_CWD, None),
            (b"/w/task/../other\0", AT_CWD, None),
            (b"/wide\0", AT_CWD, Some("/wide")),
            (b"/dev/null\0", AT_CWD, None),
            (b"/dev/stdout\0", AT_CWD, None),
            (b"/proc/self/oom_score_adj\0", AT_CWD, None),
            (b"/proc/12/comm\0", AT_CWD, None),
            (
                b"/proc/sys/kernel/core_pattern\0",
                AT_CWD,
                Some("/proc/sys/kernel/core_pattern"),
            ),
            (b"passwd\0", 99, None),
            (b"no end", AT_CWD, None),
            (b"\0", AT_CWD, None),
        ] {
            assert_eq!(opened(path, directory).as_deref(), reported, "{path:?}");
        }
    }

    fn connected(address: &[u8], length: u64) -> Option<String> {
        let caller = Known {
            memory: [(8, address.to_vec())].into(),
            ..Known::default()
        };
        let connect = judge(
            &asked(libc::SYS_connect, [3, 8, length, 0, 0, 0]),
            &caller,
            &Open::default(),
        );
        let send = judge(
            &asked(libc::SYS_sendto, [3, 0, 0, 0, 8, length]),
            &caller,
            &Open::default(),
        );
        assert_eq!(connect, send);
        assert_eq!(connect.errno, None);
        connect
            .denied
            .map(|(_, target)| String::from_utf8(target).unwrap())
    }

    fn four(ip: [u8; 4]) -> Vec<u8> {
        let family = (libc::AF_INET as u16).to_ne_bytes();
        [&family[..], &443_u16.to_be_bytes(), &ip, &[0; 8]].concat()
    }

    fn six(ip: &str) -> Vec<u8> {
        let family = (libc::AF_INET6 as u16).to_ne_bytes();
        let ip: Ipv6Addr = ip.parse().unwrap();
        [
            &family[..],
            &443_u16.to_be_bytes(),
            &[0; 4],
            &ip.octets(),
            &[0; 4],
        ]
        .concat()
    }

    #[test]
    fn connections_beyond_the_attempt_s_own_machine() {
        assert_eq!(connected(&four([10, 0, 0, 1]), 16).unwrap(), "10.0.0.1:443");
        assert_eq!(connected(&six("fd00::1"), 28).unwrap(), "[fd00::1]:443");
        assert_eq!(
            connected(&six("::ffff:10.0.0.1"), 28).unwrap(),
            "[::ffff:10.0.0.1]:443"
        );
        for here in ["::1", "::", "::ffff:127.0.0.1"] {
            assert_eq!(connected(&six(here), 28), None);
        }
        assert_eq!(connected(&four([127, 9, 9, 9]), 16), None);
        assert_eq!(connected(&four([10, 0, 0, 1]), 4), None, "cut off");
        assert_eq!(connected(&[1, 0, b'/', b'x', 0], u64::MAX), None, "unix");
    }

    #[test]
    fn calls_of_attackers_are_denied_as_the_filter_would() {
        let nobody = Known::default();
        for (number, first, second, expected) in [
            (libc::SYS_ptrace, 16, 0, ("ptrace", "")),
            (425, 8, 0, ("io_uring_setup", "")),
            (libc::SYS_unshare, 0x1002_0000, 0, ("unshare", "user mount")),
            (libc::SYS_clone, 0x4000_0011, 0, ("clone", "network")),
            (libc::SYS_socket, 1, 1, ("socket", "unix")),
            (libc::SYS_socket, 2, 3, ("socket", "inet raw")),
            (libc::SYS_socket, 77, 1, ("socket", "family 77")),
            (libc::SYS_mknodat, 0, 0, ("mknod", "")),
            (9_999, 0, 0, ("system call", "")),
        ] {
            let found = judge(
                &asked(number, [first, second, 0, 0, 0, 0]),
                &nobody,
                &Open::default(),
            );
            assert_eq!(found.errno, Some(libc::EPERM), "{number}");
            let (action, target) = found.denied.unwrap();
            assert_eq!((action, std::str::from_utf8(&target).unwrap()), expected);
        }
    }

    proptest! {
        #[test]
        fn any_memory_is_judged(
            number in 0_i32..500,
            args in any::<[u64; 6]>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let caller = Known {
                memory: args.iter().map(|arg| (*arg, bytes.clone())).collect(),
                directories: [(descriptor(args[0]), "/etc".into())].into(),
            };
            let found = judge(&asked(number.into(), args), &caller, &Open::default());
            // Either the kernel goes on, or there is something to tell.
            assert!(found.errno.is_none() || found.denied.is_some());
        }
    }
}
