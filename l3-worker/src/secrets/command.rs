//! A secret from a program of the user's, such as a password manager: run outside any sandbox, without a
//! shell, with orchestra's own environment and nobody to ask.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use zeroize::Zeroizing;

use super::error::Why;
use super::secret::{MAX_SECRET_BYTES, Secret};
use crate::stop::Stop;

/// Long enough for a manager that asks a remote one; a run waits for it.
pub(super) const WALL: Duration = Duration::from_secs(30);
/// What is left in the pipes of a program that ended is read at once; a stranger that holds them open
/// could write for ever.
const DRAIN: Duration = Duration::from_millis(200);
/// Where programs are without a `PATH`, as the C library has it.
const USUAL_PATH: &str = "/bin:/usr/bin";
const CHUNK_BYTES: usize = 4096;
/// The longest value and its line break.
const MOST_PRINTED: usize = MAX_SECRET_BYTES + 2;

/// What a program prints within this time, or the longest that anybody waits.
pub(super) fn run(
    argv: &[String],
    root: &Path,
    stop: &Stop,
    within: Duration,
) -> Result<Secret, Why> {
    let wall = within.min(WALL);
    if stop.level().is_some() {
        return Err(Why::Stopped);
    }
    let name = argv.first().map_or("", String::as_str);
    let not_started = |error: io::Error| Why::NotStarted {
        program: name.to_owned(),
        error: error.to_string(),
    };
    let file = program(name, std::env::var_os("PATH").as_deref())?;
    let mut command = Command::new(file);
    command
        .arg0(name)
        .args(argv.iter().skip(1))
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group, so that what it started ends with it.
        .process_group(0);
    let mut child = command.spawn().map_err(not_started)?;
    let talked = Talk::new(&mut child).and_then(|mut talk| {
        let ended = talk.listen(stop, Instant::now() + wall)?;
        Ok((talk, ended))
    });
    // Before it is waited for: until then its number is nobody else's.
    let _gone = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait();
    let (talk, ended) = talked.map_err(not_started)?;
    let status = status.map_err(not_started)?;
    match ended {
        Ended::Stopped => Err(Why::Stopped),
        Ended::TooLong => Err(Why::TooLong),
        Ended::Late => Err(Why::TimedOut {
            program: name.to_owned(),
            wall,
        }),
        Ended::Exited if status.success() => Secret::of_text(&talk.printed),
        Ended::Exited => Err(Why::Failed {
            program: name.to_owned(),
            status: status.to_string(),
        }),
    }
}

/// The file that is run, which no relative path names: beneath the scenario's root, where it would be
/// looked for, a task of the run could have put anything.
fn program(name: &str, search: Option<&OsStr>) -> Result<PathBuf, Why> {
    if Path::new(name).is_absolute() {
        return Ok(name.into());
    }
    if name.contains('/') {
        return Err(Why::Relative(name.to_owned()));
    }
    let search = search.unwrap_or(OsStr::new(USUAL_PATH));
    let dirs = std::env::split_paths(search).filter(|dir| dir.is_absolute());
    let mut files = dirs.map(|dir| dir.join(name));
    let found = files.find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok());
    found.ok_or_else(|| Why::NotStarted {
        program: name.to_owned(),
        error: io::Error::from(Errno::NOENT).to_string(),
    })
}

enum Ended {
    Exited,
    Late,
    Stopped,
    TooLong,
}

/// What it prints and says, and the news of its end.
struct Talk {
    pidfd: OwnedFd,
    /// Until their ends.
    out: Option<OwnedFd>,
    err: Option<OwnedFd>,
    printed: Zeroizing<Vec<u8>>,
}

impl Talk {
    fn new(child: &mut Child) -> io::Result<Self> {
        Ok(Self {
            pidfd: rustix::process::pidfd_open(Pid::from_child(child), PidfdFlags::empty())?,
            out: child.stdout.take().map(OwnedFd::from),
            err: child.stderr.take().map(OwnedFd::from),
            // Never moved to a larger place, which would leave a copy.
            printed: Zeroizing::new(Vec::with_capacity(MOST_PRINTED + CHUNK_BYTES)),
        })
    }

    /// Until it ends, and then what is in the pipes.
    fn listen(&mut self, stop: &Stop, mut deadline: Instant) -> io::Result<Ended> {
        let mut exited = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(if exited { Ended::Exited } else { Ended::Late });
            }
            let left = if exited { Duration::ZERO } else { left };
            let [stopped, ended, out, err] = self.wait(stop, left)?;
            if stopped && !exited {
                return Ok(Ended::Stopped);
            }
            if out {
                read(&mut self.out, |bytes| self.printed.extend_from_slice(bytes))?;
            }
            if err {
                // It may hold the value, or parts of it: nobody keeps it.
                read(&mut self.err, |_| ())?;
            }
            if self.printed.len() > MOST_PRINTED {
                return Ok(Ended::TooLong);
            }
            if exited && !out && !err {
                return Ok(Ended::Exited);
            }
            if ended && !exited {
                exited = true;
                deadline = Instant::now() + DRAIN;
            }
        }
    }

    /// Whether it is to stop, ended, printed or said something, or `left` is over.
    fn wait(&self, stop: &Stop, left: Duration) -> io::Result<[bool; 4]> {
        // Rounded up: waking a moment early would spin until the deadline.
        let left = left + Duration::from_millis(u64::from(!left.is_zero()));
        let left = Timespec::try_from(left).expect("seconds fit");
        let (stop, pidfd) = (Some(stop.as_fd()), Some(self.pidfd.as_fd()));
        let watched = [stop, pidfd, fd_of(&self.out), fd_of(&self.err)];
        let fds = watched.into_iter().flatten();
        let fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let mut fds: Vec<PollFd<'_>> = fds.collect();
        match rustix::event::poll(&mut fds, Some(&left)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(watched.map(|fd| fd.is_some() && ready.next().unwrap_or(false)))
    }
}

