//! V26 and V27: what a payload is started with, and what starts beside it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use protocol::message::{FileSource, StagedFile};
use protocol::outcome::FailureClass;

use crate::support::{Host, Payload, Policy, bash, python};

cases!(
    v26_the_environment_is_exactly_what_was_given,
    v26_too_much_is_a_typed_failure,
    v27_no_descriptor_is_inherited,
    v27_planted_programs_are_never_started,
);

/// What every attempt is given.
const GIVEN: [&str; 9] = [
    "HOME",
    "LANG",
    "ORCHESTRA_ATTEMPT",
    "ORCHESTRA_OUTPUT",
    "ORCHESTRA_RUN",
    "ORCHESTRA_TASK",
    "PATH",
    "TMPDIR",
    "TRACEPARENT",
];

/// Held by the worker: the environment is made, not inherited. A task's own words reach the task
/// only: no helper is started with what tells a loader or a shell to run something else first.
fn v26_the_environment_is_exactly_what_was_given(host: &mut Host) {
    let plain = host.plain("env");
    assert!(
        plain.stdout.contains(&host.secret),
        "the worker has it: {plain:?}"
    );
    let injected = [
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "GCONV_PATH",
        "BASH_ENV",
        "ENV",
        "NODE_OPTIONS",
        "PERL5OPT",
        "PYTHONSTARTUP",
        "GIT_SSH_COMMAND",
        "PROMPT_COMMAND",
    ];
    let payload = Payload::program(&["/usr/bin/env", "-0"]);
    for level in host.levels_and_off() {
        let names = |out: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(out).into_owned();
            let lines = text.split_terminator('\0');
            let mut names: Vec<_> = lines
                .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
                .collect();
            names.sort();
            names
        };
        let held = host.sbx(&Policy::at(level), &payload);
        held.succeeds();
        assert_eq!(names(&held.stdout), GIVEN, "{held}");
        assert!(!held.says(&host.secret), "{held}");
        // In a task's own `env` they are its own words, for the payload alone: a library that is not
        // there would be complained about once by every program that is started with its name.
        let mut policy = Policy::at(level);
        for name in injected {
            policy = policy.with_env(name, "/nowhere/at-all.so");
        }
        let held = host.sbx(&policy, &payload);
        held.succeeds();
        assert_eq!(
            names(&held.stdout).len(),
            GIVEN.len() + injected.len(),
            "{held}"
        );
        let complaints = held
            .err()
            .matches("ERROR: ld.so: object '/nowhere/at-all.so'")
            .count();
        assert!(
            complaints <= 2,
            "the payload's own, by LD_PRELOAD and LD_AUDIT: {held}"
        );
        helpers_know_nothing(host);
    }
}

/// Of every process beside the payload, as far as this user may look.
fn helpers_know_nothing(host: &mut Host) {
    let seen = host.plain("for p in /proc/[0-9]*; do read -r name < $p/comm; case $name in orch-*) \
        echo \"helper $name\"; tr '\\0' '\\n' < $p/environ | grep -e '^LD_' -e ORCH_CANARY -e BASH_ENV ;; esac; done 2>/dev/null");
    assert!(seen.stdout.contains("helper orch-launcher"), "{seen:?}");
    let told = seen
        .stdout
        .lines()
        .filter(|line| !line.starts_with("helper"));
    assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{seen:?}");
}

/// Said by the kernel before anything starts (`E2BIG`), and by the worker.
fn v26_too_much_is_a_typed_failure(host: &mut Host) {
    for level in host.levels() {
        let huge = Policy::at(level).with_env("HUGE", &"x".repeat(3 * 1024 * 1024));
        let held = host.sbx(&huge, &Payload::program(&["/bin/true"]));
        held.fails(FailureClass::LimitExceeded, None);
        let long = "y".repeat(200_000);
        let mut words = vec!["/bin/echo"];
        words.extend([long.as_str(); 20]);
        let held = host.sbx(&Policy::at(level), &Payload::program(&words));
        held.fails(FailureClass::LimitExceeded, None);
        for (name, value) in [("A=B", "x"), ("A\0B", "x"), ("A", "x\0y"), ("", "x")] {
            let odd = Policy::at(level).with_env(name, value);
            let held = host.sbx(&odd, &Payload::program(&["/bin/true"]));
            assert_eq!(held.class(), Some(FailureClass::ToolFailed), "{held}");
            assert!(
                held.message().contains("cannot be in an environment"),
                "{held}"
            );
        }
    }
}

/// Held by the launcher, which closes what it was started with.
fn v27_no_descriptor_is_inherited(host: &mut Host) {
    let script = "
fds = []
for fd in range(256):
    try: os.fstat(fd); fds.append(fd)
    except OSError: pass
print('open', fds)
t('nine', lambda: os.read(9, 100))
t('slot', lambda: os.readlink('/proc/%d/fd/0' % os.getppid()))
t('memory', lambda: open('/proc/%d/mem' % os.getppid()))
t('words', lambda: open('/proc/%d/environ' % os.getppid()).read())
";
    let plain = host.plain("cat <&9");
    assert!(
        plain.stdout.contains(&host.secret),
        "the worker has it open: {plain:?}"
    );
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level), &python(script));
        assert_eq!(held.line("open").as_deref(), Some("[0, 1, 2]"), "{held}");
        held.refuses("nine", &["EBADF"]);
    }
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(script));
        for file in ["slot", "memory", "words"] {
            held.refuses(file, &["EACCES", "ENOENT", "EPERM"]);
        }
    }
}

/// Held by the worker, which resolves programs by absolute directories of `PATH` before it starts
/// anything, and starts no helper by name.
fn v27_planted_programs_are_never_started(host: &mut Host) {
    let dir = tempfile::tempdir().unwrap();
    fs_err::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let planted = [
        "git",
        "sh",
        "true",
        "bwrap",
        "env",
        "unshare",
        "newuidmap",
        "ip",
    ];
    let mut files = Vec::new();
    for name in planted {
        let path = dir.path().join(name);
        fs_err::write(&path, "#!/bin/bash\necho PLANTED; : > planted-ran\n").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = path.display().to_string();
        files.push(StagedFile {
            to: name.to_owned(),
            source: FileSource::Local { path },
        });
    }
    for level in host.levels_and_off() {
        let mut policy = Policy::at(level).declaring("./");
        policy.files.clone_from(&files);
        policy.env = BTreeMap::from([(
            "PATH".to_owned(),
            ":.::/usr/local/bin:/usr/bin:/bin".to_owned(),
        )]);
        let control = host.sbx(&policy, &bash("git --version"));
        assert!(
            control.says("PLANTED"),
            "a shell of its own finds them: {control}"
        );
        let held = host.sbx(&policy, &Payload::program(&["git", "--version"]));
        held.succeeds();
        assert!(held.out().starts_with("git version"), "{held}");
        assert!(!held.sealed().contains(&"planted-ran"), "{held}");
    }
}
