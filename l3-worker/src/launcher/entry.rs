//! The launcher's own side: starts slot processes, and is the subreaper behind them.
//!
//! When a slot process is killed, what it was running becomes a child of the launcher, which kills
//! it and then closes that slot's tomb: the worker sees end-of-file there and knows the tree is
//! dead. When the worker goes away, everything goes away. No threads, no tokio, no logging.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::conn::{Conn, Frame};
use super::descriptors;
use super::frame;
use super::serve::serve;
use super::tree::{Left, Member, Processes, descendants, reap};
use crate::sandbox::{Host, close_inherited, payload};

/// The first argument that makes the product's binary a launcher instead.
pub const WORD: &str = "__orchestra-launcher";
pub(super) const LAUNCHER_WORD: &str = "launcher";
const SLOT_WORD: &str = "slot";
pub(crate) const PROBE_WORD: &str = "probe";

/// Between looks at processes that are being killed.
const KILLING_TICK: Duration = Duration::from_millis(5);
/// Slot processes kill their trees themselves when the worker is gone; then the launcher helps.
const SLOTS_EXIT: Duration = Duration::from_secs(2);
/// Only uninterruptible sleep outlives this many seconds of SIGKILL.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The hidden entry of the product's binary: call it first in `main`, before any thread, when the
/// first argument is [`WORD`], with the arguments after it.
pub fn entry(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let role = args.next();
    if role.as_deref().is_some_and(|role| role == PROBE_WORD) {
        return ExitCode::from(u8::from(payload(args).is_err()));
    }
    // What payloads may open, as orchestra itself was started with.
    let files = args.next();
    let files = files
        .as_deref()
        .and_then(|word| word.to_str())
        .unwrap_or_default();
    let served = match role.as_deref().and_then(|word| word.to_str()) {
        Some(LAUNCHER_WORD) => {
            name(c"orch-launcher");
            launch(files)
        }
        Some(SLOT_WORD) => {
            name(c"orch-slot");
            let number = args.next().and_then(|word| word.to_str()?.parse().ok());
            descriptors::take_word(files).and_then(|()| serve(number.unwrap_or_default()))
        }
        _ => return ExitCode::from(2),
    };
    // An error here means the other side is gone or a tree outlived SIGKILL; both were reported
    // where it matters, by closing the socket.
    ExitCode::from(u8::from(served.is_err()))
}

/// For people who read `ps`; nothing depends on it.
fn name(name: &std::ffi::CStr) {
    let _named = rustix::thread::set_name(name);
}

/// One slot process. Dropping the tomb tells the worker that its tree is dead.
struct Slot {
    number: u32,
    child: Child,
    pidfd: OwnedFd,
    tomb: OwnedFd,
    _lifeline: OwnedFd,
}

fn launch(files: &str) -> io::Result<()> {
    // Nothing that orchestra was started with may leak into payloads, whoever forgot to mark it
    // close-on-exec.
    close_inherited()?;
    let processes = Processes::open()?;
    descriptors::raise()?;
    // No terminal: Ctrl-C goes to orchestra alone, and a tool that asks for a password fails
    // instead of stopping on terminal input for ever.
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut conn = Conn::new(io::stdin().as_fd().try_clone_to_owned()?);
    let mut slots: Vec<Slot> = Vec::new();
    // Tombs of slots that died while what they ran may still live.
    let mut unburied: Vec<(u32, OwnedFd)> = Vec::new();
    let mut groups = Groups::default();
    loop {
        let (message, exited) = wait(&conn, &slots, !unburied.is_empty())?;
        for index in exited.into_iter().rev() {
            let mut slot = slots.swap_remove(index);
            let _status = slot.child.wait();
            unburied.push((slot.number, slot.tomb));
        }
        if !unburied.is_empty() && kill_orphans(&processes, &slots)? == Left::Nothing {
            for (number, tomb) in unburied.drain(..) {
                groups.remove(number);
                drop(tomb);
            }
        }
        if message && !conn.receive()? {
            break;
        }
        while let Some(frame) = conn.next_frame()? {
            match frame.kind {
                // A slot that cannot be started shows as end-of-file on its socket.
                frame::START_SLOT => slots.extend(start_slot(frame, files, &mut groups).ok()),
                frame::KILL_SLOT => kill_slot(&frame, &slots),
                _ => {}
            }
        }
    }
    let numbers = slots.iter().map(|slot| slot.number);
    let numbers: Vec<u32> = numbers
        .chain(unburied.iter().map(|(number, _)| *number))
        .collect();
    let ended = end_everything(&processes, slots);
    for number in numbers {
        groups.remove(number);
    }
    ended
}

