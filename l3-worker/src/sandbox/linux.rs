//! The one file with unsafe code: what no safe interface offers. It decides nothing.
//!
//! Above all the spawn: a child that shares this process's memory until it executes (`CLONE_VM` and
//! `CLONE_VFORK`, as `posix_spawn` does it), on a stack of its own, with everything it needs prepared
//! before. It makes system calls only: no allocation, no lock, no panic.
#![expect(
    unsafe_code,
    reason = "clone, fork, wait4, mount_setattr and seccomp have no safe interface"
)]

use std::ffi::{CString, c_char, c_int, c_long, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;
use rustix::process::Pid;

use super::child;
use super::denied::Request;
use super::plan::{Failed, Instruction, Plan, Step};

/// Far above what the child's few frames take, in debug builds too; untouched pages cost nothing.
const STACK_BYTES: usize = 256 * 1024;

/// A running program.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
}

/// Where children run until they execute.
pub(crate) struct Stack(Vec<u128>);

impl Stack {
    pub(crate) fn new() -> Self {
        Self(vec![0; STACK_BYTES / size_of::<u128>()])
    }

    /// From where it grows: the middle of a block of 256 bytes, of which the C library may take a few
    /// before it tells the kernel.
    pub(crate) fn address(&self) -> u64 {
        let end = self.0.as_ptr_range().end.addr() as u64;
        ((end - 256) & !0xFF) + 128
    }
}

/// What parent and child share.
struct Job<'a> {
    plan: &'a Plan<'a>,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    step: AtomicI32,
    errno: AtomicI32,
}

/// How an attempt is started.
pub(crate) fn clone_flags(private: bool) -> c_int {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWIPC;
    if private { flags | namespaces } else { flags }
}

/// Starts a program; returns when it executes, or failed to.
pub(crate) fn spawn(plan: &Plan<'_>, stack: &mut Stack) -> Result<Started, Failed> {
    let pointers = |strings: &[CString]| {
        let strings = strings.iter().map(|one| one.as_ptr());
        strings.chain([std::ptr::null()]).collect()
    };
    let job = Job {
        plan,
        argv: pointers(plan.argv),
        env: pointers(plan.env),
        step: AtomicI32::new(0),
        errno: AtomicI32::new(0),
    };
    let flags = clone_flags(plan.private);
    let mut pidfd: RawFd = -1;
    let below = stack.0.as_ptr_range().end.addr() as u64 - stack.address();
    let below = usize::try_from(below).expect("less than two blocks");
    let top = stack.0.as_mut_ptr_range().end.wrapping_byte_sub(below);
    // SAFETY: `child` runs on `stack`, which nobody else uses meanwhile, and reads `job`, which
    // outlives it: CLONE_VFORK suspends this, the only, thread until the child executed or exited.
    let pid = unsafe {
        libc::clone(
            child,
            top.cast(),
            flags,
            (&raw const job).cast_mut().cast(),
            &raw mut pidfd,
        )
    };
    if pid < 0 {
        return Err(Failed {
            step: Step::Clone,
            errno: last_errno(),
        });
    }
    // SAFETY: the kernel made it for this call, and nothing else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let pid = Pid::from_raw(pid).expect("a child has a positive pid");
    match job.errno.load(Ordering::Relaxed) {
        0 => Ok(Started { pid, pidfd }),
        errno => {
            let _reaped = wait4(pid);
            let step = usize::try_from(job.step.load(Ordering::Relaxed)).unwrap_or_default();
            let step = Step::ALL.get(step).copied().unwrap_or(Step::Clone);
            Err(Failed { step, errno })
        }
    }
}

