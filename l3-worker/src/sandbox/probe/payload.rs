//! The canaries' inside: tries everything, and prints what it could do.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::launcher::{PROBE_WORD, WORD};

use super::scene::{CANARY, Place, TARGET, UNIX};

/// Whoever answers on loopback answers at once.
const CONNECT: Duration = Duration::from_millis(200);
/// More than the limit that canaries get, and little enough for any host.
pub(super) const THREADS: usize = 24;
const STACK_BYTES: usize = 64 * 1024;
/// Above the limit that the memory canary gets.
pub(super) const HOG_BYTES: usize = 64 * 1024 * 1024;
const PAGE_BYTES: usize = 4096;
/// Far longer than any probe takes; nobody waits for it.
const DAEMON: Duration = Duration::from_secs(30);

pub(super) const ALL: &str = "all";
pub(super) const MEMORY: &str = "memory";
pub(super) const DAEMONIZE: &str = "daemonize";
const LINGER: &str = "linger";

/// The hidden entry: what to try, and where.
///
/// # Errors
/// It was called with something else.
pub(crate) fn payload(mut args: impl Iterator<Item = OsString>) -> std::io::Result<()> {
    let word = args.next().unwrap_or_default();
    match word.to_str() {
        Some(ALL) => {
            let place = Place::decode(&args.next().unwrap_or_default());
            tell(&try_all(&place.ok_or(std::io::ErrorKind::InvalidInput)?));
        }
        Some(MEMORY) => {
            let hog = hog();
            tell(&[format!("memory {}", hog.len())]);
        }
        Some(DAEMONIZE) => daemonize()?,
        Some(LINGER) => linger(),
        _ => return Err(std::io::ErrorKind::InvalidInput.into()),
    }
    Ok(())
}

/// Nobody listens: nothing to do about it.
fn tell(lines: &[String]) {
    let text = lines.join("\n") + "\n";
    let _told = rustix::io::write(std::io::stdout(), text.as_bytes());
}

fn try_all(place: &Place) -> Vec<String> {
    let write = fs_err::OpenOptions::new()
        .append(true)
        .open(place.outside.join(TARGET));
    let write = write.and_then(|mut file| std::io::Write::write_all(&mut file, b"written"));
    let read = fs_err::read(place.outside.join(CANARY));
    connect(place);
    let mut lines = vec![
        format!("write {}", write.is_ok()),
        format!("read {}", read.is_ok()),
        format!("threads {}", threads()),
    ];
    lines.extend(std::env::vars_os().map(|(name, _)| format!("env {}", name.display())));
    let open = fs_err::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    lines.extend(open.map(|entry| format!("fd {}", entry.file_name().display())));
    lines
}

/// Whether anything arrives is for the other side to say.
fn connect(place: &Place) {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let _tcp = TcpStream::connect_timeout(&here(place.tcp), CONNECT);
    let _udp = UdpSocket::bind(here(0)).and_then(|socket| socket.send_to(b"x", here(place.udp)));
    let _unix = UnixStream::connect(place.outside.join(UNIX));
    let _abstract = UnixAddress::from_abstract_name(&place.name)
        .and_then(|address| UnixStream::connect_addr(&address));
}

/// How many of them live at once.
fn threads() -> usize {
    let (stop, stopped) = channel::<()>();
    let stopped = Arc::new(Mutex::new(stopped));
    let mut started = Vec::new();
    for _ in 0..THREADS {
        let stopped = Arc::clone(&stopped);
        let wait = move || {
            // Ends when the other end is dropped; whoever waits for the lock waits for that, too.
            let _over = stopped.lock().map(|stopped| stopped.recv());
        };
        match std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(wait)
        {
            Ok(thread) => started.push(thread),
            Err(_) => break,
        }
    }
    drop(stop);
    let count = started.len();
    for thread in started {
        let _ended = thread.join();
    }
    count
}

fn hog() -> Vec<u8> {
    let mut bytes = vec![0; HOG_BYTES];
    // Memory that nobody touched is none.
    bytes.chunks_mut(PAGE_BYTES).for_each(|page| page[0] = 1);
    bytes
}

/// Leaves a process behind that has left its session and still holds standard output.
fn daemonize() -> std::io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command
        .args([WORD, PROBE_WORD, LINGER])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut daemon = command.spawn()?;
    if let Some(told) = daemon.stderr.take() {
        // It says when it has left the session.
        rustix::io::read(&told, &mut [0])?;
    }
    Ok(())
}

fn linger() {
    let _left = rustix::process::setsid();
    let _told = rustix::io::write(std::io::stderr(), b"x");
    std::thread::sleep(DAEMON);
}
