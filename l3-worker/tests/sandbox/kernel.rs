//! V22 to V25: what of the kernel only an attacker or a debugger needs.

use crate::support::{Host, Kind, Policy, bash, by, python};

cases!(
    v22_rare_system_calls_are_denied,
    v23_no_terminal_is_typed_into,
    v24_no_further_namespace_and_no_mount,
    v25_control_groups_are_not_its_own,
    what_was_denied_is_told,
    no_privilege_is_left,
);

/// Stopped by the system call filter.
fn v22_rare_system_calls_are_denied(host: &mut Host) {
    let script = python(
        "
b = ctypes.create_string_buffer(4096)
n = dict(bpf=321, perf=298, userfaultfd=323, keyctl=250, add_key=248, request_key=249) if X86 else \\
    dict(bpf=280, perf=241, userfaultfd=282, keyctl=219, add_key=217, request_key=218)
t('io_uring', lambda: call(425, 8, b))
t('bpf', lambda: call(n['bpf'], 0, b, 72))
t('perf', lambda: call(n['perf'], b, 0, -1, -1, 0))
t('userfaultfd', lambda: call(n['userfaultfd'], 1))
t('keyctl', lambda: call(n['keyctl'], 0, -3, 1))
t('add_key', lambda: call(n['add_key'], b'user', b'orch', b'x', 1, -3))
t('request_key', lambda: call(n['request_key'], b'user', b'orch', 0, 0))
",
    );
    let off = host.sbx(&Policy::off(), &script);
    off.does("keyctl");
    off.does("add_key");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        // Tools probe for these: they must be told, not killed.
        held.succeeds();
        let calls = [
            "io_uring",
            "bpf",
            "perf",
            "userfaultfd",
            "keyctl",
            "add_key",
            "request_key",
        ];
        for name in calls {
            held.refuses(name, &["EPERM", "ENOSYS"]);
        }
    }
}

/// Stopped by the system call filter, whatever the upper half of the request says; and the worker's
/// own terminal is neither the payload's nor in its view.
fn v23_no_terminal_is_typed_into(host: &mut Host) {
    let script = python(
        "
import fcntl, pty
STI, LINUX = 0x5412, 0x541C
def ioctl(fd, request):
    if libc.ioctl(fd, ctypes.c_ulong(request), b'INJECTED') < 0: raise OSError(ctypes.get_errno(), '')
t('sti', lambda: ioctl(0, STI))
t('linux', lambda: ioctl(0, LINUX))
t('upper', lambda: ioctl(0, 0x100000000 | STI))
t('tty', lambda: open('/dev/tty', 'w').write('INJECTED'))
t('terminal', lambda: open('@TERMINAL@', 'w').write('INJECTED'))
def own():
    first, second = pty.openpty()
    child = os.fork()
    if child == 0:
        os.setsid(); fcntl.ioctl(second, 0x540E, 0)
        try: fcntl.ioctl(second, STI, b'I')
        except OSError as e: os._exit(e.errno)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code: raise OSError(code, '')
t('own', own)
",
    );
    let off = host.sbx(&Policy::off(), &script);
    off.refuses("sti", &["ENOTTY"]);
    off.refuses("upper", &["ENOTTY"]);
    off.refuses("tty", &["ENXIO"]);
    off.does("terminal");
    assert!(off.seen.terminal.contains("INJECTED"), "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        for request in ["sti", "linux", "upper"] {
            held.refuses(request, &["EPERM"]);
        }
        held.refuses("tty", &["ENXIO", "ENOENT", "EACCES", "EROFS"]);
        held.refuses("terminal", by(level, &["ENOENT", "EACCES"], &["EACCES"]));
        // With a terminal of its own, or without one.
        held.refuses("own", &["EPERM", "ENOENT", "EACCES", "out of pty devices"]);
        assert_eq!(held.seen.terminal, "", "{held}");
    }
}

