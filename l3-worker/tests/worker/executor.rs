//! The command executor with real processes: capture, limits, classification, clean-up.

use std::sync::Arc;
use std::time::Duration;

use l3_worker::StopLevel;
use protocol::digest::Digest;
use protocol::outcome::{Bound, FailureClass};

use crate::support::bench::{Bench, RUN, argv, failed, message, sh};
use crate::support::{carrying, unique, until};

#[test]
fn a_success_keeps_both_streams_and_leaves_no_workspace() {
    let bench = Bench::new();
    let result = bench.run(&sh(
        "echo out; echo err >&2; touch left; mkdir d; chmod 0 d",
    ));
    assert_eq!(result.end.failure, None);
    assert_eq!(
        (result.end.exit, result.end.signal, &result.end.tail),
        (Some(0), None, &None)
    );
    let out = result.end.out.unwrap();
    assert_eq!(
        (out.bytes, out.sha256, out.truncated),
        (4, Digest::of(b"out\n"), false)
    );
    assert_eq!(
        (bench.log("out"), bench.log("err")),
        (b"out\n".to_vec(), b"err\n".to_vec())
    );
    assert!(result.end.wall_us > 0 && result.end.peak_rss_bytes > 100_000);
    assert_eq!(bench.tree("work/slot0.1"), [""; 0]);
    assert_eq!(*bench.seen.lock().unwrap(), b"out\nerr\n");
}

#[test]
fn a_silent_attempt_leaves_no_log() {
    let bench = Bench::new();
    let result = bench.run(&argv(&["true"]));
    assert_eq!(
        (result.end.failure, result.end.out, result.end.err),
        (None, None, None)
    );
    assert_eq!(bench.tree("logs"), [""; 0]);
}

