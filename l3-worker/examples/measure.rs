//! Measures whole processes, for `evals/bench/floors`: elapsed time and peak memory of one command,
//! or the floor under every orchestrator, a plain spawn-and-wait of many small processes.
//!
//! `measure run COMMAND…` prints `wall_us=… maxrss_kib=… exit=…`;
//! `measure first COMMAND…` prints `wall_us=…` until its first line on stderr;
//! `measure spawn COUNT THREADS PROGRAM…` prints `wall_us=…`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wait4::Wait4 as _;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let line = match words.split_first() {
        Some((verb, command)) if verb == "run" && !command.is_empty() => run(command),
        Some((verb, command)) if verb == "first" && !command.is_empty() => first(command),
        Some((verb, rest)) if verb == "spawn" && rest.len() >= 3 => spawn(rest),
        _ => Err(
            "usage: measure run|first COMMAND… | measure spawn COUNT THREADS PROGRAM…".to_owned(),
        ),
    };
    let (text, code) = match line {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // A closed pipe is the reader's wish.
    let _written = writeln!(std::io::stdout(), "{text}");
    code
}

fn run(command: &[String]) -> Result<String, String> {
    let begun = Instant::now();
    let child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|e| format!("{}: {e}", command[0]))?;
    let used = child.wait4().map_err(|e| e.to_string())?;
    let (wall, rss) = (begun.elapsed().as_micros(), used.rusage.maxrss / 1024);
    let exit = used.status.code().unwrap_or(-1);
    Ok(format!("wall_us={wall} maxrss_kib={rss} exit={exit}"))
}

fn first(command: &[String]) -> Result<String, String> {
    let begun = Instant::now();
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{}: {e}", command[0]))?;
    let mut said = BufReader::new(child.stderr.take().ok_or("no stderr")?);
    let mut line = String::new();
    said.read_line(&mut line).map_err(|e| e.to_string())?;
    let wall = begun.elapsed().as_micros();
    std::io::copy(&mut said, &mut std::io::sink()).map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    if line.trim().is_empty() {
        return Err("it said nothing on stderr".to_owned());
    }
    Ok(format!("wall_us={wall}"))
}

fn spawn(words: &[String]) -> Result<String, String> {
    let count: usize = words[0].parse().map_err(|_| "COUNT is a number")?;
    let threads: usize = words[1].parse().map_err(|_| "THREADS is a number")?;
    let taken = AtomicUsize::new(0);
    let begun = Instant::now();
    let failed: usize = std::thread::scope(|scope| {
        let worker = || {
            let mut failed = 0;
            while taken.fetch_add(1, Ordering::Relaxed) < count {
                let mut command = Command::new(&words[2]);
                command
                    .args(&words[3..])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null());
                let done = command.stderr(Stdio::null()).status();
                failed += usize::from(!done.is_ok_and(|status| status.success()));
            }
            failed
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or(1))
            .sum()
    });
    if failed > 0 {
        return Err(format!("{failed} of {count} failed"));
    }
    Ok(format!("wall_us={}", begun.elapsed().as_micros()))
}
