//! V01 to V05 and V07: reading, writing and collecting what is not the task's own.

use protocol::outcome::{Bound, FailureClass};
use protocol::policy::SandboxLevel;

use crate::support::{Host, Policy, bash, by, python};

cases!(
    v01_artifact_names_lead_nowhere,
    v02_links_are_never_followed,
    v03_the_home_and_its_secrets_are_hidden,
    v04_nothing_outside_is_written,
    v04_nothing_is_left_to_the_next_attempt,
    v05_special_files_do_not_block_collection,
    v07_no_way_up_by_directory_handles,
);

/// Stopped by the collector, at every level: a name is resolved beneath the workspace by the kernel.
fn v01_artifact_names_lead_nowhere(host: &mut Host) {
    let script = bash("mkdir -p out; echo hi > out/a; ln -s @OUT@ out/hop");
    let (long, deep) = ("n".repeat(4096), "d/".repeat(300) + "x");
    let names = [
        ("../../@OUT@/target", "leaves the workspace"),
        ("/etc/passwd", "leaves the workspace"),
        ("out/../../x", "leaves the workspace"),
        ("out/a\0b", "leaves the workspace"),
        ("out/hop/target", "symbolic link"),
        // So long that its message is cut.
        (&long, "nnn…"),
        (&deep, "was not produced"),
    ];
    for level in host.levels_and_off() {
        // All of them once: names are resolved the same way at every level.
        let shown = if level == SandboxLevel::Strict {
            names.len()
        } else {
            3
        };
        for (name, why) in &names[..shown] {
            let held = host.sbx(&Policy::at(level).declaring(name), &script);
            held.fails(FailureClass::ArtifactMissing, None);
            assert!(held.message().contains(why), "{name}: {held}");
            assert!(held.artifacts.is_empty(), "{held}");
        }
        // An empty name and `.` are the workspace itself, without its links.
        for name in ["", ".", "out//./a"] {
            let held = host.sbx(&Policy::at(level).declaring(name), &script);
            held.succeeds();
            assert_eq!(held.sealed(), ["out/a"], "{name}: {held}");
        }
    }
}

/// The payload can follow its links with the sandbox off; the collector never does.
fn v02_links_are_never_followed(host: &mut Host) {
    let script = "mkdir -p out; ln -s /etc/shadow out/shadow; ln -s /proc/self/environ out/env
        ln -s ../../../../../../../../etc/hosts out/rel; ln -s @HOME@/.ssh/id_test out/key
        ln -s /proc/self out/hop; ln -s /etc out/d; ln -s out/loop out/loop; echo ok > out/real";
    let off = host.sbx(&Policy::off(), &bash(&format!("{script}; cat out/key")));
    assert!(
        off.out().contains(&host.secret),
        "the links lead there: {off}"
    );
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level).declaring("out/**"), &bash(script));
        held.succeeds();
        assert_eq!(held.sealed(), ["out/real"], "{held}");
        assert_eq!(held.artifacts[0].left_out, 7, "and that is said: {held}");
        for through in ["out/hop/environ", "out/d/passwd", "out/key"] {
            let held = host.sbx(&Policy::at(level).declaring(through), &bash(script));
            held.fails(FailureClass::ArtifactMissing, None);
            assert!(held.message().contains("symbolic link"), "{held}");
        }
    }
}

