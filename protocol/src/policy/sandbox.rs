//! What confines an attempt: levels, the guarantees they are measured by, and what they leave open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[doc = $about:literal])* $name:ident, $what:literal, { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            /// Every one, in the order of this table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in files, events and reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means, a sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim(),)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == text);
                found.ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|one| format!("`{one}`")).collect();
                    format!(concat!("`{}` is not ", $what, "; there are {}"), text, words.join(", "))
                })
            }
        }
    };
}

words! {
    /// How far the kernel confines an attempt, the strongest first.
    SandboxLevel, "a sandbox level", {
        /// Namespaces of its own, a minimal view of the file system, Landlock, seccomp, no capability.
        Strict = "strict",
        /// Landlock and seccomp only, for hosts that deny user namespaces.
        Landlock = "landlock",
        /// No confinement: clean environment, fresh workspace, limits on time and output only.
        None = "none",
    }
}

words! {
    /// Something a sandbox can promise; a policy names those without which nothing may start.
    Guarantee, "a guarantee", {
        /// Writes reach only what the policy lets be written.
        FsWriteConfined = "fs_write_confined",
        /// Reads reach only the system's own files and what the policy lets be read.
        FsReadConfined = "fs_read_confined",
        /// Nothing can be sent to or received from a network, nor from other processes by sockets.
        NetNone = "net_none",
        /// When an attempt is over, none of its processes lives.
        TreeKill = "tree_kill",
        /// Memory of all its processes together is bounded.
        MemLimit = "mem_limit",
        /// The number of its processes is bounded.
        PidsLimit = "pids_limit",
        /// What it writes to disk is bounded at every moment.
        DiskQuota = "disk_quota",
        /// Its environment and descriptors are exactly what it was given.
        EnvClean = "env_clean",
    }
}

words! {
    /// What of the network an attempt may use.
    Network, "a network", {
        /// Nothing but a loopback interface of its own.
        None = "none",
        /// What the host can reach.
        Full = "full",
    }
}

words! {
    /// Whether an attempt may have unix sockets of its own. Socket pairs always work.
    UnixSockets, "a rule for unix sockets", {
        /// None can be made.
        Deny = "deny",
        /// Its processes may talk to each other; sound in `strict` without a network only.
        Private = "private",
    }
}

/// What is open to an attempt, and which promises it rests on. Everything not named is closed.
///
/// Paths are absolute paths of the worker's host. The system's own files (programs, libraries,
/// certificates, a few of `/etc`) can always be read; the attempt's own fresh workspace and home can
/// always be written. The scenario's tree, where it is the workspace (`workspace: project`), is not
/// fresh: it is among `read` or `write` here, and can be written where `write` says so only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Confine {
    /// Without these nothing starts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub require: BTreeSet<Guarantee>,
    /// Network.
    pub network: Network,
    /// Unix sockets.
    pub unix_sockets: UnixSockets,
    /// `ptrace` and what goes with it, among the attempt's own processes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub debug: bool,
    /// Files and directories that can be read and executed; what does not exist is passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Directories that can be written, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Beneath what the policy lets be written: what can be read only, wherever links make it reachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Where entries of `read` and `write` that somebody narrowed have to be beneath once links are
    /// followed: what the policy opens by itself, and all of the scenario's tree for what is in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// Directories before those of the worker's own `PATH`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// Variables of toolchains; a task's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Variables of the worker's own environment that are handed through, by name; a task's own win.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pass: BTreeSet<String>,
}

impl Confine {
    /// Nothing but the system's own files and the workspace.
    pub const CLOSED: Self = Self {
        require: BTreeSet::new(),
        network: Network::None,
        unix_sockets: UnixSockets::Deny,
        debug: false,
        read: Vec::new(),
        write: Vec::new(),
        protect: Vec::new(),
        within: Vec::new(),
        path: Vec::new(),
        env: BTreeMap::new(),
        pass: BTreeSet::new(),
    };
}

impl Default for Confine {
    fn default() -> Self {
        Self::CLOSED
    }
}

/// Something an attempt tried and the sandbox denied, as far as it can be seen: attempts to open
/// files for writing, to connect, and to use what only an attacker or a debugger would.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct DeniedAction {
    /// What: `connect`, `write`, `socket`, or the name of a system call.
    pub action: String,
    /// To what: an address, a path, an address family; escaped, ≤ 256 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// How often, counted up to a bound.
    pub times: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for level in SandboxLevel::ALL {
            assert_eq!(level.to_string().parse(), Ok(*level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        for guarantee in Guarantee::ALL {
            assert_eq!(guarantee.as_str().parse(), Ok(*guarantee));
            assert_eq!(serde_json::to_value(guarantee).unwrap(), guarantee.as_str());
        }
        assert!(SandboxLevel::Strict < SandboxLevel::None);
        assert_eq!(
            "full-ish".parse::<Network>().unwrap_err(),
            "`full-ish` is not a network; there are `none`, `full`"
        );
    }
}
