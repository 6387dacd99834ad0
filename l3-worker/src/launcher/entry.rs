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
use super::tree::{self, Left, Member};

/// The first argument that makes the product's binary a launcher instead.
pub const WORD: &str = "__orchestra-launcher";
pub(super) const LAUNCHER_WORD: &str = "launcher";
const SLOT_WORD: &str = "slot";

/// Between looks at processes that are being killed.
const KILLING_TICK: Duration = Duration::from_millis(5);
/// Slot processes kill their trees themselves when the worker is gone; then the launcher helps.
const SLOTS_EXIT: Duration = Duration::from_secs(2);
/// Only uninterruptible sleep outlives this many seconds of SIGKILL.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The hidden entry of the product's binary: call it first in `main`, before any thread, when the
/// first argument is [`WORD`], with the arguments after it.
pub fn entry(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    // What payloads may open, as orchestra itself was started with.
    let (role, files) = (args.next(), args.next());
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
            descriptors::take_word(files).and_then(|()| serve())
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
    close_inherited()?;
    descriptors::raise()?;
    // No terminal: Ctrl-C goes to orchestra alone, and a tool that asks for a password fails
    // instead of stopping on terminal input for ever.
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut conn = Conn::new(io::stdin().as_fd().try_clone_to_owned()?);
    let mut slots: Vec<Slot> = Vec::new();
    // Tombs of slots that died while what they ran may still live.
    let mut unburied: Vec<OwnedFd> = Vec::new();
    loop {
        let (message, exited) = wait(&conn, &slots, !unburied.is_empty())?;
        for index in exited.into_iter().rev() {
            let mut slot = slots.swap_remove(index);
            let _status = slot.child.wait();
            unburied.push(slot.tomb);
        }
        if !unburied.is_empty() && kill_orphans(&slots)? == Left::Nothing {
            unburied.clear();
        }
        if message && !conn.receive()? {
            break;
        }
        while let Some(frame) = conn.next_frame()? {
            match frame.kind {
                // A slot that cannot be started shows as end-of-file on its socket.
                frame::START_SLOT => slots.extend(start_slot(frame, files).ok()),
                frame::KILL_SLOT => kill_slot(&frame, &slots),
                _ => {}
            }
        }
    }
    end_everything(slots)
}

/// Closes what orchestra was started with beyond standard streams: nothing of it may leak into
/// payloads, whoever forgot to mark it close-on-exec.
fn close_inherited() -> io::Result<()> {
    let mut inherited = Vec::new();
    for entry in fs_err::read_dir("/proc/self/fd")? {
        let number: Option<i32> = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        inherited.extend(number.filter(|&number| number > 2));
    }
    for number in inherited {
        // The directory being read is among them and closed already.
        let _closed = nix::unistd::close(number);
    }
    Ok(())
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

fn start_slot(frame: Frame, files: &str) -> io::Result<Slot> {
    let incomplete = || io::Error::from(io::ErrorKind::InvalidData);
    let number = frame::decode_u32(&frame.body).ok_or_else(incomplete)?;
    let Ok([socket, tomb]) = <[OwnedFd; 2]>::try_from(frame.fds) else {
        return Err(incomplete());
    };
    let (lifeline, our_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("orchestra")
        .args([WORD, SLOT_WORD, files])
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
fn kill_orphans(slots: &[Slot]) -> io::Result<Left> {
    let mut orphans = Vec::new();
    for pid in tree::children()? {
        if slots.iter().all(|slot| Pid::from_child(&slot.child) != pid) {
            let _status = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            orphans.extend(tree::look(pid));
        }
    }
    if orphans.is_empty() {
        return Ok(Left::Nothing);
    }
    let roots: Vec<i32> = orphans
        .iter()
        .map(|orphan| orphan.pid.as_raw_nonzero().get())
        .collect();
    let below = tree::descendants(&tree::snapshot()?, &roots);
    for member in orphans
        .iter()
        .chain(&below)
        .filter(|member: &&Member| !member.zombie)
    {
        tree::signal(member, Signal::KILL);
    }
    Ok(Left::Living)
}

/// The worker is gone: slots end their trees on their own, and the launcher ends what remains.
fn end_everything(slots: Vec<Slot>) -> io::Result<()> {
    drop(slots);
    let begun = Instant::now();
    while tree::reap() == Left::Living {
        if begun.elapsed() > GIVE_UP {
            return Err(io::Error::other("a process outlived SIGKILL"));
        }
        if begun.elapsed() > SLOTS_EXIT {
            tree::signal_descendants(Signal::KILL)?;
        }
        std::thread::sleep(KILLING_TICK);
    }
    Ok(())
}
