//! The group of one slot process: limits, peaks and what was denied.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use fs_err::{File, OpenOptions};
use protocol::policy::Guarantee;

use super::host::{self, Base, Host};

/// No file read here is longer.
const FILE_BYTES: usize = 4096;

/// A group, with its files open: the slot process changes its root after it was made.
#[derive(Debug)]
pub struct Group {
    joins: Vec<File>,
    memory: Option<Memory>,
    pids: Option<Pids>,
}

/// What an attempt used since [`Group::begin`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory at most, all processes together, the files they read and wrote included.
    pub peak_memory: Option<u64>,
    /// Processes that were killed because memory was used up.
    pub oom_kills: u64,
    /// Processes that could not be started because there were too many.
    pub pids_denied: u64,
}

#[derive(Debug)]
struct Memory {
    unified: bool,
    limit: File,
    swap: Option<File>,
    peak: Option<File>,
    events: File,
    set: Option<u64>,
    kills: u64,
    /// What the peak began with, where it cannot be reset.
    floor: u64,
}

#[derive(Debug)]
struct Pids {
    limit: File,
    current: File,
    events: File,
    set: Option<u32>,
    denied: u64,
}

impl Group {
    /// Makes the group of this slot; `None` where neither controller is ours.
    #[must_use]
    pub fn create(host: &Host, launcher: u32, slot: u32) -> Option<Self> {
        let mut group = Self {
            joins: Vec::new(),
            memory: None,
            pids: None,
        };
        let name = host::name(launcher, slot);
        let ready =
            |base: &Result<Base, _>| base.as_ref().ok().filter(|base| !base.asleep).cloned();
        let memory = ready(&host.memory);
        if let Some(base) = &memory {
            let dir = base.dir.join(&name);
            if let Ok(join) = make(&dir) {
                group.memory = Memory::open(&dir, base.unified).ok();
                group.joins.push(join);
            }
        }
        if let Some(base) = ready(&host.pids) {
            let dir = base.dir.join(&name);
            let made =
                memory.is_some_and(|memory| memory.dir == base.dir && !group.joins.is_empty());
            let join = if made { None } else { make(&dir).ok() };
            if made || join.is_some() {
                group.pids = Pids::open(&dir).ok();
            }
            group.joins.extend(join);
        }
        (group.memory.is_some() || group.pids.is_some()).then_some(group)
    }

    /// Takes this process in; what it starts from now on is in the group, too.
    ///
    /// # Errors
    /// The group is not ours after all.
    pub fn join(&self) -> io::Result<()> {
        self.joins.iter().try_for_each(|file| put(file, "0"))
    }

    /// Whether it can keep this promise.
    #[must_use]
    pub fn holds(&self, guarantee: Guarantee) -> bool {
        match guarantee {
            Guarantee::MemLimit => self.memory.is_some(),
            Guarantee::PidsLimit => self.pids.is_some(),
            _ => false,
        }
    }

    /// Before an attempt, while nothing of one runs: limits, where they differ from the last ones,
    /// and the zero from which [`Group::end`] counts. Processes that idle here do not count.
    ///
    /// # Errors
    /// A limit cannot be set: then nothing may start.
    pub fn begin(&mut self, memory: Option<u64>, pids: Option<u32>) -> io::Result<()> {
        if let Some(group) = &mut self.memory {
            group.begin(memory)?;
        }
        if let Some(group) = &mut self.pids {
            group.begin(pids)?;
        }
        Ok(())
    }

    /// What was used since [`Group::begin`].
    #[must_use]
    pub fn end(&self) -> Usage {
        let memory = self.memory.as_ref();
        Usage {
            peak_memory: memory.and_then(Memory::peak),
            oom_kills: memory.map_or(0, |group| group.killed().saturating_sub(group.kills)),
            pids_denied: self.pids.as_ref().map_or(0, |group| {
                counter(&group.events, "max").saturating_sub(group.denied)
            }),
        }
    }
}