#[test]
fn the_environment_is_exactly_what_is_documented() {
    let bench = Bench::new();
    let mut task = argv(&["env"]);
    task.env = [("MINE", "1"), ("LANG", "C"), ("ORCHESTRA_RUN", "other")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    bench.run(&task);
    let text = String::from_utf8(bench.log("out")).unwrap();
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    let expected = [
        "HOME",
        "LANG",
        "MINE",
        "ORCHESTRA_ATTEMPT",
        "ORCHESTRA_OUTPUT",
        "ORCHESTRA_RUN",
        "ORCHESTRA_TASK",
        "PATH",
        "TMPDIR",
        "TRACEPARENT",
    ];
    assert_eq!(names, expected);
    assert!(
        text.contains("LANG=C\n") && text.contains(&format!("ORCHESTRA_RUN={RUN}\n")),
        "{text}"
    );
}

#[test]
fn home_and_tmpdir_exist_apart_from_the_workspace_and_are_fresh() {
    let bench = Bench::new();
    let script = "ls -A . \"$HOME\" \"$TMPDIR\" | grep -v -e : -e '^$'; touch \"$HOME/x\" y; mktemp >/dev/null; pwd";
    for _ in 0..3 {
        let result = bench.run(&sh(script));
        assert_eq!(result.end.failure, None);
        let text = String::from_utf8(bench.log("out")).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn failures_are_classified() {
    let bench = Bench::new();
    let cases = [
        (sh("exit 3"), FailureClass::ToolFailed, "exit 3"),
        (
            sh("kill -SEGV $$"),
            FailureClass::ToolFailed,
            "not sent by orchestra",
        ),
        (sh("kill -9 $$"), FailureClass::ToolFailed, "out of memory?"),
        (
            sh("nosuchcommand"),
            FailureClass::ToolFailed,
            "no such command",
        ),
        (
            argv(&["nosuchprogram"]),
            FailureClass::ToolNotFound,
            "not on PATH",
        ),
        (
            argv(&["/etc/passwd"]),
            FailureClass::ToolNotFound,
            "cannot be started",
        ),
        (
            argv(&["./nope"]),
            FailureClass::ToolNotFound,
            "does not exist",
        ),
        (argv(&[]), FailureClass::ToolNotFound, "no program"),
        (
            sh("echo 'curl: (6) Could not resolve host: x' >&2; exit 6"),
            FailureClass::Network,
            "exit 6",
        ),
        (
            sh("echo 'sudo: a password is required' >&2; exit 1"),
            FailureClass::Interactive,
            "exit 1",
        ),
    ];
    for (task, class, text) in cases {
        let result = bench.run(&task);
        assert_eq!(failed(&result), (class, None), "{:?}", task.argv);
        assert!(
            message(&result).contains(text),
            "{:?}: {}",
            task.argv,
            message(&result)
        );
    }
    let signalled = bench.run(&sh("kill -SEGV $$"));
    assert_eq!((signalled.end.exit, signalled.end.signal), (None, Some(11)));
}

#[test]
fn too_much_environment_is_a_typed_failure() {
    let bench = Bench::new();
    let mut task = argv(&["true"]);
    task.env.insert("HUGE".into(), "x".repeat(3 * 1024 * 1024));
    assert_eq!(failed(&bench.run(&task)).0, FailureClass::LimitExceeded);
    task.env.insert("HUGE".into(), "x".repeat(5 * 1024 * 1024));
    assert_eq!(failed(&bench.run(&task)).0, FailureClass::LimitExceeded);
    task.env = [("A=B".to_owned(), String::new())].into();
    assert_eq!(failed(&bench.run(&task)).0, FailureClass::ToolFailed);
    assert_eq!(bench.run(&argv(&["true"])).end.failure, None);
}

#[test]
fn a_flood_on_both_streams_is_cut_and_never_blocks() {
    let bench = Bench::new();
    let mut task = sh("yes out & yes err >&2 & sleep 0.3; kill %1 %2 2>/dev/null; exit 4");
    task.constraints.output_bytes = 100_000;
    let result = bench.run(&task);
    assert_eq!(failed(&result).0, FailureClass::ToolFailed);
    for (stream, log) in [("out", result.end.out), ("err", result.end.err)] {
        let log = log.unwrap();
        assert_eq!((log.bytes, log.truncated), (100_000, true), "{stream}");
        let kept = bench.log(stream);
        assert_eq!(
            (kept.len(), Digest::of(&kept)),
            (100_000, log.sha256),
            "{stream}"
        );
    }
    let tail = result.end.tail.unwrap();
    assert!(tail.len() <= 4096 && tail.lines().count() <= 20 && tail.contains("err"));
}

#[test]
fn hostile_bytes_are_stored_as_they_came_and_shown_escaped() {
    let bench = Bench::new();
    let script = "printf '\\033]0;t\\007\\377\\000\\r\\355\\240\\200' >&2; exit 1";
    let result = bench.run(&sh(script));
    assert_eq!(bench.log("err"), b"\x1b]0;t\x07\xff\0\r\xed\xa0\x80");
    assert_eq!(
        result.end.tail.unwrap(),
        "\\x1b]0;t\\x07\\xff\\x00\\r\\xed\\xa0\\x80"
    );
}

#[test]
fn wall_and_idle_limits_end_the_tree() {
    let bench = Bench::new();
    let mark = unique();
    let mut task = sh(&format!(
        "trap '' TERM INT HUP; (sleep 1000; : {mark}) & while :; do sleep 0.02; done"
    ));
    task.constraints.timeout.wall_ms = Some(200);
    let result = bench.run(&task);
    assert_eq!(failed(&result), (FailureClass::TimedOut, Some(Bound::Wall)));
    assert_eq!(result.end.signal, Some(9));
    assert!(carrying(&mark).is_empty());

    let mut task = sh("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 1000");
    task.constraints.timeout.idle_ms = Some(400);
    let result = bench.run(&task);
    assert_eq!(failed(&result), (FailureClass::TimedOut, Some(Bound::Idle)));
    assert_eq!(bench.log("out"), b"1\n2\n3\n4\n5\n6\n");
    assert!(result.end.wall_us >= 900_000, "{}", result.end.wall_us);
}

#[test]
fn a_bound_that_was_reached_is_told_with_its_size_and_its_key() {
    let bench = Bench::new();
    let mut task = sh("head -c 100000 /dev/zero > f");
    task.constraints.limits.file_bytes = Some(64 * 1024);
    let result = bench.run(&task);
    assert_eq!(
        failed(&result),
        (FailureClass::LimitExceeded, Some(Bound::FileSize))
    );
    let told = "wrote a file of more than 64 KiB (limits.file_size)";
    assert_eq!(message(&result), told);
    // Where a signal is ignored, the program has an error of its own.
    task.argv[2] = "trap '' XFSZ; head -c 100000 /dev/zero > f".to_owned();
    let result = bench.run(&task);
    let told = "exit 1; it may have files of 64 KiB (limits.file_size)";
    assert_eq!(message(&result), told);
    let mut task = sh("sleep 100");
    task.constraints.timeout.wall_ms = Some(100);
    assert_eq!(
        message(&bench.run(&task)),
        "ran longer than 100ms (limits.wall)"
    );
}

#[test]
fn a_limit_that_bites_counts_even_when_the_program_then_exits_well() {
    let bench = Bench::new();
    let mut task = sh("trap 'exit 0' TERM; while :; do sleep 0.01; done");
    task.constraints.timeout.wall_ms = Some(100);
    let result = bench.run(&task);
    assert_eq!(failed(&result).0, FailureClass::TimedOut);
    assert_eq!(result.end.exit, Some(0));
}

/// Runs the task on another thread until it says `ready`, then hands over.
fn running(
    bench: &Arc<Bench>,
    script: &str,
    grace_ms: u64,
) -> std::thread::JoinHandle<l3_worker::AttemptResult> {
    let mut task = sh(script);
    task.constraints.grace_ms = grace_ms;
    let runner = Arc::clone(bench);
    let thread = std::thread::spawn(move || runner.run(&task));
    until("the task is ready", || bench.has_seen("ready\n"));
    thread
}

#[test]
fn cancelling_is_term_first_and_kill_when_asked_again() {
    let bench = Arc::new(Bench::new());
    let thread = running(
        &bench,
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
        60_000,
    );
    bench.stop.raise(StopLevel::Terminate);
    let result = thread.join().unwrap();
    assert_eq!(failed(&result).0, FailureClass::Cancelled);
    assert_eq!(bench.log("out"), b"ready\nbye\n");

    bench.stop.reset();
    bench.seen.lock().unwrap().clear();
    let deaf = "trap 'echo deaf' TERM; echo ready; while :; do sleep 0.01; done";
    let thread = running(&bench, deaf, 3_600_000);
    bench.stop.raise(StopLevel::Terminate);
    until("it has heard", || bench.has_seen("deaf\n"));
    bench.stop.raise(StopLevel::Kill);
    let result = thread.join().unwrap();
    assert_eq!(
        (failed(&result).0, result.end.signal),
        (FailureClass::Cancelled, Some(9))
    );
}

#[test]
fn a_stop_raised_before_the_start_starts_nothing() {
    let bench = Bench::new();
    bench.stop.raise(StopLevel::Terminate);
    let mark = bench.path("started");
    let result = bench.run(&sh(&format!("trap '' TERM; touch {}", mark.display())));
    assert_eq!(failed(&result).0, FailureClass::Cancelled);
    assert!(!mark.exists());
}

#[test]
fn output_held_open_by_a_stranger_is_not_waited_for() {
    let bench = Bench::new();
    // The daemon keeps both streams open; it dies with the attempt, which never waits for EOF.
    let result = bench.run(&sh(
        "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.01; done' & echo done",
    ));
    assert_eq!(result.end.failure, None);
    assert_eq!(bench.log("out"), b"done\n");
    assert!(result.end.wall_us < Duration::from_secs(15).as_micros() as u64);
}

#[test]
fn a_killed_slot_process_is_a_lost_worker_and_the_slot_goes_on() {
    let bench = Arc::new(Bench::new());
    let mark = unique();
    let thread = running(&bench, &format!("echo ready; sleep 1000; : {mark}"), 100);
    let payload = carrying(&mark)[0];
    crate::support::kill(crate::support::state(payload).unwrap().1);
    let result = thread.join().unwrap();
    assert_eq!(failed(&result).0, FailureClass::WorkerLost);
    assert!(carrying(&mark).is_empty());
    assert_eq!(bench.run(&argv(&["true"])).end.failure, None);
}

#[test]
fn a_payload_that_stops_its_parent_does_not_escape_the_limit() {
    let bench = Bench::new();
    let mark = unique();
    let mut task = sh(&format!(
        "kill -STOP $PPID; trap '' TERM; while :; do sleep 0.05; done # {mark}"
    ));
    task.constraints.timeout.wall_ms = Some(200);
    let result = bench.run(&task);
    assert_eq!(failed(&result), (FailureClass::TimedOut, Some(Bound::Wall)));
    assert!(carrying(&mark).is_empty());
    assert_eq!(bench.run(&argv(&["true"])).end.failure, None);
}

#[test]
fn a_payload_that_kills_its_parent_is_a_lost_worker() {
    let bench = Bench::new();
    let mark = unique();
    let result = bench.run(&sh(&format!("kill -KILL $PPID; sleep 1000; : {mark}")));
    assert_eq!(failed(&result).0, FailureClass::WorkerLost);
    assert!(carrying(&mark).is_empty());
}

#[test]
fn what_an_agent_says_it_was_denied_is_told_and_changes_nothing() {
    let bench = Bench::new();
    let result = r#"{"type":"result","result":"","permission_denials":[{"tool_name":"Bash"},{"tool_name":"Bash"}]}"#;
    let (before, after) = result.split_at(result.find("\",\"permission").unwrap());
    for script in [
        format!("echo thinking; echo '{result}'"),
        // Longer than what is remembered of an output.
        format!("printf '{before}'; head -c 100000 /dev/zero | tr '\\0' x; printf '{after}'"),
    ] {
        let end = bench.run(&sh(&script)).end;
        assert_eq!(end.failure, None);
        let told: Vec<_> = end
            .agent_denied
            .iter()
            .map(|one| (&*one.tool, one.times))
            .collect();
        assert_eq!(told, [("Bash", 2)], "{script}");
    }
    for other in [
        "echo '{\"permission_denials\":[{\"tool_name\":\"Bash\"}]}'",
        "echo }",
        "true",
    ] {
        assert_eq!(bench.run(&sh(other)).end.agent_denied, [], "{other}");
    }
}

#[test]
fn a_long_run_of_attempts_leaks_no_descriptor() {
    let bench = Bench::new();
    let open = || fs_err::read_dir("/proc/self/fd").unwrap().count();
    bench.run(&sh("echo x"));
    let mut least = usize::MAX;
    // Other tests open and close descriptors meanwhile: a leak shows in every sample.
    let before = open();
    for _ in 0..200 {
        bench.run(&sh("echo x"));
        least = least.min(open());
    }
    assert!(least < before + 100, "{before} → {least}");
}
