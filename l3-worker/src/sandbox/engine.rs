//! A slot process's confinement: set up once, then one spawn after the other.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::policy::{DeniedAction, Guarantee, Limits, SandboxLevel};
use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Gid, Resource, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet};

use super::available::Kept;
use super::cgroup::{Group, Usage};
use super::denied::{Open, Watch};
use super::etc;
use super::init::Init;
use super::landlock::{Rules, ruleset};
use super::linux::{self, Stack, Started};
use super::paths::{SYSTEM, no_lures};
use super::plan::{Failed, Plan, Step};
use super::private;
use super::problem::{broken, missing, naming};
use super::rules::Confinement;
use super::seccomp::{Fences, Own, program_of_slot};
use super::sockets;
use super::strict::{self, Strict};
use super::tree::Tree;
use super::view::LINKED;
use crate::launcher::{Processes, Spawn, Unavailable};

/// Beside what is the system's own: processes are told of by name only, and what cannot be looked into
/// stays so.
const ON_HOST: [&str; 2] = ["/proc", "/sys/devices/system"];
/// Of a thousand: as if attempts used a third of all memory more than they do.
const OUT_OF_MEMORY_SCORE: i32 = 300;
/// Why root needs a control group at level `landlock`.
const ROOT: &str = "as root, the kernel bounds processes by a control group only, and there is none \
    to be had here; run orchestra as an ordinary user, or choose --sandbox strict";

/// What confines one slot process's attempts.
pub(crate) struct Engine {
    level: SandboxLevel,
    strict: Option<Strict>,
    group: Option<Group>,
    /// Where the filter asks, and who answers.
    asked: Option<(OwnedFd, Watch)>,
    ruleset: Option<OwnedFd>,
    tree: Tree,
    null: OwnedFd,
    stack: Stack,
}

/// Why a program was not started.
#[derive(Debug)]
pub(crate) enum Unstarted {
    /// The kernel does not start it.
    Errno(i32),
    /// Its confinement failed.
    Unavailable(Unavailable),
    /// Nothing can be started by this process any more.
    Lost,
}

impl Engine {
    /// For the slot of this number. What cannot be promised here is told, too.
    pub(crate) fn set_up(
        confinement: &Confinement,
        number: u32,
    ) -> Result<(Self, Vec<Guarantee>), Unavailable> {
        let processes = Processes::open().map_err(|error| broken("/proc", &error))?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let null = rustix::fs::open("/dev/null", flags, Mode::empty());
        let null = null.map_err(|error| broken("/dev/null", &error.into()))?;
        let level = confinement.level;
        let mut kept = Kept::at(level, &confinement.confine);
        let mut engine = Self {
            level,
            strict: None,
            group: None,
            asked: None,
            ruleset: None,
            tree: Tree {
                processes,
                init: None,
            },
            null,
            stack: Stack::new(),
        };
        if level != SandboxLevel::None {
            let confined = engine.confine(confinement, number, &mut kept);
            confined.map_err(|unavailable| naming(unavailable, &confinement.confine))?;
        }
        Ok((engine, kept.degraded(&confinement.confine)?))
    }

    fn confine(
        &mut self,
        confinement: &Confinement,
        number: u32,
        kept: &mut Kept,
    ) -> Result<(), Unavailable> {
        be_first_to_go();
        // First, while control groups are in sight, and for what is made on the way, too.
        self.group = kept.group(number)?;
        let open = Open::to(confinement);
        if Fences::of(confinement, false).unix()
            && let Some(socket) = sockets::within_reach(&confinement.confine)
        {
            return Err(missing(Guarantee::NetNone, reachable(&socket)));
        }
        let rules = match self.level {
            SandboxLevel::Strict => {
                let (strict, init) = strict::set_up(confinement, number, &self.tree.processes)?;
                self.tree.init = Some(init);
                self.strict.insert(strict).rules()
            }
            SandboxLevel::Landlock | SandboxLevel::None => {
                if rustix::process::geteuid().is_root() && !kept.has(Guarantee::PidsLimit) {
                    return Err(missing(Guarantee::PidsLimit, ROOT.to_owned()));
                }
                no_lures(confinement)
                    .map_err(|refused| broken("paths of the policy", &io::Error::other(refused)))?;
                Rules::on_host(confinement, &system())
            }
        };
        forgo_privileges().map_err(|error| broken("no new privileges", &error))?;
        match ruleset(&rules) {
            Ok((ruleset, missing)) => {
                self.ruleset = Some(ruleset);
                kept.lose(&missing);
            }
            // A second fence there, the only one here.
            Err(_) if self.level == SandboxLevel::Strict => {}
            Err(error) => {
                return Err(broken("Landlock", &io::Error::other(error)));
            }
        }
        // Attempts of the same user and the same Landlock domain may look into nothing of it.
        let shut = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        shut.map_err(|error| broken("a slot that nobody looks into", &error.into()))?;
        self.filter(confinement, open)
            .map_err(|error| broken("seccomp", &error))
    }

