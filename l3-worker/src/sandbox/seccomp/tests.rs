//! The program is run by an interpreter of the few instructions it may use.

use nix::libc;
use nix::libc::sock_filter;
use protocol::policy::{Network, SandboxLevel, UnixSockets};

use super::calls::DENIED;
use super::{Fences, Own, program, program_of_slot};

const CLOSED: Fences = Fences {
    level: SandboxLevel::Strict,
    network: Network::None,
    unix_sockets: UnixSockets::Deny,
    debug: false,
    observe: false,
};
const ALLOW: u32 = 0x7FFF_0000;
const NOTIFY: u32 = 0x7FC0_0000;
const KILL: u32 = 0x8000_0000;
const fn errno(errno: i32) -> u32 {
    0x0005_0000 | errno.cast_unsigned()
}
const DENY: u32 = errno(libc::EPERM);

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

fn all_fences() -> Vec<Fences> {
    let mut all = Vec::new();
    for &level in &[SandboxLevel::Strict, SandboxLevel::Landlock] {
        for &network in Network::ALL {
            for &unix_sockets in UnixSockets::ALL {
                for bits in 0..4 {
                    all.push(Fences {
                        level,
                        network,
                        unix_sockets,
                        debug: bits & 1 != 0,
                        observe: bits & 2 != 0,
                    });
                }
            }
        }
    }
    all
}

fn run(program: &[sock_filter], arch: u32, number: u32, args: [u64; 6]) -> u32 {
    let mut data = Vec::new();
    data.extend(number.to_le_bytes());
    data.extend(arch.to_le_bytes());
    data.extend(0_u64.to_le_bytes());
    args.iter().for_each(|arg| data.extend(arg.to_le_bytes()));
    let (mut at, mut value) = (0, 0_u32);
    loop {
        let step = program[at];
        at += 1;
        match step.code {
            0x20 => {
                let from = step.k as usize;
                assert_eq!(from % 4, 0);
                value = u32::from_le_bytes(data[from..from + 4].try_into().unwrap());
            }
            0x54 => value &= step.k,
            0x15 => at += usize::from(if value == step.k { step.jt } else { step.jf }),
            0x35 => at += usize::from(if value >= step.k { step.jt } else { step.jf }),
            0x06 => return step.k,
            other => panic!("{other:#x} is not used here"),
        }
    }
}

fn answer(fences: &Fences, number: i64, args: [u64; 6]) -> u32 {
    run(&program(fences), ARCH, number.try_into().unwrap(), args)
}

fn socket(fences: &Fences, family: i32, kind: i32, protocol: i32) -> u32 {
    let arg = |value: i32| u64::from(value.cast_unsigned());
    answer(
        fences,
        libc::SYS_socket,
        [arg(family), arg(kind), arg(protocol), 0, 0, 0],
    )
}

const OBSERVED: Fences = Fences {
    observe: true,
    ..CLOSED
};

#[test]
fn what_is_always_denied_is_denied_everywhere() {
    for fences in all_fences() {
        for call in DENIED {
            let expected = match () {
                () if call.debug && fences.debug => ALLOW,
                () if call.telling && fences.observe => NOTIFY,
                () => DENY,
            };
            let args = [u64::MAX; 6];
            assert_eq!(
                answer(&fences, call.number, args),
                expected,
                "{call:?} {fences:?}"
            );
        }
        for number in [
            libc::SYS_read,
            libc::SYS_execve,
            libc::SYS_openat,
            libc::SYS_futex,
        ] {
            assert_eq!(answer(&fences, number, [0; 6]), ALLOW);
        }
    }
}

#[test]
fn io_uring_is_denied_with_debugging_too() {
    let fences = Fences {
        debug: true,
        network: Network::Full,
        ..CLOSED
    };
    assert_eq!(answer(&fences, 425, [0; 6]), DENY);
    assert_eq!(answer(&fences, libc::SYS_ptrace, [0; 6]), ALLOW);
}

#[test]
fn nothing_is_loaded_without_a_sandbox() {
    let fences = Fences {
        level: SandboxLevel::None,
        ..CLOSED
    };
    assert!(program(&fences).is_empty());
}

#[test]
fn other_numberings_of_calls_are_no_way_around() {
    for fences in all_fences() {
        let program = program(&fences);
        let read = libc::SYS_read.try_into().unwrap();
        assert_eq!(run(&program, 0x4000_0003, read, [0; 6]), KILL, "i386");
        assert_eq!(run(&program, ARCH, read, [0; 6]), ALLOW);
        #[cfg(target_arch = "x86_64")]
        for number in [0x4000_0000 | read, u32::MAX] {
            assert_eq!(
                run(&program, ARCH, number, [0; 6]),
                errno(libc::ENOSYS),
                "x32"
            );
        }
    }
}

