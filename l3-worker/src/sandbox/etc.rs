//! `/etc` as attempts see it: copies of what programs and libraries read, and a few files that say no
//! more than they must. Never what names the host's people or secrets.

use std::path::{Path, PathBuf};

/// Copied where the host has them. Links are followed: what they point to may be out of sight.
const COPIED: [&str; 33] = [
    "bash.bashrc",
    "bindresvport.blacklist",
    "ca-certificates.conf",
    "debian_version",
    "ethertypes",
    "fedora-release",
    "gai.conf",
    "gitconfig",
    "host.conf",
    "inputrc",
    "issue",
    "ld.so.cache",
    "ld.so.conf",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "magic.mime",
    "mime.types",
    "netconfig",
    "networks",
    "nsswitch.conf",
    "os-release",
    "profile",
    "protocols",
    "redhat-release",
    "rpc",
    "services",
    "shells",
    "timezone",
    "vimrc",
    "wgetrc",
];
/// Read as they are, without a copy. Few: every attempt pays for every mount.
const BOUND: [&str; 6] = [
    "alternatives",
    "crypto-policies",
    "fonts",
    "java",
    "pki",
    "ssl",
];
/// And those whose names begin like this: a version follows.
const BOUND_PREFIXES: [&str; 1] = ["java-"];
/// With a network only.
const COPIED_WITH_NETWORK: [&str; 2] = ["hosts", "resolv.conf"];
/// A copy that is larger is left out: it is not one of the files meant.
const COPY_BYTES: u64 = 1024 * 1024;

/// One file that is made.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// What is made of the host's `/etc`.
pub(super) fn files(user: u32, group: u32, network: bool) -> Vec<File> {
    let with_network: &[&str] = if network { &COPIED_WITH_NETWORK } else { &[] };
    let copied = COPIED
        .iter()
        .chain(with_network)
        .filter_map(|name| copy(name));
    let made = made(user, group, network)
        .into_iter()
        .map(|(name, text)| File {
            path: Path::new("/etc").join(name),
            bytes: text.into_bytes(),
        });
    made.chain(copied).collect()
}

fn copy(name: &str) -> Option<File> {
    let path = Path::new("/etc").join(name);
    let regular = fs_err::metadata(&path).ok().filter(|found| found.is_file());
    if regular?.len() > COPY_BYTES {
        return None;
    }
    // Unreadable for this user: as if it were not there.
    let bytes = fs_err::read(&path).ok()?;
    Some(File { path, bytes })
}

/// The payload has a name, and its home is wherever its environment says.
fn made(user: u32, group: u32, network: bool) -> Vec<(&'static str, String)> {
    let mut passwd = "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n".to_owned();
    let mut groups = "root:x:0:\n".to_owned();
    if user != 0 {
        passwd += &format!("user:x:{user}:{group}::/tmp:/bin/sh\n");
    }
    if group != 0 {
        groups += &format!("user:x:{group}:\n");
    }
    passwd += "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    groups += "nogroup:x:65534:\n";
    let mut made = vec![
        ("passwd", passwd),
        ("group", groups),
        ("hostname", "orchestra\n".to_owned()),
    ];
    if !network {
        let hosts = "127.0.0.1 localhost orchestra\n::1 localhost\n";
        made.push(("hosts", hosts.to_owned()));
    }
    made
}

/// What of the host's `/etc` can be read where there is no view of its own.
pub(super) fn on_host() -> Vec<PathBuf> {
    let files = ["passwd", "group"]
        .iter()
        .chain(&COPIED)
        .chain(&COPIED_WITH_NETWORK);
    let files = files.map(|name| Path::new("/etc").join(name));
    files.chain(directories()).collect()
}

/// Directories of `/etc` that are read as they are.
pub(super) fn directories() -> Vec<PathBuf> {
    let etc = Path::new("/etc");
    let mut found: Vec<PathBuf> = BOUND.iter().map(|name| etc.join(name)).collect();
    for entry in fs_err::read_dir(etc).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        if BOUND_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            found.push(etc.join(name));
        }
    }
    found.retain(|path| path.is_dir());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_secrets_of_the_host_are_not_told() {
        let names: Vec<PathBuf> = files(1000, 1000, true)
            .into_iter()
            .map(|file| file.path)
            .collect();
        for name in [
            "/etc/shadow",
            "/etc/gshadow",
            "/etc/sudoers",
            "/etc/machine-id",
        ] {
            assert!(!names.contains(&PathBuf::from(name)));
        }
        let passwd = &made(1000, 100, false)[0].1;
        assert_eq!(passwd.lines().count(), 3);
        assert!(passwd.contains("user:x:1000:100:"), "{passwd}");
    }

    #[test]
    fn names_are_resolved_by_the_host_with_a_network_only() {
        let has = |network, name: &str| {
            let files = files(1, 1, network);
            files
                .iter()
                .any(|file| file.path == Path::new("/etc").join(name))
        };
        assert!(!has(false, "resolv.conf") && has(false, "hosts"));
        assert_eq!(
            has(true, "resolv.conf"),
            Path::new("/etc/resolv.conf").exists()
        );
    }
}