    /// The last step: it holds for this process, too, and so is loaded once and not by every attempt.
    fn filter(&mut self, confinement: &Confinement, open: Open) -> io::Result<()> {
        let own = Own {
            clone: linux::clone_flags(self.strict.is_some()).cast_unsigned(),
            stack: self.stack.address(),
            name: private::TMPFS.as_ptr().addr() as u64,
            at: private::AT.as_ptr().addr() as u64,
            itself: private::ITSELF.as_ptr().addr() as u64,
        };
        let proc = self.tree.processes.as_fd().try_clone_to_owned()?;
        let program = |asks| program_of_slot(&Fences::of(confinement, asks), own);
        match linux::filter(&program(true), true) {
            Ok(Some(listener)) => self.asked = Some((listener, Watch::new(proc, open))),
            // Around this process a filter asks somebody else already, and there can be one only; or
            // the kernel is too old to ask: then nothing is told, and as much denied.
            Ok(None) | Err(_) => drop(linux::filter(&program(false), false)?),
        }
        Ok(())
    }

    /// Where questions of attempts arrive.
    pub(crate) fn questions(&self) -> Option<BorrowedFd<'_>> {
        self.asked.as_ref().map(|(listener, _)| listener.as_fd())
    }

    /// Answers one of them.
    pub(crate) fn answer(&mut self) -> io::Result<()> {
        match &mut self.asked {
            Some((listener, watch)) => watch.answer(listener.as_fd()),
            None => Ok(()),
        }
    }

    /// What the attempt that just ended was denied.
    pub(crate) fn denied(&mut self) -> Vec<DeniedAction> {
        let watch = self.asked.as_mut().map(|(_, watch)| watch);
        watch.map(Watch::take).unwrap_or_default()
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What the attempt that just ended used, where it is counted.
    pub(crate) fn usage(&self) -> Usage {
        self.group.as_ref().map(Group::end).unwrap_or_default()
    }

    /// Starts an attempt whose output goes to these descriptors.
    pub(crate) fn spawn(
        &mut self,
        spawn: &Spawn,
        [stdout, stderr]: [BorrowedFd<'_>; 2],
    ) -> Result<Started, Unstarted> {
        let asked = &spawn.limits;
        let ready = self.prepare(asked);
        ready.map_err(|error| Unstarted::Unavailable(broken("before an attempt", &error)))?;
        let uncounted = self.strict.as_ref().map_or(0, Strict::uncounted);
        let limits = limits(asked, self.level, uncounted);
        let identity = self.strict.as_ref().and_then(Strict::identity);
        if let Some(id) = identity {
            // For those who open them again, as `/dev/stderr`.
            for stream in [stdout, stderr] {
                let owner = (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
                let _owned = rustix::fs::fchown(stream, owner.0, owner.1);
            }
        }
        let strings = Strings::of(spawn)?;
        let plan = Plan {
            program: &strings.program,
            argv: &strings.argv,
            env: &strings.env,
            cwd: &strings.cwd,
            streams: [self.null.as_fd(), stdout, stderr],
            private: self.strict.is_some(),
            limits: &limits,
            identity,
            drop_capabilities: self.level != SandboxLevel::None,
            ruleset: self.ruleset.as_ref().map(|ruleset| ruleset.as_fd()),
        };
        linux::spawn(&plan, &mut self.stack).map_err(|failed| {
            let init = self.tree.init.as_ref();
            match failed.step {
                Step::Clone if init.is_some_and(Init::is_gone) => Unstarted::Lost,
                _ => unstarted(failed),
            }
        })
    }

    /// After an attempt, when nobody waits any more.
    pub(crate) fn tidy(&mut self) {
        if let Some(strict) = &mut self.strict {
            strict.tidy();
        }
    }

    fn prepare(&mut self, limits: &Limits) -> io::Result<()> {
        if let Some(group) = &mut self.group {
            group.begin(limits.memory_bytes, limits.pids)?;
        }
        match &mut self.strict {
            Some(strict) => strict.prepare(limits, &self.tree.processes, &self.stack),
            None => Ok(()),
        }
    }
}

/// When memory is short on the host, attempts go before whoever watches them.
fn be_first_to_go() {
    const FILE: &str = "/proc/self/oom_score_adj";
    let score = fs_err::read_to_string(FILE).ok();
    let score = score.and_then(|text| text.trim().parse::<i32>().ok());
    if score.is_some_and(|score| score < OUT_OF_MEMORY_SCORE) {
        // A wish: nothing rests on it.
        let _written = fs_err::write(FILE, OUT_OF_MEMORY_SCORE.to_string());
    }
}

/// Programs gain nothing by executing, whatever their files say; this holds for all descendants.
fn forgo_privileges() -> io::Result<()> {
    let may = rustix::thread::capabilities(None)?.effective;
    if may.contains(CapabilitySet::SETPCAP) {
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
        rustix::thread::set_capabilities_secure_bits(bits)?;
    }
    Ok(rustix::thread::set_no_new_privs(true)?)
}

fn reachable(socket: &Path) -> String {
    let socket = socket.display();
    format!(
        "attempts with unix sockets of their own could connect to `{socket}`, which is the host's; open a \
         directory without it, or set `unix_sockets: deny`"
    )
}

/// What everybody may read where there is no view of its own.
fn system() -> Vec<PathBuf> {
    let roots = SYSTEM.iter().chain(&LINKED).chain(&ON_HOST);
    let roots = roots.map(PathBuf::from);
    roots.chain(etc::on_host()).collect()
}

fn unstarted(Failed { step, errno }: Failed) -> Unstarted {
    let what = match step {
        Step::Clone | Step::Exec | Step::Directory | Step::Group => {
            return Unstarted::Errno(errno);
        }
        Step::Limits => "limits",
        Step::Identity => "a user of its own",
        Step::Capabilities => "no capabilities",
        Step::Landlock => "Landlock",
        Step::Streams => "standard streams",
    };
    let error = io::Error::from_raw_os_error(errno);
    Unstarted::Unavailable(broken(what, &error))
}

/// What goes to the kernel as C strings.
struct Strings {
    program: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: CString,
}

impl Strings {
    fn of(spawn: &Spawn) -> Result<Self, Unstarted> {
        // A NUL byte inside a string has no errno of its own.
        const NUL: Unstarted = Unstarted::Errno(rustix::io::Errno::INVAL.raw_os_error());
        let c = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| NUL);
        let entry = |(name, value): &(std::ffi::OsString, std::ffi::OsString)| {
            let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
            CString::new(entry).map_err(|_| NUL)
        };
        Ok(Self {
            program: c(spawn.program.as_os_str())?,
            argv: spawn
                .argv
                .iter()
                .map(|arg| c(arg))
                .collect::<Result<_, _>>()?,
            env: spawn.env.iter().map(entry).collect::<Result<_, _>>()?,
            cwd: c(spawn.cwd.as_os_str())?,
        })
    }
}

/// Resource, soft limit, hard limit.
fn limits(limits: &Limits, level: SandboxLevel, uncounted: u64) -> Vec<(Resource, u64, u64)> {
    let mut set = Vec::with_capacity(4);
    if let Some(cpu) = limits.cpu_ms {
        let seconds = cpu.div_ceil(1000).max(1);
        // SIGXCPU first, which says what happened; SIGKILL for those who ignore it.
        set.push((Resource::Cpu, seconds, seconds + 1));
    }
    if let Some(bytes) = limits.file_bytes {
        set.push((Resource::Fsize, bytes, bytes));
    }
    if let (SandboxLevel::Strict, Some(pids)) = (level, limits.pids) {
        let all = u64::from(pids) + uncounted;
        set.push((Resource::Nproc, all, all));
    }
    if level != SandboxLevel::None {
        set.push((Resource::Core, 0, 0));
    }
    set
}