fn fd_of(pipe: &Option<OwnedFd>) -> Option<BorrowedFd<'_>> {
    pipe.as_ref().map(OwnedFd::as_fd)
}

/// What is there, or that nothing will be any more.
fn read(pipe: &mut Option<OwnedFd>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let Some(open) = pipe else { return Ok(()) };
    let mut chunk = Zeroizing::new([0; CHUNK_BYTES]);
    match rustix::io::read(open, &mut chunk[..]) {
        Ok(0) => *pipe = None,
        Ok(read) => take(&chunk[..read]),
        Err(Errno::INTR | Errno::AGAIN) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::StopLevel;

    fn sh(script: &str, wall: Duration) -> Result<String, Why> {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned);
        let stop = Stop::new().unwrap();
        let secret = run(&argv, Path::new("/"), &stop, wall);
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn what_it_prints_is_the_value() {
        assert_eq!(
            sh("echo said >&2; printf '12345678\n'", WALL).unwrap(),
            "12345678"
        );
        assert_eq!(sh("cat; pwd; echo 12345678", WALL).unwrap(), "/\n12345678");
        let most = format!("head -c {MAX_SECRET_BYTES} /dev/zero | tr '\\0' a; echo");
        assert_eq!(sh(&most, WALL).unwrap().len(), MAX_SECRET_BYTES);
        assert_eq!(sh("echo short", WALL), Err(Why::TooShort));
    }

    #[test]
    fn a_failure_tells_nothing_of_what_was_said() {
        let script = "echo half; echo no tok_0123456789 here >&2; exit 3";
        let failed = sh(script, WALL).unwrap_err().to_string();
        let withheld = "its stderr is withheld, since it could hold the value; run it by hand";
        let wanted = format!("`/bin/sh` failed (exit status: 3); {withheld}");
        assert_eq!(failed, wanted);
        let silent = sh("kill -9 $$", WALL).unwrap_err().to_string();
        let wanted = format!("`/bin/sh` failed (signal: 9 (SIGKILL)); {withheld}");
        assert_eq!(silent, wanted);
        let stop = Stop::new().unwrap();
        let absent = run(&["/no/such".to_owned()], Path::new("/"), &stop, WALL).unwrap_err();
        let wanted = "`/no/such` cannot be started: No such file or directory (os error 2)";
        assert_eq!(absent.to_string(), wanted);
    }

    #[test]
    fn it_ends_in_bounded_time_with_all_it_started() {
        let begun = Instant::now();
        let late = sh("sleep 100 & sleep 100", Duration::from_millis(50));
        let late = late.unwrap_err().to_string();
        assert_eq!(late, "`/bin/sh` did not end within 0.05 s");
        // Somebody who holds the pipes open is not waited for.
        assert_eq!(sh("sleep 100 & echo 12345678", WALL).unwrap(), "12345678");
        assert_eq!(sh("yes", WALL), Err(Why::TooLong));
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn nobody_waits_for_it_once_the_attempt_is_to_stop() {
        let stop = Stop::new().unwrap();
        let argv = ["/bin/sh", "-c", "sleep 100"].map(str::to_owned);
        let look = || run(&argv, Path::new("/"), &stop, Duration::from_secs(100));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(look);
            stop.raise(StopLevel::Terminate);
            assert_eq!(waiting.join().unwrap().unwrap_err(), Why::Stopped);
        });
        // Ordered before it began, and not quiet.
        assert_eq!(look().unwrap_err(), Why::Stopped);
    }

    #[test]
    fn a_program_that_a_task_could_have_written_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("tok.sh");
        fs_err::write(&script, "#!/bin/sh\necho 12345678\n").unwrap();
        rustix::fs::chmod(&script, rustix::fs::Mode::RWXU).unwrap();
        let stop = Stop::new().unwrap();
        for name in ["./tok.sh", "../tok.sh", "sub/../tok.sh"] {
            let refused = run(&[name.to_owned()], dir.path(), &stop, WALL).unwrap_err();
            let wanted = format!(
                "`{name}` is not run: a task could have changed it; name it absolutely, or by a name on \
                 PATH"
            );
            assert_eq!(refused.to_string(), wanted);
        }
        let absolute = [script.display().to_string()];
        assert_eq!(
            run(&absolute, dir.path(), &stop, WALL).unwrap().expose(),
            "12345678"
        );
    }

    #[test]
    fn relative_directories_on_the_path_are_passed_over() {
        let look = |name: &str, search: &str| program(name, Some(OsStr::new(search)));
        assert_eq!(
            look("sh", ".::src:/nowhere:/bin").unwrap(),
            Path::new("/bin/sh")
        );
        assert_eq!(program("sh", None).unwrap(), Path::new("/bin/sh"));
        // From wherever this runs.
        let relative = format!("{}bin", "../".repeat(64));
        for (name, search) in [("sh", relative.as_str()), ("", "/bin"), ("sh", "")] {
            let absent = look(name, search).unwrap_err().to_string();
            let wanted = "cannot be started: No such file or directory (os error 2)";
            assert_eq!(absent, format!("`{name}` {wanted}"));
        }
    }
}
