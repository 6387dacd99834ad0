//! What confinement costs an attempt: `true` by the launcher alone (no bus, no journal, no capture) at
//! every level, against `posix_spawn` and wait, and against bubblewrap with the same view where it is
//! installed. Interleaved rounds, medians, ratios of rounds.
//! `cargo run --release --example confine_cost -- [tasks] [slots] [rounds]`

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use l3_worker::launcher::{Launcher, Report, SlotProcess, Spawn, WORD, entry};
use l3_worker::sandbox::Confinement;
use protocol::policy::{Limits, SandboxLevel};

const PROGRAM: &str = "/usr/bin/true";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_ref().is_some_and(|word| word == WORD) {
        return entry(args);
    }
    let mut numbers = first.into_iter().chain(args);
    let mut number = |default: usize| {
        let word = numbers.next();
        word.and_then(|word| word.to_str()?.parse().ok())
            .unwrap_or(default)
    };
    let (tasks, slots, rounds) = (number(10_000), number(16), number(5));
    let work = std::env::temp_dir().join(format!("orchestra-cost-{}", std::process::id()));
    fs_err::create_dir_all(&work).expect("a temporary directory");
    let said = match measure(tasks, slots, rounds, &work) {
        Ok(said) => said,
        Err(why) => format!("{why}\n"),
    };
    // A closed pipe is the reader's wish.
    let _written = std::io::stdout().write_all(said.as_bytes());
    fs_err::remove_dir_all(work).expect("the directory is ours");
    ExitCode::SUCCESS
}

enum How {
    Raw,
    Level(Mutex<Vec<SlotProcess>>),
    Bubblewrap(Vec<String>),
}

fn measure(tasks: usize, slots: usize, rounds: usize, work: &Path) -> Result<String, String> {
    let launcher = Launcher::start().map_err(|error| error.to_string())?;
    let mut ways = vec![("posix_spawn", How::Raw)];
    for level in [
        SandboxLevel::None,
        SandboxLevel::Landlock,
        SandboxLevel::Strict,
    ] {
        let confinement = Confinement {
            level,
            confine: Arc::default(),
            work: work.to_owned(),
        };
        let processes = (0..slots).map(|_| launcher.slot(&confinement));
        let processes: Result<Vec<_>, _> = processes.collect();
        let processes = processes.map_err(|error| error.to_string())?;
        ways.push((level.as_str(), How::Level(Mutex::new(processes))));
    }
    if let Some(command) = bubblewrap(work) {
        ways.push(("bwrap", How::Bubblewrap(command)));
    }
    let each = tasks.div_ceil(rounds);
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for (_, how) in &ways {
        round(how, slots * 2, slots, work)?;
    }
    for _ in 0..rounds {
        for ((_, how), times) in ways.iter().zip(&mut times) {
            let spent = round(how, each, slots, work)?;
            times.push(spent.as_secs_f64() * 1000.0 / each as f64);
        }
    }
    let user = rustix::process::geteuid().as_raw();
    let mut said = format!("user {user}, {tasks} tasks, {slots} slots, {rounds} rounds\n");
    for ((name, _), own) in ways.iter().zip(&times) {
        let ratio = |to: &[f64]| {
            let mut ratios: Vec<f64> = own.iter().zip(to).map(|(a, b)| a / b).collect();
            median(&mut ratios)
        };
        write!(
            said,
            "{name:<12} {:.3} ms  {:.2} x posix_spawn",
            median(&mut own.clone()),
            ratio(&times[0])
        )
        .expect("into a string");
        if ways.len() > 4 {
            write!(said, "  {:.2} x bwrap", ratio(&times[4])).expect("into a string");
        }
        said.push('\n');
    }
    Ok(said)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The time of so many tasks on so many threads.
fn round(how: &How, tasks: usize, slots: usize, work: &Path) -> Result<Duration, String> {
    let taken = AtomicUsize::new(0);
    let more = || taken.fetch_add(1, Ordering::Relaxed) < tasks;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..slots)
            .map(|_| {
                scope.spawn(|| match how {
                    How::Raw => run(&more, || Command::new(PROGRAM)),
                    How::Bubblewrap(command) => run(&more, || {
                        let mut started = Command::new(&command[0]);
                        started.args(&command[1..]);
                        started
                    }),
                    How::Level(processes) => through(processes, &more, work),
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread failed")?)
    })?;
    Ok(begun.elapsed())
}

fn run(more: &impl Fn() -> bool, command: impl Fn() -> Command) -> Result<(), String> {
    while more() {
        let mut command = command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("{command:?}: {status}"));
        }
    }
    Ok(())
}

fn through(
    processes: &Mutex<Vec<SlotProcess>>,
    more: &impl Fn() -> bool,
    work: &Path,
) -> Result<(), String> {
    let poisoned = "another thread failed";
    let taken = processes.lock().map_err(|_| poisoned)?.pop();
    let mut slot = taken.ok_or("fewer slots than threads")?;
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
    let null: OwnedFd = rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty())
        .map_err(|error| error.to_string())?;
    let spawn = Spawn {
        program: PathBuf::from(PROGRAM),
        argv: vec!["true".into()],
        env: vec![("PATH".into(), "/usr/bin".into())],
        cwd: work.to_owned(),
        leftover_grace: Duration::from_secs(1),
        limits: Limits::default(),
    };
    while more() {
        let sent = slot.spawn(&spawn, null.as_fd(), null.as_fd());
        sent.map_err(|error| error.to_string())?;
        let report = loop {
            if let Some(report) = slot.report() {
                break report;
            }
        };
        match report {
            Report::Exited(exit) if exit.status == 0 && exit.tree_dead => {}
            other => return Err(format!("{other:?}")),
        }
    }
    processes.lock().map_err(|_| poisoned)?.push(slot);
    Ok(())
}

/// The same view and namespaces, each time anew; `None` where it is not installed.
fn bubblewrap(work: &Path) -> Option<Vec<String>> {
    let found = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"];
    let program = found.into_iter().find(|path| Path::new(path).exists())?;
    let mut command = vec![program.to_owned()];
    let fixed = "--unshare-all --new-session --die-with-parent --cap-drop ALL --clearenv \
        --ro-bind /usr /usr --ro-bind-try /opt /opt --ro-bind-try /etc/ssl /etc/ssl \
        --ro-bind-try /etc/alternatives /etc/alternatives --proc /proc --dev /dev --tmpfs /tmp";
    command.extend(fixed.split_ascii_whitespace().map(str::to_owned));
    for link in ["/bin", "/sbin", "/lib", "/lib64"] {
        if let Ok(target) = fs_err::read_link(link) {
            command.extend([
                "--symlink".to_owned(),
                target.display().to_string(),
                link.to_owned(),
            ]);
        }
    }
    let work = work.display().to_string();
    command.extend(["--bind", &work, &work, "--chdir", &work, PROGRAM].map(str::to_owned));
    Some(command)
}