/// Strict: it is not in the view. Landlock: nothing gives the right to read it.
pub fn v03_the_home_and_its_secrets_are_hidden(host: &mut Host) {
    let text = "
def read(path): return open(path).read()
t('key', lambda: read('@HOME@/.ssh/id_test'))
t('through', lambda: read('/proc/1/root@HOME@/.ssh/id_test'))
t('root', lambda: os.listdir('/root'))
t('home', lambda: os.listdir('@HOME@'))
import pwd
for one in pwd.getpwall():
    if one.pw_uid in (0, 1000, os.getuid()): t('of ' + one.pw_name, lambda: read(one.pw_dir + '/.ssh/id_test'))
t('own', lambda: os.listdir(os.environ['HOME']))
t('secrets', lambda: os.listdir('/var/run/secrets'))
for top in sys.argv[1:] or ['/', '@HOME@', '/proc/1/root']:
    for at, dirs, files in os.walk(top):
        if at == '/': dirs[:] = [d for d in dirs if d not in ('usr', 'proc', 'sys')]
        if 'id_test' in files: print('FOUND', at)
print('looked')
";
    let off = text.replace(
        "sys.argv[1:] or ['/', '@HOME@', '/proc/1/root']",
        "['@HOME@']",
    );
    let off = host.sbx(&Policy::off(), &python(&off));
    off.does("key");
    assert!(
        off.out().contains(&host.secret) && off.says("FOUND"),
        "{off}"
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(text));
        held.succeeds();
        held.refuses("key", by(level, &["ENOENT"], &["EACCES"]));
        held.refuses("through", &["EACCES", "ENOENT"]);
        held.refuses("root", by(level, &["ENOENT"], &["EACCES"]));
        held.refuses("home", by(level, &["ENOENT"], &["EACCES"]));
        held.refuses("secrets", by(level, &["ENOENT"], &["EACCES", "ENOENT"]));
        held.does("own");
        assert!(held.says("looked") && !held.says("FOUND"), "{held}");
    }
}

/// Strict: read-only or absent. Landlock: no right to write.
pub fn v04_nothing_outside_is_written(host: &mut Host) {
    let write = "
def write(path):
    with open(path, 'a') as file: file.write('pwn')
";
    let reachable = "
for path in ['@HOME@/.bashrc', '@OUT@/target', '../../../escape', '@OUT@/new']:
    t(path.rsplit('/')[-1], lambda: write(path))
";
    let anywhere = "
for path in ['/usr/orch-x', '/etc/orch-x', '/bin/orch-x', '/orch-x', '/dev/orch-x', '/var/tmp/orch-x',
        '/proc/sys/kernel/core_pattern', '/sys/kernel/uevent_helper', '/var/orch-x', '/run/orch-x']:
    t(path, lambda: write(path))
t('mine', lambda: write('mine'))
t('temporary', lambda: write(os.environ['TMPDIR'] + '/mine'))
t('null', lambda: write('/dev/null'))
";
    let targets = [".bashrc", "target", "escape", "new"];
    let off = host.sbx(&Policy::off(), &python(&format!("{write}{reachable}")));
    for target in targets {
        off.does(target);
    }
    let escaped = host.hello.run.join("escape");
    fs_err::remove_file(&escaped).unwrap();
    let pattern = || fs_err::read("/proc/sys/kernel/core_pattern").unwrap();
    let before = pattern();
    for level in host.levels() {
        let script = format!("{write}{reachable}{anywhere}");
        let held = host.sbx(&Policy::at(level), &python(&script));
        held.succeeds();
        for target in [".bashrc", "target", "new"] {
            held.refuses(target, by(level, &["ENOENT"], &["EACCES"]));
        }
        for dir in ["/usr", "/etc", "/bin", "", "/dev", "/var", "/run"] {
            let path = format!("{dir}/orch-x");
            held.refuses(
                &path,
                by(level, &["EROFS", "EACCES", "ENOENT"], &["EACCES"]),
            );
            assert!(!std::path::Path::new(&path).exists(), "{path}");
        }
        // In strict these are memory of its own: written, and seen by nobody.
        let told = held.line("escape ").unwrap_or_default();
        assert!(
            by(level, true, told == "EACCES") && !escaped.exists(),
            "{held}"
        );
        let told = held.line("/var/tmp/orch-x ").unwrap_or_default();
        let outside = std::path::Path::new("/var/tmp/orch-x");
        assert!(
            by(level, true, told == "EACCES") && !outside.exists(),
            "{held}"
        );
        held.refuses(
            "/proc/sys/kernel/core_pattern",
            &["EACCES", "EROFS", "EPERM"],
        );
        held.refuses("/sys/kernel/uevent_helper", &["EACCES", "ENOENT", "EROFS"]);
        for mine in ["mine", "temporary", "null"] {
            held.does(mine);
        }
        assert_eq!(pattern(), before, "{held}");
    }
}

