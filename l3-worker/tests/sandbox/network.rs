//! V16 and V19 to V21, and what of V18 needs no proxy: reaching anybody. V17 and the rest of V18
//! come with the proxy.

use protocol::outcome::FailureClass;
use protocol::policy::{Guarantee, Network, SandboxLevel, UnixSockets};

use crate::support::{Host, Outcome, Policy, by, python};

cases!(
    v16_no_network_is_no_network,
    v18_private_addresses_in_every_spelling,
    v19_no_name_leaves_by_asking_for_it,
    v20_abstract_sockets_are_out_of_reach,
    v21_socket_files_are_out_of_reach,
);

const NET: &str = "
from socket import *
def tcp(address, family=AF_INET, protocol=0):
    s = socket(family, SOCK_STREAM, protocol); s.settimeout(2); s.connect(address)
def udp(address, family=AF_INET):
    for i in range(3): socket(family, SOCK_DGRAM).sendto(b'canary', address)
";

#[track_caller]
fn nothing_arrived(held: &Outcome) {
    let seen = &held.seen;
    assert!(
        (seen.tcp, seen.udp, seen.dns) == (0, 0, 0) && seen.unix.is_empty(),
        "{held}"
    );
}

/// Strict: a network of its own, and only two families, beside what lists its own interfaces. Landlock: no
/// socket can be made.
pub fn v16_no_network_is_no_network(host: &mut Host) {
    let script = format!(
        "{NET}
t('tcp 127', lambda: tcp(('127.0.0.1', @TCP@)))
t('tcp 10', lambda: tcp(('10.0.0.1', @TCP@)))
t('tcp ::1', lambda: tcp(('::1', @TCP@), AF_INET6))
t('tcp 192', lambda: tcp(('192.0.2.1', 443)))
t('mptcp', lambda: tcp(('10.0.0.1', @TCP@), protocol=262))
t('udp 127', lambda: udp(('127.0.0.1', @UDP@)))
t('udp 10', lambda: udp(('10.0.0.1', @UDP@)))
t('udp ::1', lambda: udp(('::1', @UDP@), AF_INET6))
for name, family, kind, protocol in [('raw', AF_INET, SOCK_RAW, 1), ('packet', 17, SOCK_RAW, 0x300),
        ('route', 16, SOCK_RAW, 0), ('netlink', 16, SOCK_RAW, 12), ('generic', 16, SOCK_RAW, 16),
        ('vsock', 40, SOCK_STREAM, 0), ('alg', 38, SOCK_SEQPACKET, 0),
        ('bluetooth', 31, SOCK_RAW, 1), ('unix', AF_UNIX, SOCK_STREAM, 0)]:
    t('socket ' + name, lambda: socket(family, kind, protocol).close())
t('pair', lambda: [end.close() for end in socketpair()])
"
    );
    let off = host.sbx(&Policy::off(), &python(&script));
    for what in [
        "tcp 127",
        "tcp 10",
        "tcp ::1",
        "udp 10",
        "socket generic",
        "socket unix",
    ] {
        off.does(what);
    }
    assert!(off.seen.tcp >= 3 && off.seen.udp == 9, "{off}");
    off.refuses("tcp 192", &["ENETUNREACH"]);
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(&script));
        held.succeeds();
        nothing_arrived(&held);
        let denied: &[&str] = &["EACCES", "EPERM", "EAFNOSUPPORT"];
        held.refuses("tcp 127", by(level, &["ECONNREFUSED"], denied));
        held.refuses("tcp 10", by(level, &["ENETUNREACH"], denied));
        held.refuses(
            "tcp ::1",
            by(level, &["ECONNREFUSED", "EADDRNOTAVAIL"], denied),
        );
        held.refuses("tcp 192", by(level, &["ENETUNREACH"], denied));
        held.refuses("udp 10", by(level, &["ENETUNREACH"], denied));
        let mptcp = &[
            "ENETUNREACH",
            "EPERM",
            "EACCES",
            "EPROTONOSUPPORT",
            "EAFNOSUPPORT",
        ];
        held.refuses("mptcp", mptcp);
        for family in [
            "raw",
            "packet",
            "netlink",
            "generic",
            "vsock",
            "alg",
            "bluetooth",
            "unix",
        ] {
            let denied = &["EPERM", "EACCES", "EAFNOSUPPORT"];
            held.refuses(&format!("socket {family}"), denied);
        }
        // Which interfaces there are, many tools ask; in a network of its own that tells nothing.
        if level == SandboxLevel::Landlock {
            held.refuses("socket route", denied);
        }
        held.does("pair");
    }
}

