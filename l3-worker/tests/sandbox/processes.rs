//! V11 to V15: processes that will not end, and processes that are not the task's own.

use protocol::outcome::{Bound, FailureClass};

use crate::support::{Host, Policy, bash, by, python};

cases!(
    v11_a_daemon_does_not_outlive_its_task,
    v12_ignoring_every_signal_does_not_help,
    v13_orphans_are_reaped,
    v14_other_processes_are_not_readable,
    v15_signals_reach_nobody_else,
);

/// Stopped by the slot process, which kills until it has no child left; in strict the kernel does,
/// with the first process of the namespace.
fn v11_a_daemon_does_not_outlive_its_task(host: &mut Host) {
    let script = "setsid bash -c 'trap \"\" TERM HUP; while :; do date >> alive; sleep 0.05; done' \
        </dev/null >/dev/null 2>&1 & while [ ! -s alive ]; do sleep 0.01; done; echo started; exit 0";
    let plain = host.plain(script);
    assert!(
        plain.alive[1] > plain.alive[0] && !plain.left.processes.is_empty(),
        "{plain:?}"
    );
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level), &bash(script));
        held.succeeds();
        assert_eq!(held.out(), "started\n");
    }
}

/// Stopped by the worker's clock, then SIGKILL of the whole tree.
fn v12_ignoring_every_signal_does_not_help(host: &mut Host) {
    let script = "trap '' TERM INT HUP; for i in 1 2 3; do (trap '' TERM; sleep 1000) & done; \
        if [ -n \"$BUSY\" ]; then while :; do :; done; else while :; do sleep 0.05; done; fi";
    for level in host.levels_and_off() {
        let mut policy = Policy::at(level);
        policy.wall_ms = 400;
        let held = host.sbx(&policy, &bash(script));
        held.fails(FailureClass::TimedOut, Some(Bound::Wall));
        assert_eq!(held.end.signal, Some(9), "{held}");
        assert!(held.wall_ms < 400 + policy.grace_ms + 3_000, "{held}");
    }
    for level in host.levels() {
        let mut policy = Policy::at(level).with_env("BUSY", "1");
        policy.limits.cpu_ms = Some(1_000);
        policy.wall_ms = 30_000;
        let held = host.sbx(&policy, &bash(script));
        held.fails(FailureClass::LimitExceeded, Some(Bound::Cpu));
    }
}

/// Stopped by whoever adopts orphans. That `ps` sees zombies where nobody reaps is shown first.
fn v13_orphans_are_reaped(host: &mut Host) {
    let kept = "
import time
for i in range(7):
    if os.fork() == 0: os._exit(0)
time.sleep(0.1)
os.system('ps -eo stat | grep -c ^Z')
";
    let script = "for wave in $(seq 1 10); do for i in $(seq 1 12); do (sleep 0 & exec sleep 0.01) & done; wait; done
        sleep 0.3; ps -eo stat | grep -c ^Z";
    let count = |text: String| text.trim().parse::<u32>().unwrap_or(u32::MAX);
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level), &python(kept));
        assert!(count(held.out()) >= 7 || held.says("proc"), "{held}");
        let held = host.sbx(&Policy::at(level), &bash(script));
        match held.class() {
            Some(FailureClass::LimitExceeded) => assert_eq!(held.bound(), Some(Bound::Pids)),
            // `grep -c` that counts none says so by its exit code.
            _ => assert!(count(held.out()) <= 5, "{held}"),
        }
    }
}

/// Strict: they are not there. Landlock: the system call is denied, and so are their files.
fn v14_other_processes_are_not_readable(host: &mut Host) {
    let script = "
SEIZE = 0x4206
PTRACE, READV = (101, 310) if X86 else (117, 270)
class Vec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(8)
mine, theirs = Vec(ctypes.addressof(buffer), 8), Vec(0x400000, 8)
def seize(pid):
    # The end of the one who traces is the end of tracing.
    child = os.fork()
    if child == 0:
        try: call(PTRACE, SEIZE, pid, 0, 0)
        except OSError as e: os._exit(e.errno)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code: raise OSError(code, '')
def readv(pid): return call(READV, pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
for name, pid in [('parent', os.getppid()), ('first', 1), ('worker', @WORKER@), ('victim', @VICTIM@)]:
    t('seize ' + name, lambda: seize(pid))
    t('readv ' + name, lambda: readv(pid))
print('listed', sorted(int(p) for p in os.listdir('/proc') if p.isdigit()) if os.access('/proc', os.R_OK) else [])
for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()] + ['@WORKER@', '@VICTIM@']:
    for file in ['environ', 'fd/9', 'root@HOME@/.ssh/id_test', 'mem', 'maps']:
        try:
            fd = os.open('/proc/%s/%s' % (pid, file), os.O_RDONLY | os.O_NONBLOCK)
            print('READ', pid, file, os.read(fd, 4000 if file != 'mem' else 0))
        except OSError as e: pass
print('looked')
";
    let off = host.sbx(&Policy::off(), &python(script));
    assert!(
        off.out().contains(&host.secret),
        "the worker's environment: {off}"
    );
    assert!(off.says(&format!("{}", host.hello.pid)), "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(script));
        held.succeeds();
        for name in ["parent", "first", "worker", "victim"] {
            held.refuses(&format!("seize {name}"), &["EPERM"]);
            held.refuses(&format!("readv {name}"), &["EPERM"]);
        }
        assert!(held.says("looked") && !held.says("READ"), "{held}");
        let listed = held.line("listed").unwrap_or_default();
        let seen = listed.matches(',').count() + 1;
        assert!(by(level, seen <= 3, true), "only its own: {held}");
    }
}

/// Strict: they have no number there, and the first process is immune. Landlock: scoped signals.
fn v15_signals_reach_nobody_else(host: &mut Host) {
    // `kill -9 -1` is not shown with the sandbox off: it would end the host.
    let off = host.sbx(
        &Policy::off(),
        &bash("kill -0 @VICTIM@ && kill -0 @WORKER@ && echo REACHED"),
    );
    assert!(off.says("REACHED"), "{off}");
    let script = "
import signal
t('victim', lambda: os.kill(@VICTIM@, signal.SIGKILL))
t('worker', lambda: os.kill(@WORKER@, signal.SIGKILL))
t('first', lambda: os.kill(1, signal.SIGKILL))
t('launcher', lambda: os.kill(@LAUNCHER@, signal.SIGKILL))
t('group', lambda: os.killpg(0, signal.SIGURG))
t('all', lambda: os.kill(-1, signal.SIGKILL))
print('lives')
";
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(script));
        assert!(held.says("lives"), "{held}");
        held.refuses("victim", by(level, &["ESRCH"], &["EPERM"]));
        held.refuses("worker", by(level, &["ESRCH"], &["EPERM"]));
        held.refuses("launcher", by(level, &["ESRCH"], &["EPERM"]));
        held.succeeds();
    }
}