/// Control groups, which slot processes make for themselves and cannot remove.
#[derive(Default)]
struct Groups(Option<Host>);

impl Groups {
    /// Before the first slot process that makes one.
    fn prepare(&mut self) {
        self.0.get_or_insert_with(|| {
            let mut host = Host::find();
            host.prepare();
            host
        });
    }

    /// What cannot be removed is, by a later launcher.
    fn remove(&self, slot: u32) {
        if let Some(host) = &self.0 {
            let _removed = host.remove(std::process::id(), slot);
        }
    }
}

fn wait(conn: &Conn, slots: &[Slot], busy: bool) -> io::Result<(bool, Vec<usize>)> {
    let mut fds = vec![PollFd::new(conn, PollFlags::IN)];
    fds.extend(
        slots
            .iter()
            .map(|slot| PollFd::new(&slot.pidfd, PollFlags::IN)),
    );
    let tick = Timespec::try_from(KILLING_TICK).expect("milliseconds fit");
    match rustix::event::poll(&mut fds, busy.then_some(&tick)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    let message = ready.next().unwrap_or(false);
    Ok((
        message,
        ready
            .enumerate()
            .filter_map(|(at, ready)| ready.then_some(at))
            .collect(),
    ))
}

fn start_slot(frame: Frame, files: &str, groups: &mut Groups) -> io::Result<Slot> {
    let incomplete = || io::Error::from(io::ErrorKind::InvalidData);
    let (number, confined) = frame::decode_start(&frame.body).ok_or_else(incomplete)?;
    if confined {
        groups.prepare();
    }
    let Ok([socket, tomb]) = <[OwnedFd; 2]>::try_from(frame.fds) else {
        return Err(incomplete());
    };
    let (lifeline, our_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("orchestra")
        .args([WORD, SLOT_WORD, files, &number.to_string()])
        .env_clear();
    command
        .stdin(Stdio::from(socket))
        .stdout(Stdio::from(lifeline));
    let mut child = command.spawn()?;
    match rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Slot {
            number,
            child,
            pidfd,
            tomb,
            _lifeline: our_end,
        }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.into())
        }
    }
}

/// Its end is noticed like any other, and what it ran is ended as orphans.
fn kill_slot(frame: &Frame, slots: &[Slot]) {
    let number = frame::decode_u32(&frame.body);
    for slot in slots.iter().filter(|slot| Some(slot.number) == number) {
        // Gone already: all the better.
        let _sent = rustix::process::pidfd_send_signal(&slot.pidfd, Signal::KILL);
    }
}

/// Kills and reaps every child that is no slot process, with all beneath it.
fn kill_orphans(processes: &Processes, slots: &[Slot]) -> io::Result<Left> {
    let mut orphans = Vec::new();
    for pid in processes.children()? {
        if slots.iter().all(|slot| Pid::from_child(&slot.child) != pid) {
            let _status = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            orphans.extend(processes.look(pid));
        }
    }
    if orphans.is_empty() {
        return Ok(Left::Nothing);
    }
    let roots: Vec<i32> = orphans
        .iter()
        .map(|orphan| orphan.pid.as_raw_nonzero().get())
        .collect();
    let below = descendants(&processes.snapshot()?, &roots);
    for member in orphans
        .iter()
        .chain(&below)
        .filter(|member: &&Member| !member.zombie)
    {
        processes.signal(member, Signal::KILL);
    }
    Ok(Left::Living)
}

/// The worker is gone: slots end their trees on their own, and the launcher ends what remains.
fn end_everything(processes: &Processes, slots: Vec<Slot>) -> io::Result<()> {
    drop(slots);
    let begun = Instant::now();
    while reap() == Left::Living {
        if begun.elapsed() > GIVE_UP {
            return Err(io::Error::other("a process outlived SIGKILL"));
        }
        if begun.elapsed() > SLOTS_EXIT {
            processes.signal_descendants(Signal::KILL, None)?;
        }
        std::thread::sleep(KILLING_TICK);
    }
    Ok(())
}
