//! What an attempt costs beyond starting its program: `true` through the executor against
//! `posix_spawn` and wait, interleaved. `cargo run --release --example floor -- [tasks] [slots]`

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use l3_worker::launcher::{Launcher, WORD, entry};
use l3_worker::secrets::Guard;
use l3_worker::{Attempt, CommandExecutor, CommandOptions, DEFAULT_PATH, Executor as _, Stop};
use protocol::message::{MESSAGE_VERSION, TaskMessage};
use protocol::policy::{Constraints, RetryPolicy};

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_ref().is_some_and(|word| word == WORD) {
        return entry(args);
    }
    let number = |text: Option<std::ffi::OsString>, default| {
        text.and_then(|text| text.to_str()?.parse().ok())
            .unwrap_or(default)
    };
    let tasks = number(first, 2000);
    let slots = number(args.next(), 16) as usize;
    let dir = std::env::temp_dir().join(format!("orchestra-floor-{}", std::process::id()));
    fs_err::create_dir_all(&dir).expect("a temporary directory");
    let options = CommandOptions {
        run_dir: dir.clone(),
        path: DEFAULT_PATH.to_owned(),
        slots,
        secrets: Guard::default(),
        observer: None,
        on_phase: None,
    };
    let launcher = Launcher::start().expect("the launcher starts");
    let executor = CommandExecutor::new(launcher, options).expect("the run directory is writable");
    let mut out = std::io::stdout();
    through(&executor, slots as u32, slots);
    for _ in 0..ROUNDS {
        let raw = raw(tasks, slots);
        let ours = through(&executor, tasks, slots);
        let ratio = ours.as_secs_f64() / raw.as_secs_f64();
        let each = |total: Duration| total.as_secs_f64() * 1000.0 / f64::from(tasks);
        writeln!(
            out,
            "raw {:.3} ms, executor {:.3} ms a task, ratio {ratio:.2}",
            each(raw),
            each(ours)
        )
        .expect("stdout");
    }
    drop(executor);
    fs_err::remove_dir_all(dir).expect("the directory is ours");
    ExitCode::SUCCESS
}

fn on_threads(tasks: u32, slots: usize, one: impl Fn(usize, u32) + Sync) -> Duration {
    let next = AtomicU32::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for slot in 0..slots {
            let (next, one) = (&next, &one);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= tasks {
                        return;
                    }
                    one(slot, number);
                }
            });
        }
    });
    begun.elapsed()
}

fn raw(tasks: u32, slots: usize) -> Duration {
    on_threads(tasks, slots, |_, _| {
        let mut command = Command::new("/bin/true");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().expect("true runs");
    })
}

fn through(executor: &CommandExecutor, tasks: u32, slots: usize) -> Duration {
    let stops: Vec<Stop> = (0..slots)
        .map(|_| Stop::new().expect("a descriptor"))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let handle = runtime.handle();
    on_threads(tasks, slots, |slot, number| {
        let task = task(number);
        let attempt = Attempt {
            task: &task,
            number: 1,
            slot,
            stop: &stops[slot],
        };
        let result = handle.block_on(executor.execute(attempt));
        assert_eq!(result.end.failure, None);
    })
}

fn task(number: u32) -> TaskMessage {
    TaskMessage {
        version: MESSAGE_VERSION,
        coordinator: "c".parse().expect("an id"),
        run_id: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a"
            .parse()
            .expect("an id"),
        task_id: format!("t{number}").parse().expect("an id"),
        parent_id: None,
        lease: "1-1".parse().expect("an id"),
        argv: vec!["true".to_owned()],
        prompt: None,
        env: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        project: None,
        working_dir: None,
        files: Vec::new(),
        outputs: std::collections::BTreeMap::new(),
        artifacts: std::collections::BTreeMap::new(),
        retry: RetryPolicy::default(),
        constraints: Constraints::unconfined(),
        traceparent: String::new(),
    }
}
