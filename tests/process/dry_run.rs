//! A dry run starts nothing: no process, no thread, no socket of any family. Told by the kernel, in two
//! ways: a filter that kills at the first such call, and a trace that counts them.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::support::Place;

/// Calls that start something or reach for the network.
const STARTING: [&str; 9] = [
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "socket",
    "socketpair",
    "io_uring_setup",
];
/// Set for the second process of a test, which is this same binary: the directory to work in.
const ROLE: &str = "DRY_RUN_TEST_WORKS_IN";
/// Set with it: what the confined command line is.
const FLAG: &str = "DRY_RUN_TEST_FLAG";

const SCENARIO: &str = "\
version: 1
name: confined
inputs: { who: { type: string, default: world } }
tasks:
  a:
    run: echo \"count=1\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { count: int }
  b:
    needs: [a]
    if: tasks.a.outputs.count > 0
    command: [printf, '%s', \"${{ inputs.who }}\"]
  c:
    needs: [b]
    if: always()
    run: exit 1
    retry: 2
";

/// In the second process: no call of [`STARTING`] from here on, then the whole program.
#[test]
fn confined() {
    let (Some(dir), Some(flag)) = (std::env::var_os(ROLE), std::env::var(FLAG).ok()) else {
        return confines_what_starts_something();
    };
    std::env::set_current_dir(dir).unwrap();
    confine();
    let args = ["orchestra", "run", "confined.yaml", &flag];
    let args = args.iter().map(Into::into).collect();
    let code = l1_orchestrator::run(args, l1_orchestrator::Io::process());
    assert_eq!(code, 0);
}

fn confine() {
    let rules: Vec<String> = STARTING
        .iter()
        .map(|name| format!("{{\"syscall\":\"{name}\"}}"))
        .collect();
    let rules = rules.join(",");
    let filter = format!(
        "{{\"main\":{{\"mismatch_action\":\"allow\",\"match_action\":\"kill_process\",\"filter\":[{rules}]}}}}"
    );
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let mut filters = seccompiler::compile_from_json(filter.as_bytes(), arch).unwrap();
    seccompiler::apply_filter(&filters.remove("main").unwrap()).unwrap();
}

fn in_second_process(place: &Place, flag: &str) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "process::dry_run::confined", "--test-threads=1"]);
    command.env(ROLE, place.work()).env(FLAG, flag);
    command
        .env("HOME", place.dir("home"))
        .env("XDG_STATE_HOME", place.dir("state"));
    command.output().unwrap().status
}

/// The filter lets a dry run and a plan pass, and ends a real run: it is in force.
fn confines_what_starts_something() {
    const SIGSYS: i32 = 31;
    let place = Place::with("confined.yaml", SCENARIO);
    let before = place.listing();
    for flag in ["--dry-run", "--plan-only"] {
        let status = in_second_process(&place, flag);
        assert!(status.success(), "{flag}: {status}");
    }
    assert_eq!(place.listing(), before, "nothing was written");
    let real = in_second_process(&place, "--quiet");
    assert_eq!(real.signal(), Some(SIGSYS), "{real}");
}

/// Calls that strace saw, without the one that began the program.
fn traced(place: &Place, flag: &str) -> Vec<String> {
    let trace = place.work().join("trace");
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-qq",
        "-e",
        "trace=process,network,io_uring_setup",
        "-o",
    ]);
    command.arg(&trace).arg(env!("CARGO_BIN_EXE_orchestra"));
    command.args(["run", "confined.yaml", flag, "-o", "json"]);
    command
        .current_dir(place.work())
        .env("HOME", place.dir("home"));
    command.env("XDG_STATE_HOME", place.dir("state"));
    let output = command
        .output()
        .expect("strace is one of what tests/run installs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs_err::read_to_string(&trace).unwrap();
    fs_err::remove_file(trace).unwrap();
    let calls = text.lines().filter_map(|line| {
        let call = line.split_whitespace().nth(1)?.split('(').next()?;
        STARTING.contains(&call).then(|| line.to_owned())
    });
    calls.skip(1).collect()
}

#[test]
fn the_kernel_saw_nothing_start() {
    let place = Place::with("confined.yaml", SCENARIO);
    assert!(Path::new(env!("CARGO_BIN_EXE_orchestra")).exists());
    assert_eq!(traced(&place, "--dry-run"), Vec::<String>::new());
    assert_eq!(traced(&place, "--plan-only"), Vec::<String>::new());
}