impl Memory {
    fn open(dir: &Path, unified: bool) -> io::Result<Self> {
        let [limit, swap, peak, events] = if unified {
            [
                "memory.max",
                "memory.swap.max",
                "memory.peak",
                "memory.events",
            ]
        } else {
            [
                "memory.limit_in_bytes",
                "memory.memsw.limit_in_bytes",
                "memory.max_usage_in_bytes",
                "memory.oom_control",
            ]
        };
        let both = |name: &str| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(dir.join(name))
        };
        Ok(Self {
            unified,
            limit: both(limit)?,
            // Where there is no swap accounting, there mostly is no swap.
            swap: both(swap).ok(),
            // Older kernels let it be read only, or do not have it.
            peak: both(peak).or_else(|_| File::open(dir.join(peak))).ok(),
            events: File::open(dir.join(events))?,
            set: None,
            kills: 0,
            floor: 0,
        })
    }

    fn begin(&mut self, bytes: Option<u64>) -> io::Result<()> {
        if bytes != self.set {
            self.limit_to(bytes)?;
            self.set = bytes;
        }
        self.kills = self.killed();
        self.floor = match &self.peak {
            Some(peak) if put(peak, "0").is_err() => number(peak).unwrap_or(u64::MAX),
            _ => 0,
        };
        Ok(())
    }

    fn limit_to(&self, bytes: Option<u64>) -> io::Result<()> {
        let unlimited = if self.unified { "max" } else { "-1" };
        let word = bytes.map_or_else(|| unlimited.to_owned(), |bytes| bytes.to_string());
        let Some(swap) = &self.swap else {
            return put(&self.limit, &word);
        };
        if self.unified {
            // Swap is apart here, and none is what keeps the sum at the limit.
            put(&self.limit, &word)?;
            return put(swap, if bytes.is_some() { "0" } else { unlimited });
        }
        // There it is the sum, which may never be below the limit.
        let rises = bytes.is_none_or(|new| self.set.is_some_and(|old| new > old));
        let [first, then] = if rises {
            [swap, &self.limit]
        } else {
            [&self.limit, swap]
        };
        put(first, &word)?;
        put(then, &word)
    }

    fn killed(&self) -> u64 {
        counter(&self.events, "oom_kill")
    }

    fn peak(&self) -> Option<u64> {
        let peak = number(self.peak.as_ref()?)?;
        (peak > self.floor).then_some(peak)
    }
}

impl Pids {
    fn open(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            limit: OpenOptions::new().write(true).open(dir.join("pids.max"))?,
            current: File::open(dir.join("pids.current"))?,
            events: File::open(dir.join("pids.events"))?,
            set: None,
            denied: 0,
        })
    }

    fn begin(&mut self, most: Option<u32>) -> io::Result<()> {
        if most != self.set {
            let idle = number(&self.current).unwrap_or(0);
            let word = most.map_or_else(
                || "max".to_owned(),
                |most| (u64::from(most) + idle).to_string(),
            );
            put(&self.limit, &word)?;
            self.set = most;
        }
        self.denied = counter(&self.events, "max");
        Ok(())
    }
}

/// The group's directory, and the file through which it is joined. One that a launcher of the same
/// pid left behind serves as well.
fn make(dir: &Path) -> io::Result<File> {
    match fs_err::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .open(dir.join("cgroup.procs"))
}

fn put(file: &File, word: &str) -> io::Result<()> {
    file.file().write_at(word.as_bytes(), 0).map(|_| ())
}

fn text(file: &File) -> String {
    let mut bytes = [0; FILE_BYTES];
    let read = file.file().read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

fn number(file: &File) -> Option<u64> {
    text(file).trim().parse().ok()
}

/// Of a file of lines `name number`; zero where it is not listed.
fn counter(file: &File, name: &str) -> u64 {
    let text = text(file);
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
