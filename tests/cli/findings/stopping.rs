//! Stopping what is stuck: two presses end the process, whatever holds it up.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::resume::wait_until;
use crate::support::Place;

/// A stderr that takes no more: a pipe that is full and that nobody reads.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    let size = rustix::pipe::fcntl_getpipe_size(&write).unwrap();
    let filling = vec![b'x'; size];
    assert_eq!(rustix::io::write(&write, &filling).unwrap(), size);
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
    assert_eq!(status.code(), Some(7), "the record is not complete");
    // What is left is a run like any other that was interrupted.
    let cancelled = place.orchestra(["cancel", "@last"]).run().expect(0);
    assert!(
        cancelled.stdout.contains("closed as cancelled"),
        "{}",
        cancelled.render()
    );
    place.orchestra(["verify"]).run().expect(0);
}
