//! Stopping what is stuck: two presses end the process, whatever holds it up; a terminal that takes no
//! more holds up nobody.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::resume::{started, wait_until};
use crate::support::{Outcome, Place};

/// The smallest pipe there is.
const PIPE_BYTES: usize = 4096;

/// A stderr that takes no more: a pipe that is full and that nobody reads.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, PIPE_BYTES).unwrap();
    let filling = vec![b'x'; PIPE_BYTES];
    assert_eq!(rustix::io::write(&write, &filling).unwrap(), PIPE_BYTES);
    (read, write)
}

#[test]
fn a_terminal_that_takes_no_more_does_not_keep_the_process() {
    let scenario = "version: 1\nname: long\ninputs: { mark: { type: path } }\ntasks:\n  a:\n    \
                    env: { MARK: \"${{ inputs.mark }}\" }\n    \
                    run: echo x > \"$MARK\"; sleep 600\n";
    let place = Place::with("long.yaml", scenario);
    let (_read, write) = full_pipe();
    let mut child = place
        .orchestra(["run", "long.yaml", "-i", "mark=mark", "-q"])
        .start_with_stderr(write.into());
    wait_until(|| place.work().join("mark").exists());
    let begun = Instant::now();
    let status = loop {
        // Pressed again and again, as people do.
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "it does not end");
        // It may be gone by now.
        let _sent = kill_process(Pid::from_child(&child), Signal::TERM);
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(status.code(), Some(143), "the record is complete");
    place.orchestra(["verify"]).run().expect(0);
}

/// A pager that was left alone, say: the run goes on, and ends, and only its lines wait.
#[test]
fn a_terminal_that_takes_no_more_does_not_stop_the_run() {
    // Their lines are many times what the pipe takes.
    const TASKS: usize = 200;
    let mut scenario = String::from("version: 1\nname: wide\ntasks:\n");
    for n in 0..TASKS {
        scenario.push_str(&format!("  t{n}:\n    run: echo {n}\n"));
    }
    let place = Place::with("wide.yaml", scenario);
    let (read, write) = full_pipe();
    let mut child = place
        .orchestra(["run", "wide.yaml", "-v"])
        .start_with_stderr(write.into());
    // Once, for the first lines, which are written in place.
    let mut told = vec![0; PIPE_BYTES];
    let taken = rustix::io::read(&read, &mut told).unwrap();
    told.truncate(taken);
    wait_until(|| {
        let all = place.listing();
        all.iter().any(|path| path.ends_with("seal.json"))
    });
    std::fs::File::from(read).read_to_end(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let told = String::from_utf8(told).unwrap();
    let told = told.trim_start_matches('x');
    assert_eq!(told.matches(" PASS ").count(), TASKS, "{told}");
    assert_eq!(told.matches(" | ").count(), TASKS, "{told}");
    assert!(told.contains("200 passed"), "{told}");
}

#[test]
fn a_terminal_that_goes_away_is_a_press() {
    let (place, child) = started();
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    let ended = Outcome::of(child.wait_with_output().unwrap()).expect(143);
    assert!(
        ended.stderr.contains("STOP SIGHUP: no new attempt starts"),
        "{}",
        ended.render()
    );
    assert!(
        ended.stderr.contains("stopped by SIGHUP"),
        "{}",
        ended.render()
    );
    place.orchestra(["verify"]).run().expect(0);
}

/// An attempt may seal files and be cancelled before anybody took them.
#[test]
fn what_a_cancelled_task_sealed_is_gone() {
    let (place, child) = started();
    let left = place.run_dir().join("artifacts/second/late.txt");
    fs_err::create_dir(left.parent().unwrap()).unwrap();
    fs_err::write(&left, "late").unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    Outcome::of(child.wait_with_output().unwrap()).expect(143);
    assert!(!left.exists());
    assert!(place.run_dir().join("artifacts/first/first.txt").exists());
    place.orchestra(["verify"]).run().expect(0);
}