/// Stopped as every address is: there is no way to any of them.
fn v18_private_addresses_in_every_spelling(host: &mut Host) {
    let script = format!("{NET}
for name in ['169.254.169.254', '2852039166', '0xA9FEA9FE', '0251.0376.0251.0376', '10.0.0.1', '127.1', '0',
        'localhost']:
    t('to ' + name, lambda: tcp((name, @TCP@)))
for name in ['::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe']:
    t('to ' + name, lambda: tcp((name, @TCP@), AF_INET6))
");
    let off = host.sbx(&Policy::off(), &python(&script));
    for name in [
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "127.1",
        "0",
    ] {
        off.does(&format!("to {name}"));
    }
    off.does("to ::ffff:169.254.169.254");
    assert!(off.seen.tcp >= 8, "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(&script));
        nothing_arrived(&held);
        assert!(
            !held.says("DONE") && held.out().lines().count() == 10,
            "{held}"
        );
    }
}

/// Stopped as every datagram is. (Whether a proxy asks is a question for when there is one.)
fn v19_no_name_leaves_by_asking_for_it(host: &mut Host) {
    let script = format!("{NET}
import subprocess
def ask(server, name):
    question = b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + b''.join(bytes([len(l)]) + l.encode() for l in name.split('.'))
    socket(AF_INET, SOCK_DGRAM).sendto(question + b'\\0\\0\\1\\0\\1', (server, @DNS@))
for i in range(5):
    for server in ['127.0.0.1', '10.0.0.1']: t('ask', lambda: ask(server, 'canary%d.exfil.test' % i))
t('getent', lambda: subprocess.run(['getent', 'hosts', 'canary.exfil.test'], timeout=30).returncode)
");
    let off = host.sbx(&Policy::off(), &python(&script));
    off.does("ask");
    assert!(off.seen.dns >= 10, "{off}");
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &python(&script));
        nothing_arrived(&held);
        assert_ne!(held.line("getent DONE").as_deref(), Some("0"), "{held}");
    }
}

/// Strict and landlock: no such socket can be made. Where they are allowed, the network namespace
/// has none of the host's names.
fn v20_abstract_sockets_are_out_of_reach(host: &mut Host) {
    let script = format!(
        "{NET}
def send():
    s = socket(AF_UNIX); s.connect('\\0orch-test'); s.send(b'canary')
t('abstract', send)
t('datagram', lambda: socket(AF_UNIX, SOCK_DGRAM).sendto(b'canary', '\\0orch-test'))
"
    );
    let script = python(&script);
    let off = host.sbx(&Policy::off(), &script);
    off.does("abstract");
    assert_eq!(off.seen.unix.get("abstract"), Some(&1), "{off}");
    for level in host.levels() {
        for network in [Network::None, Network::Full] {
            let mut policy = Policy::at(level);
            policy.confine.network = network;
            if network == Network::Full {
                policy.confine.require.remove(&Guarantee::NetNone);
            }
            let held = host.sbx(&policy, &script);
            nothing_arrived(&held);
            held.refuses("abstract", &["EPERM", "EACCES"]);
        }
    }
    private_sockets_are_private(host, &script);
}

/// Where private sockets cannot be told from the host's, nothing starts.
fn private_sockets_are_private(host: &mut Host, attack: &crate::support::Payload) {
    let own = python(
        "
def talk():
    server = socket.socket(socket.AF_UNIX); server.bind('own.sock'); server.listen()
    client = socket.socket(socket.AF_UNIX); client.connect('own.sock')
    return server.accept()[0].close()
t('own', talk)
",
    );
    for level in host.levels() {
        let mut policy = Policy::at(level);
        policy.confine.unix_sockets = UnixSockets::Private;
        let held = host.sbx(&policy, attack);
        nothing_arrived(&held);
        if level == SandboxLevel::Strict {
            held.refuses("abstract", &["ECONNREFUSED"]);
            host.sbx(&policy, &own).does("own");
        } else if held.class() != Some(FailureClass::SandboxUnavailable) {
            held.refuses("abstract", &["EPERM", "EACCES"]);
        }
        // In the host's own network its names would be everybody's.
        policy.confine.network = Network::Full;
        policy.confine.require.remove(&Guarantee::NetNone);
        let held = host.sbx(&policy, attack);
        nothing_arrived(&held);
        held.refuses("abstract", &["EPERM", "EACCES"]);
    }
}

/// Stopped by what there is to see (strict), by the denied family (both). A read-only bind alone
/// would stop nobody from connecting.
fn v21_socket_files_are_out_of_reach(host: &mut Host) {
    let script = python(&format!(
        "{NET}
t('notes', lambda: open('@SHARED@/notes').read())
for name, path in [('run', '/run/orch-test.sock'), ('shared', '@SHARED@/docker.sock'),
        ('relative', '../../../../../../../../run/orch-test.sock')]:
    t(name, lambda: tcp(path, AF_UNIX))
for pid in [p for p in (os.listdir('/proc') if os.access('/proc', os.R_OK) else []) if p.isdigit()]:
    try: tcp('/proc/%s/root/run/orch-test.sock' % pid, AF_UNIX); print('THROUGH', pid)
    except OSError as e: pass
"
    ));
    let off = host.sbx(&Policy::off(), &script);
    off.does("run");
    off.does("shared");
    assert!(
        off.seen.unix.contains_key("run") && off.seen.unix.contains_key("shared"),
        "{off}"
    );
    for level in host.levels() {
        for sockets in [UnixSockets::Deny, UnixSockets::Private] {
            let mut policy = Policy::at(level);
            policy.confine.unix_sockets = sockets;
            policy.confine.read = vec![host.hello.shared.display().to_string()];
            let held = host.sbx(&policy, &script);
            nothing_arrived(&held);
            let unsound = sockets == UnixSockets::Private;
            if unsound && held.class() == Some(FailureClass::SandboxUnavailable) {
                continue;
            }
            held.does("notes");
            for name in ["run", "shared", "relative"] {
                held.refuses(name, &["EPERM", "EACCES", "ENOENT"]);
            }
        }
    }
}