extern "C" fn child(job: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes its `Job` and waits.
    let job = unsafe { &*job.cast_const().cast::<Job<'_>>() };
    let failed = job.become_program();
    job.step.store(failed.step as i32, Ordering::Relaxed);
    job.errno.store(failed.errno, Ordering::Relaxed);
    // SAFETY: ends this process without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

fn last_errno() -> i32 {
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

fn check(step: Step, returned: impl Into<i64>) -> Result<(), Failed> {
    if returned.into() < 0 {
        let errno = last_errno();
        return Err(Failed { step, errno });
    }
    Ok(())
}

impl Job<'_> {
    fn become_program(&self) -> Failed {
        match self.prepare() {
            Ok(()) => {}
            Err(failed) => return failed,
        }
        let (argv, env) = (self.argv.as_ptr(), self.env.as_ptr());
        // SAFETY: both arrays end with a null pointer and hold C strings that live in the plan.
        unsafe { libc::execve(self.plan.program.as_ptr(), argv, env) };
        let errno = last_errno();
        Failed {
            step: Step::Exec,
            errno,
        }
    }

    fn prepare(&self) -> Result<(), Failed> {
        let plan = self.plan;
        child::begin(plan)?;
        // SAFETY: masks and actions are this process's own; the structure lives on this stack.
        unsafe {
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        if let Some(id) = plan.identity {
            become_user(id)?;
        }
        child::confine(plan)?;
        if let Some(ruleset) = plan.ruleset {
            let fd = ruleset.as_raw_fd();
            // SAFETY: a descriptor of the plan.
            let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, fd, 0_u32) };
            check(Step::Landlock, done)?;
        }
        for (number, stream) in (0..).zip(&plan.streams) {
            // SAFETY: concerns descriptors of this process only.
            check(Step::Streams, unsafe {
                libc::dup2(stream.as_raw_fd(), number)
            })?;
        }
        close_from(3, 0)
    }
}

fn close_from(first: u32, flags: u32) -> Result<(), Failed> {
    // SAFETY: concerns descriptors of this process only.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) };
    check(Step::Streams, closed)
}

/// By system calls: the C library's wrappers would want to tell the parent's other threads.
fn become_user(id: u32) -> Result<(), Failed> {
    // SAFETY: changes this process's credentials only.
    unsafe {
        let calls = [
            libc::syscall(libc::SYS_setgroups, 0_usize, std::ptr::null::<u32>()),
            libc::syscall(libc::SYS_setresgid, id, id, id),
            libc::syscall(libc::SYS_setresuid, id, id, id),
        ];
        let mut calls = calls.into_iter();
        calls.try_for_each(|returned| check(Step::Identity, returned))
    }
}

/// Loads a filter for this process and all it starts from now on. One that asks returns where.
pub(crate) fn filter(program: &[Instruction], asks: bool) -> io::Result<Option<OwnedFd>> {
    let asking = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Older kernels let signals end a call that was asked about.
    let killable = asking | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    let flags = if asks { &[killable, asking][..] } else { &[0] };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_ptr().cast_mut(),
    };
    let load = |flags: &c_ulong| {
        // SAFETY: the kernel reads `len` instructions from `filter` and checks them.
        unsafe { libc::syscall(libc::SYS_seccomp, mode, *flags, &raw const program) }
    };
    let loaded = flags.iter().map(load).find(|loaded| *loaded >= 0);
    match (loaded.unwrap_or(-1), asks) {
        (-1, _) => Err(io::Error::last_os_error()),
        (_, false) => Ok(None),
        (fd, true) => {
            let fd = RawFd::try_from(fd).unwrap_or(-1);
            // SAFETY: the kernel made it for this call, and nothing else knows it.
            Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
        }
    }
}

/// How a child ended.
pub(crate) struct Ended {
    /// Raw wait status.
    pub(crate) status: i32,
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
    pub(crate) peak_rss_bytes: u64,
}

/// Reaps this child, waiting for its end.
pub(crate) fn wait4(pid: Pid) -> io::Result<Ended> {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        let pid = pid.as_raw_nonzero().get();
        // SAFETY: both structures live on this stack.
        let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        if reaped >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let micros = |time: libc::timeval| {
        let (whole, part) = (time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs());
        whole.saturating_mul(1_000_000).saturating_add(part)
    };
    Ok(Ended {
        status,
        user_us: micros(usage.ru_utime),
        system_us: micros(usage.ru_stime),
        peak_rss_bytes: usage.ru_maxrss.unsigned_abs().saturating_mul(1024),
    })
}