/// Stopped by the system call filter; in strict also by having no capability and no further user
/// namespace to get one in.
fn v24_no_further_namespace_and_no_mount(host: &mut Host) {
    let spaces = "unshare -Ur true && echo MADE; unshare -U --map-root-user -m mount -t tmpfs t /mnt && echo MOUNTED";
    let off = host.sbx(&Policy::off(), &bash(spaces));
    assert!(off.says("MADE") && off.says("MOUNTED"), "{off}");
    let script = "
import hashlib
def table(): return hashlib.sha256(open('/proc/self/mountinfo', 'rb').read()).hexdigest()
before = table() if os.access('/proc/self/mountinfo', os.R_OK) else None
n = dict(mount=165, umount=166, pivot=155, setns=308, unshare=272, clone=56) if X86 else \\
    dict(mount=40, umount=39, pivot=41, setns=268, unshare=97, clone=220)
os.mkdir('m'); NEWUSER, NEWNS, BIND = 0x10000000, 0x20000, 4096
t('unshare user', lambda: call(n['unshare'], NEWUSER))
t('unshare mount', lambda: call(n['unshare'], NEWNS))
class Args(ctypes.Structure): _fields_ = [(name, ctypes.c_uint64) for name in 'flags pidfd ctid ptid exit stack size tls'.split()]
def clone3():
    args = Args(flags=NEWUSER, exit=17)
    if call(435, ctypes.byref(args), 64) == 0: os._exit(0)
t('clone3', clone3)
def clone():
    if call(n['clone'], NEWUSER | 17, 0, 0, 0, 0) == 0: os._exit(0)
t('clone', clone)
t('mount', lambda: call(n['mount'], b't', b'm', b'tmpfs', 0, 0))
t('bind', lambda: call(n['mount'], b'/usr', b'm', 0, BIND, 0))
t('remount', lambda: call(n['mount'], 0, b'/', 0, 32, 0))
t('fsopen', lambda: call(430, b'tmpfs', 0))
t('open_tree', lambda: call(428, -100, b'.', 1))
t('move_mount', lambda: call(429, -100, b'.', -100, b'm', 0))
t('umount', lambda: call(n['umount'], b'/proc', 2))
t('pivot', lambda: call(n['pivot'], b'.', b'm'))
t('setns', lambda: call(n['setns'], os.open('/proc/self/ns/net', os.O_RDONLY), 0))
print('same', before == (table() if before else None))
";
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &bash(spaces));
        assert!(!held.says("MADE") && !held.says("MOUNTED"), "{held}");
        assert!(
            held.says("Operation not permitted") || held.says("No space left"),
            "{held}"
        );
        let held = host.sbx(&Policy::at(level), &python(script));
        held.succeeds();
        held.refuses("clone3", &["ENOSYS"]);
        let calls = [
            "unshare user",
            "unshare mount",
            "clone",
            "mount",
            "bind",
            "remount",
            "fsopen",
            "open_tree",
            "move_mount",
            "umount",
            "pivot",
            "setns",
        ];
        for name in calls {
            held.refuses(name, &["EPERM", "ENOSYS", "ENOSPC"]);
        }
        assert!(held.says("same True"), "{held}");
    }
}

