//! What must go on working: everyday things a shell script does. Compilers and interpreters are in
//! `tools`.

use std::os::unix::fs::MetadataExt as _;

use protocol::outcome::FailureClass;
use protocol::policy::{Guarantee, Network, SandboxLevel};

use crate::support::{Host, Policy, bash, by, python};

cases!(
    p03_git_commits_and_has_worktrees,
    p03_git_in_the_project_itself,
    p06_process_substitution,
    p07_sorting_what_does_not_fit,
    p08_almost_too_much_output,
    tar_packs_and_unpacks,
    a_server_and_its_client_inside,
    what_is_granted_is_there,
    a_full_network_is_the_hosts,
);

fn p03_git_commits_and_has_worktrees(host: &mut Host) {
    let script = bash(
        "set -e; git init -q r; cd r; git config user.email a@b; git config user.name A
        echo 1 > f; git add f; git commit -qm one; git worktree add -q ../w -b side; cd ../w
        echo 2 > g; git add g; git commit -qm two; git log --oneline | wc -l; git status --short; git fsck 2>&1",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        assert_eq!(held.out().trim(), "2", "{held}");
    }
}

/// Whoever the payload is, the tree is its own: git does not find its ownership dubious.
fn p03_git_in_the_project_itself(host: &mut Host) {
    let project = host.hello.out.parent().unwrap().join("project");
    let first = "set -e; mkdir -p @PROJECT@; cd @PROJECT@; rm -rf .git *; git init -q; echo 1 > f; git add f
        git -c user.email=a@b -c user.name=A commit -qm one; chmod 700 .";
    let first = first.replace("@PROJECT@", &project.display().to_string());
    let script = bash(
        "set -e; git status --short; echo 2 >> f; git add f; git -c user.email=a@b -c user.name=A commit -qm two
        git log --oneline | wc -l; stat -c %u:%a . | sed s/$(id -u)/me/",
    );
    for level in host.levels() {
        host.plain(&first);
        let mut policy = Policy::at(level);
        policy.project = Some(project.display().to_string());
        policy.confine.write = vec![project.display().to_string()];
        let held = host.sbx(&policy, &script);
        held.succeeds();
        assert_eq!(held.out(), "2\nme:700\n", "{held}");
        let owner = fs_err::metadata(project.join(".git/index")).unwrap();
        assert_eq!(
            owner.uid(),
            host.hello.uid,
            "what it makes belongs to the user: {held}"
        );
    }
}

fn p06_process_substitution(host: &mut Host) {
    for level in host.levels() {
        let script = bash("touch a b; diff <(ls) <(ls) && cat <<< here; echo err > /dev/stderr");
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        assert_eq!(
            (held.out().as_str(), held.err().as_str()),
            ("here\n", "err\n"),
            "{held}"
        );
    }
}

fn p07_sorting_what_does_not_fit(host: &mut Host) {
    let script = |bytes: u32| {
        bash(&format!(
            "set -e; head -c {bytes} /dev/urandom | base64 -w 60 > lines
            sort -S 8M lines > sorted; sort -c sorted && wc -c < sorted"
        ))
    };
    for level in host.levels() {
        // 50 MiB of lines, and enough to need temporary files.
        let (bytes, lines) = by(level, (38_000_000, 51_511_113), (9_000_000, 12_200_000));
        let held = host.sbx(&Policy::at(level).roomy(), &script(bytes));
        held.succeeds();
        assert_eq!(held.out().trim().parse(), Ok(lines), "{held}");
    }
}

fn p08_almost_too_much_output(host: &mut Host) {
    for level in host.levels() {
        let held = host.sbx(
            &Policy::at(level),
            &bash("head -c 943718 /dev/zero | tr '\\0' x"),
        );
        held.succeeds();
        let log = held.end.out.as_ref().unwrap();
        assert_eq!((log.bytes, log.truncated), (943_718, false), "{held}");
    }
}

fn tar_packs_and_unpacks(host: &mut Host) {
    let script = bash(
        "set -e; mkdir -p a/b; echo x > a/b/c; ln -s c a/b/l; chmod 700 a/b/c; tar czf a.tgz a
        mkdir u; tar xzf a.tgz -C u; diff -r a u/a; stat -c %a u/a/b/c; ls -l u/a/b/l | grep -c 'l -> c'",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        assert_eq!(held.out(), "700\n1\n", "{held}");
    }
}

/// In strict, over a loopback of its own; at landlock no socket can be made.
fn a_server_and_its_client_inside(host: &mut Host) {
    let script = python(
        "
import http.server, threading, urllib.request
open('page', 'w').write('hello')
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args): pass
def talk():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return urllib.request.urlopen('http://127.0.0.1:%d/page' % server.server_port).read().decode()
t('served', talk)
",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        if level == SandboxLevel::Strict {
            held.does("served");
            assert!(held.says("hello"), "{held}");
        } else {
            held.refuses("served", &["EACCES", "EPERM", "EAFNOSUPPORT"]);
        }
    }
}

fn what_is_granted_is_there(host: &mut Host) {
    let script = python(
        "
t('read', lambda: open('@SHARED@/notes').read())
t('append', lambda: open('@SHARED@/notes', 'a').write('x'))
t('write', lambda: open('@OUT@/granted', 'w').write('x'))
t('protected', lambda: open('@OUT@/target', 'a').write('x') if 'PROTECTED' in os.environ else 0)
t('remove', lambda: os.remove('@OUT@/granted'))
",
    );
    for level in host.levels() {
        let mut policy = Policy::at(level);
        let hello = &host.hello;
        policy.confine.read = vec![hello.shared.display().to_string(), "/no/such/place".into()];
        policy.confine.write = vec![hello.out.display().to_string()];
        let protect = vec![hello.out.join("target").display().to_string()];
        if level == SandboxLevel::Strict {
            policy.confine.protect.clone_from(&protect);
            policy = policy.with_env("PROTECTED", "1");
        }
        let held = host.sbx(&policy, &script);
        for granted in ["read", "write", "remove"] {
            held.does(granted);
        }
        held.refuses("append", &["EROFS", "EACCES"]);
        if level == SandboxLevel::Strict {
            held.refuses("protected", &["EROFS", "EACCES"]);
        } else {
            // Landlock takes nothing away beneath what it grants: then nothing starts.
            policy.confine.protect = protect;
            let refused = host.sbx(&policy, &script);
            refused.fails(FailureClass::SandboxUnavailable, None);
            assert!(refused.message().contains("fs_write_confined"), "{refused}");
        }
    }
}

fn a_full_network_is_the_hosts(host: &mut Host) {
    let script = python(
        "
t('tcp', lambda: socket.create_connection(('10.0.0.1', @TCP@), 2).close())
t('packet', lambda: socket.socket(17, socket.SOCK_RAW, 0x300))
t('netlink', lambda: socket.if_nameindex() and None)
",
    );
    for level in host.levels() {
        let mut policy = Policy::at(level);
        policy.confine.network = Network::Full;
        policy.confine.require.remove(&Guarantee::NetNone);
        let held = host.sbx(&policy, &script);
        held.does("tcp");
        assert_eq!(held.seen.tcp, 1, "{held}");
        held.refuses("packet", &["EPERM", "EACCES", "EAFNOSUPPORT"]);
        assert!(held.degrades(Guarantee::NetNone), "{held}");
    }
}