/// A copy of this process, which must have one thread only. `None` in the copy.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: with a single thread no lock can be held by another one in the copy.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// A copy of this process in a user namespace of its own. `None` in the copy.
pub(crate) fn fork_into_user_namespace() -> io::Result<Option<Pid>> {
    let flags = c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD);
    // SAFETY: a plain fork with one more namespace; see `fork`.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(i32::try_from(pid).unwrap_or_default())),
    }
}

/// Ends this process at once, without running what the parent registered.
pub(crate) fn leave() -> ! {
    // SAFETY: no memory is touched afterwards.
    unsafe { libc::_exit(0) }
}

/// Children that end are reaped by the kernel from now on.
pub(crate) fn reap_children_unseen() {
    // SAFETY: no handler is involved.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// SIGKILL to every process of this process namespace but this one.
pub(crate) fn kill_everyone() {
    // SAFETY: no memory is involved. That there was nobody is no failure.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Closes every descriptor beyond standard streams.
pub(crate) fn close_inherited() -> io::Result<()> {
    close_from(3, 0).map_err(|failed| io::Error::from_raw_os_error(failed.errno))
}

/// Closes every descriptor but this one.
pub(crate) fn keep_only(kept: OwnedFd) -> OwnedFd {
    // SAFETY: what owned the others is forgotten by a copy that only ever serves this one.
    let moved = unsafe {
        libc::dup2(kept.as_raw_fd(), 0);
        OwnedFd::from_raw_fd(0)
    };
    std::mem::forget(kept);
    let _closed = close_from(1, 0);
    moved
}

/// Namespaces for this process, and for its children where the kernel says so.
pub(crate) fn unshare(flags: rustix::thread::UnshareFlags) -> io::Result<()> {
    // SAFETY: nobody passes FILES, the one flag that could harm.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// A network namespace for this process, past its own filter: the kernel ignores the second argument.
pub(crate) fn leave_network(stack: &Stack) -> io::Result<()> {
    let flags = c_long::from(libc::CLONE_NEWNET);
    // SAFETY: no memory is involved.
    match unsafe { libc::syscall(libc::SYS_unshare, flags, stack.address()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What [`set_mount_attributes`] sets, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) read_only: bool,
    pub(crate) no_devices: bool,
    /// Owners are translated by this user namespace.
    pub(crate) mapped_by: Option<BorrowedFd<'a>>,
}

/// For a whole tree of mounts; set-user-id bits never count.
pub(crate) fn set_mount_attributes(
    tree: BorrowedFd<'_>,
    attributes: Attributes<'_>,
) -> io::Result<()> {
    const READ_ONLY: u64 = 0x1;
    const NO_SUID: u64 = 0x2;
    const NO_DEVICES: u64 = 0x4;
    const MAPPED: u64 = 0x10_0000;
    let mut set = NO_SUID;
    for (wanted, flag) in [
        (attributes.read_only, READ_ONLY),
        (attributes.no_devices, NO_DEVICES),
        (attributes.mapped_by.is_some(), MAPPED),
    ] {
        set |= if wanted { flag } else { 0 };
    }
    let user_namespace = attributes.mapped_by.map_or(0, |fd| fd.as_raw_fd());
    // `struct mount_attr`: what to set, what to clear, propagation, user namespace.
    let structure = [set, 0, 0, u64::from(user_namespace.unsigned_abs())];
    // SAFETY: the structure lives on this stack and its size is given.
    let changed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            structure.as_ptr(),
            size_of_val(&structure),
        )
    };
    if changed < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Carries out a request to the listener of a filter that asks.
pub(crate) fn request(listener: BorrowedFd<'_>, request: Request<'_>) -> io::Result<()> {
    let (number, argument): (_, *mut c_void) = match request {
        Request::Receive(asked) => (libc::SECCOMP_IOCTL_NOTIF_RECV, (&raw mut *asked).cast()),
        Request::StillAsked(id) => (libc::SECCOMP_IOCTL_NOTIF_ID_VALID, (&raw mut *id).cast()),
        Request::Answer(answer) => (libc::SECCOMP_IOCTL_NOTIF_SEND, (&raw mut *answer).cast()),
    };
    // SAFETY: each number goes with its structure, which is borrowed for this call.
    match unsafe { libc::ioctl(listener.as_raw_fd(), number, argument) } {
        ..0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