/// Strict: they are not in the view. Landlock: nothing gives the right to write there.
fn v25_control_groups_are_not_its_own(host: &mut Host) {
    let writable = "find /sys/fs/cgroup -maxdepth 3 -name '*.procs' -writable 2>/dev/null | head -n 3; echo looked";
    let off = host.sbx(&Policy::off(), &bash(writable));
    let owner = host.kind == Kind::Root && std::path::Path::new("/sys/fs/cgroup").exists();
    assert!(!owner || off.says(".procs"), "{off}");
    let script = "
def groups(): return open('/proc/self/cgroup').read()
before = groups()
N = 165 if X86 else 40
os.mkdir('m')
t('mount', lambda: call(N, b'none', b'm', b'cgroup2', 0, 0))
def write(path, text):
    with open(path, 'w') as file: file.write(text)
for path in ['', '/unified', '/pids', '/memory', '/systemd']:
    t('move ' + path, lambda: write('/sys/fs/cgroup%s/cgroup.procs' % path, str(os.getpid())))
for path in ['/pids.max', '/pids/pids.max', '/memory/memory.limit_in_bytes', '/memory/release_agent']:
    t('limit ' + path, lambda: write('/sys/fs/cgroup' + path, 'max'))
print('same', before == groups())
";
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &bash(writable));
        assert!(held.says("looked") && !held.says(".procs"), "{held}");
        let held = host.sbx(&Policy::at(level), &python(script));
        held.succeeds();
        held.refuses("mount", &["EPERM"]);
        for line in held
            .out()
            .lines()
            .filter(|line| line.starts_with(['m', 'l']))
        {
            let refused = ["EPERM", "EACCES", "ENOENT", "EROFS"]
                .iter()
                .any(|e| line.ends_with(e));
            assert!(refused, "{line}: {held}");
        }
        assert!(held.says("same True"), "{held}");
    }
}

/// The mechanism is named in the result, too: what was tried, on what, and how often.
fn what_was_denied_is_told(host: &mut Host) {
    let script = python(
        "
N = (165, 101, 321) if X86 else (40, 117, 280)
for i in range(3): t('mount', lambda: call(N[0], b't', b'.', b'tmpfs', 0, 0))
t('ptrace', lambda: call(N[1], 0x4206, 1, 0, 0))
t('bpf', lambda: call(N[2], 0, 0, 0))
t('alg', lambda: socket.socket(38, socket.SOCK_SEQPACKET, 0))
t('write', lambda: open('/etc/orch-x', 'w'))
t('connect', lambda: socket.create_connection(('10.0.0.1', 4711), 2))
",
    );
    let off = host.sbx(&Policy::off(), &python("t('nothing', lambda: None)"));
    assert!(off.end.denied.is_empty(), "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        let told = |action: &str| held.end.denied.iter().find(|one| one.action == action);
        for action in ["mount", "ptrace", "bpf", "socket"] {
            assert!(told(action).is_some(), "`{action}` is not told: {held}");
        }
        assert_eq!(told("mount").map(|one| one.times), Some(3), "{held}");
        let write = told("write").unwrap_or_else(|| panic!("no write is told: {held}"));
        assert_eq!(write.target, "/etc/orch-x", "{held}");
        let connect = by(level, "connect", "socket");
        assert!(told(connect).is_some(), "`{connect}` is not told: {held}");
        let quiet = host.sbx(&Policy::at(level), &python("t('nothing', lambda: None)"));
        assert!(
            quiet.end.denied.is_empty(),
            "and nothing of it later: {quiet}"
        );
    }
}

/// Not root's number, no capability, nothing to be gained by executing, a filter in force.
fn no_privilege_is_left(host: &mut Host) {
    let script = python(
        "
status = dict(line.rstrip().split(':', 1) for line in open('/proc/self/status'))
for name in ['CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Uid', 'Groups']: print(name, status[name].split())
t('setuid', lambda: os.setuid(0) if os.getuid() else os.setuid(1))
t('groups', lambda: os.setgroups([0]))
",
    );
    let off = host.sbx(&Policy::off(), &script);
    assert_eq!(off.line("Seccomp").as_deref(), Some("['0']"), "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(
                held.line(name).as_deref(),
                Some("['0000000000000000']"),
                "{held}"
            );
        }
        assert_eq!(held.line("NoNewPrivs").as_deref(), Some("['1']"), "{held}");
        assert_eq!(held.line("Seccomp").as_deref(), Some("['2']"), "{held}");
        let uid = held.line("Uid").unwrap();
        assert!(by(level, !uid.contains("'0'"), true), "{held}");
        held.refuses("setuid", &["EPERM", "EINVAL"]);
        held.refuses("groups", &["EPERM"]);
    }
}