/// Whatever an attempt may write is gone before the next one in the same slot, of whatever run.
fn v04_nothing_is_left_to_the_next_attempt(host: &mut Host) {
    let script = "
places = ['mine', '../escape', '../../escape', os.environ['HOME'] + '/x', os.environ['TMPDIR'] + '/x', '/tmp/orch-x',
    '/var/tmp/orch-x', '/dev/shm/orch-x', '/dev/shm/../orch-x', '/dev/mqueue/x']
print('found', [p for p in places if os.path.exists(p)])
def write(path):
    with open(path, 'a') as file: file.write('left')
for path in places: t('place ' + path, lambda: write(path))
SHMGET = 29 if X86 else 194
t('segment found', lambda: call(SHMGET, 4711, 4096, 0o600))
t('segment made', lambda: call(SHMGET, 4711, 4096, 0o1600))
";
    for level in host.levels() {
        for _attempt in 0..3 {
            let held = host.sbx(&Policy::at(level), &python(script));
            held.succeeds();
            assert_eq!(held.line("found").as_deref(), Some("[]"), "{held}");
            held.refuses("segment found", by(level, &["ENOENT"], &["EPERM"]));
            if level == SandboxLevel::Landlock {
                held.refuses("segment made", &["EPERM"]);
            }
            held.does("place mine");
        }
    }
}

/// Stopped by the collector: it opens nothing that could block, and reads no more than is there.
fn v05_special_files_do_not_block_collection(host: &mut Host) {
    let script = "
os.makedirs('out'); open('out/ok', 'w').write('ok'); os.mkfifo('out/fifo')
t('socket', lambda: socket.socket(socket.AF_UNIX).bind('out/sock'))
t('device', lambda: os.mknod('out/dev', 0o20666, os.makedev(1, 5)))
t('sparse', lambda: open('out/sparse', 'wb').truncate(1 << 40))
if os.path.exists('out/sparse') and os.path.getsize('out/sparse') == 0: os.remove('out/sparse')
";
    let off = host.sbx(&Policy::off().declaring("out/**"), &python(script));
    off.does("socket");
    off.does("sparse");
    off.fails(FailureClass::LimitExceeded, Some(Bound::Disk));
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level).declaring("out/**"), &python(script));
        held.refuses("socket", &["EPERM", "EACCES"]);
        held.refuses("device", &["EPERM", "EACCES"]);
        held.refuses("sparse", &["EFBIG"]);
        held.succeeds();
        assert_eq!(held.sealed(), ["out/ok"], "{held}");
        assert_eq!(held.artifacts[0].left_out, 1, "the pipe: {held}");
        assert!(held.wall_ms < 5_000, "{held}");
    }
}

/// Strict: the root of the view is the end. Landlock: what is above cannot be read.
fn v07_no_way_up_by_directory_handles(host: &mut Host) {
    let script = "
os.mkdir('a'); os.chdir('a'); os.rename('../a', '../a2')
def read(path): return len(open(path).read())
t('moved', lambda: read('../../../../../../../../../../@HOME@/.ssh/id_test'))
t('cwd', lambda: read('/proc/self/cwd/../../../../../../../../../../@HOME@/.ssh/id_test'))
t('up', lambda: (os.chdir('/proc/self/root/../..'), sorted(os.listdir('.')))[1])
def out():
    os.chroot('/tmp')
    for i in range(64): os.chdir('..')
    os.chroot('.')
    return sorted(os.listdir('/'))
if 'off' not in sys.argv: t('chroot', out)
";
    let off = host.sbx(
        &Policy::off(),
        &python(&script.replace("'off' not in sys.argv", "False")),
    );
    off.does("moved");
    off.does("cwd");
    // What the host has and no view needs.
    let above = off.line("up DONE").unwrap();
    assert!(
        above.contains("'root'") && above.contains("'boot'"),
        "{off}"
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(script));
        held.succeeds();
        held.refuses("moved", by(level, &["ENOENT"], &["EACCES"]));
        held.refuses("cwd", by(level, &["ENOENT"], &["EACCES"]));
        held.refuses("chroot", &["EPERM"]);
        match held.line("up DONE") {
            Some(listing) => {
                assert!(
                    !listing.contains("'root'") && !listing.contains("'boot'"),
                    "{held}"
                );
            }
            None => held.refuses("up", &["EACCES"]),
        }
    }
}