#[test]
fn namespaces_are_not_made() {
    for flag in [
        0x0002_0000,
        0x0200_0000,
        0x1000_0000,
        0x2000_0000,
        0x4000_0000_u64,
    ] {
        for number in [libc::SYS_clone, libc::SYS_unshare] {
            assert_eq!(answer(&CLOSED, number, [flag, 0, 0, 0, 0, 0]), DENY);
            assert_eq!(
                answer(&OBSERVED, number, [flag | 0x400, 0, 0, 0, 0, 0]),
                NOTIFY
            );
        }
    }
    assert_eq!(
        answer(&CLOSED, libc::SYS_unshare, [0x80, 0, 0, 0, 0, 0]),
        DENY
    );
    let threads = 0x003D_0F00;
    assert_eq!(
        answer(&CLOSED, libc::SYS_clone, [threads, 0, 0, 0, 0, 0]),
        ALLOW
    );
    assert_eq!(answer(&CLOSED, libc::SYS_clone, [17, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(
        answer(&OBSERVED, libc::SYS_clone3, [0; 6]),
        errno(libc::ENOSYS)
    );
}

#[test]
fn terminals_are_not_typed_into() {
    for request in [0x5412, 0x541C, 0x0001_0000_5412, 0xFFFF_FFFF_0000_541C_u64] {
        assert_eq!(
            answer(&CLOSED, libc::SYS_ioctl, [0, request, 0, 0, 0, 0]),
            DENY
        );
    }
    assert_eq!(
        answer(&CLOSED, libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]),
        ALLOW
    );
}

#[test]
fn devices_are_not_made_but_pipes_are() {
    for (kind, expected) in [
        (libc::S_IFCHR, DENY),
        (libc::S_IFBLK, DENY),
        (libc::S_IFIFO, ALLOW),
        (libc::S_IFSOCK, ALLOW),
        (0, ALLOW),
    ] {
        let mode = u64::from(kind | 0o644);
        assert_eq!(
            answer(&CLOSED, libc::SYS_mknodat, [0, 0, mode, 0, 0, 0]),
            expected
        );
    }
}

#[test]
fn personality_is_asked_for_and_not_changed() {
    let debug = Fences {
        debug: true,
        ..CLOSED
    };
    for (value, closed, debugging) in [
        (0, ALLOW, ALLOW),
        (0xFFFF_FFFF, ALLOW, ALLOW),
        (0x0004_0000, DENY, ALLOW),
        (0x0040_0000, DENY, DENY),
        (8, DENY, DENY),
    ] {
        assert_eq!(
            answer(&CLOSED, libc::SYS_personality, [value, 0, 0, 0, 0, 0]),
            closed
        );
        assert_eq!(
            answer(&debug, libc::SYS_personality, [value, 0, 0, 0, 0, 0]),
            debugging
        );
    }
}

#[test]
fn families_of_sockets() {
    let (stream, datagram, raw) = (libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW);
    for fences in all_fences() {
        let telling = if fences.observe { NOTIFY } else { DENY };
        let internet = if fences.internet() { ALLOW } else { telling };
        for family in [libc::AF_INET, libc::AF_INET6] {
            for kind in [
                stream,
                datagram,
                stream | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
            ] {
                assert_eq!(socket(&fences, family, kind, 0), internet, "{fences:?}");
            }
            assert_eq!(socket(&fences, family, raw, 1), telling);
            assert_eq!(socket(&fences, family, libc::SOCK_SEQPACKET, 132), telling);
            let sctp = socket(&fences, family, stream, 132);
            assert_ne!(sctp, ALLOW, "{fences:?}");
        }
        for family in [
            libc::AF_PACKET,
            libc::AF_VSOCK,
            libc::AF_ALG,
            libc::AF_BLUETOOTH,
            99,
            -1,
        ] {
            assert_eq!(
                socket(&fences, family, raw, 0),
                telling,
                "{family} {fences:?}"
            );
        }
        let unix = if fences.unix() { ALLOW } else { telling };
        assert_eq!(socket(&fences, libc::AF_UNIX, stream, 0), unix);
        let route = if fences.internet() { ALLOW } else { DENY };
        assert_eq!(socket(&fences, libc::AF_NETLINK, raw, 0), route);
        assert_eq!(socket(&fences, libc::AF_NETLINK, raw, 15), DENY, "uevents");
        let pair = |family: i32| [u64::from(family.cast_unsigned()), 1, 0, 0, 0, 0];
        assert_eq!(
            answer(&fences, libc::SYS_socketpair, pair(libc::AF_UNIX)),
            ALLOW
        );
        assert_eq!(
            answer(&fences, libc::SYS_socketpair, pair(libc::AF_INET)),
            DENY
        );
    }
}

#[test]
fn who_may_have_which_sockets() {
    let private = Fences {
        unix_sockets: UnixSockets::Private,
        ..CLOSED
    };
    let open = Fences {
        network: Network::Full,
        ..private
    };
    let landlock = |fences: Fences| Fences {
        level: SandboxLevel::Landlock,
        ..fences
    };
    let table = [
        CLOSED,
        private,
        open,
        landlock(CLOSED),
        landlock(private),
        landlock(open),
    ]
    .map(|fences| (fences.internet(), fences.unix()));
    let expected = [
        (true, false),
        (true, true),
        (true, false),
        (false, false),
        (false, false),
        (true, false),
    ];
    assert_eq!(table, expected);
}

#[test]
fn the_name_cache_is_looked_for_in_silence() {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    assert_eq!(socket(&OBSERVED, libc::AF_UNIX, kind, 0), DENY);
    assert_eq!(
        socket(&OBSERVED, libc::AF_UNIX, libc::SOCK_STREAM, 0),
        NOTIFY
    );
}

#[test]
fn connections_are_looked_at_where_there_is_no_network() {
    for fences in all_fences() {
        let expected = if fences.watches_connections() {
            NOTIFY
        } else {
            ALLOW
        };
        assert_eq!(
            answer(&fences, libc::SYS_connect, [3, 1, 16, 0, 0, 0]),
            expected
        );
        for address in [1, 1 << 32, u64::MAX] {
            let args = [3, 1, 16, 0, address, 16];
            assert_eq!(answer(&fences, libc::SYS_sendto, args), expected);
        }
        assert_eq!(
            answer(&fences, libc::SYS_sendto, [3, 1, 16, 0, 0, 0]),
            ALLOW
        );
    }
}

#[test]
fn files_opened_for_writing_are_asked_about_unless_they_must_be_new() {
    let (write, create) = (libc::O_WRONLY, libc::O_CREAT);
    for fences in all_fences() {
        let asked = if fences.observe { NOTIFY } else { ALLOW };
        for (flags, expected) in [
            (libc::O_RDONLY | libc::O_CLOEXEC, ALLOW),
            (write, asked),
            (libc::O_RDWR, asked),
            (write | create | libc::O_TRUNC, asked),
            (libc::O_RDONLY | libc::O_TRUNC, asked),
            (write | create | libc::O_EXCL, ALLOW),
        ] {
            let flags = u64::from(flags.cast_unsigned());
            assert_eq!(
                answer(&fences, libc::SYS_openat, [0, 0, flags, 0, 0, 0]),
                expected
            );
        }
    }
}

#[test]
fn a_program_stays_small() {
    for fences in all_fences() {
        // Jumps reach 255 instructions: with what a slot adds, none is too far.
        let own = Own {
            clone: 0x1000,
            stack: u64::MAX,
            name: u64::MAX,
            at: u64::MAX,
            itself: u64::MAX,
        };
        let length = program_of_slot(&fences, own).len();
        assert!(
            fences.level == SandboxLevel::None || length < 300,
            "{length}"
        );
    }
}

#[test]
fn what_outlives_a_process_is_the_hosts_without_an_ipc_namespace() {
    for fences in all_fences() {
        let expected = match fences.level {
            SandboxLevel::Landlock => DENY,
            _ => ALLOW,
        };
        for (name, number) in [
            ("shmget", libc::SYS_shmget),
            ("shmat", libc::SYS_shmat),
            ("shmctl", libc::SYS_shmctl),
            ("semget", libc::SYS_semget),
            ("semop", libc::SYS_semop),
            ("semtimedop", libc::SYS_semtimedop),
            ("semctl", libc::SYS_semctl),
            ("msgget", libc::SYS_msgget),
            ("msgsnd", libc::SYS_msgsnd),
            ("msgrcv", libc::SYS_msgrcv),
            ("msgctl", libc::SYS_msgctl),
            ("mq_open", libc::SYS_mq_open),
            ("mq_unlink", libc::SYS_mq_unlink),
            ("mq_timedsend", libc::SYS_mq_timedsend),
            ("mq_timedreceive", libc::SYS_mq_timedreceive),
            ("mq_notify", libc::SYS_mq_notify),
            ("mq_getsetattr", libc::SYS_mq_getsetattr),
        ] {
            assert_eq!(
                answer(&fences, number, [0; 6]),
                expected,
                "{name} {fences:?}"
            );
        }
        // Lets go of what a process has, and of nothing else's.
        assert_eq!(answer(&fences, libc::SYS_shmdt, [0; 6]), ALLOW);
    }
}

#[test]
fn limits_of_others_are_not_lowered_where_others_can_be_seen() {
    for fences in all_fences() {
        let program = program(&fences);
        let number = u32::try_from(libc::SYS_prlimit64).unwrap();
        let of = |pid| run(&program, ARCH, number, [pid, 0, 0, 0, 0, 0]);
        assert_eq!(of(0), ALLOW);
        let expected = match fences.level {
            SandboxLevel::Landlock => DENY,
            SandboxLevel::Strict | SandboxLevel::None => ALLOW,
        };
        assert_eq!(of(1), expected);
    }
}
