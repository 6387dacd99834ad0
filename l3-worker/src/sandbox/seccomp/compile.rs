//! The filter program: rules about single calls, and their translation.
//!
//! One program with several answers, one instruction for a call that is always denied. A general
//! compiler gives one answer a program and five instructions a call, and every attempt pays for
//! loading them; the kernel remembers which calls are always allowed, so running it costs nothing.

use nix::libc;
use nix::libc::sock_filter;
use protocol::policy::SandboxLevel;

use super::calls::{DENIED, HOST_IPC};
use super::fences::Fences;
use super::rule::{DENY, Rule, Test, Verdict, any_of, high, is, is_not, low, masked};

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xC000_00B7;

/// `x32` numbers its calls from here, under the same architecture word.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`, little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Any of the namespaces that `clone` makes; a time namespace only by `unshare`.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;
const TIME_NAMESPACE: u32 = 0x80;
/// What `personality` is called with to ask.
const PERSONALITY_QUERY: u32 = 0xFFFF_FFFF;
/// What debuggers set, for stable addresses.
const ADDR_NO_RANDOMIZE: u32 = 0x0004_0000;
const SOCKET_TYPE: u32 = 0xF;
const WRITING: u32 = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u32;
/// How the C library looks for its name service cache whenever a user is looked up.
const NAME_CACHE: u32 = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u32;

/// What the slot process itself still does once the filter holds for it, too: known by addresses of
/// its own memory, which attempts do not know. They lack the capabilities for it besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// Flags of the one `clone` that starts an attempt.
    pub clone: u32,
    /// The stack that it passes, but for its last eight bits.
    pub stack: u64,
    /// The name of a file system that `mount` is passed.
    pub name: u64,
    /// The place that `umount2` is passed.
    pub at: u64,
    /// The empty path that `move_mount` is passed, beside a descriptor of what is moved.
    pub itself: u64,
}

/// The program for these fences; empty at level `none`, where nothing is to be loaded.
#[must_use]
pub fn program(fences: &Fences) -> Vec<sock_filter> {
    if fences.level == SandboxLevel::None {
        return Vec::new();
    }
    assemble(&rules(fences))
}

/// The program that a slot process loads for itself and so for all its attempts: loading costs as much
/// as a tenth of a small one.
pub(crate) fn program_of_slot(fences: &Fences, own: Own) -> Vec<sock_filter> {
    let mut rules = rules(fences);
    let stack = [
        masked(1, !0xFF, own.stack as u32 & !0xFF),
        high(1, own.stack),
    ];
    let unshare = [is(0, libc::CLONE_NEWNET as u32), stack[0], stack[1]];
    let clone = [is(0, own.clone), stack[0], stack[1]];
    let mount = [low(2, own.name), high(2, own.name)];
    let unmount = [low(0, own.at), high(0, own.at)];
    let move_mount = [low(1, own.itself), high(1, own.itself)];
    for (number, tests) in [
        (libc::SYS_clone, clone.to_vec()),
        (libc::SYS_unshare, unshare.to_vec()),
        (libc::SYS_mount, mount.to_vec()),
        (libc::SYS_umount2, unmount.to_vec()),
        (libc::SYS_move_mount, move_mount.to_vec()),
    ] {
        first(&mut rules, number, tests, Verdict::Allow);
    }
    assemble(&rules)
}

/// Before all other cases of this call.
fn first(rules: &mut Vec<Rule>, number: i64, tests: Vec<Test>, verdict: Verdict) {
    let known = rules.iter().position(|rule| rule.number == number);
    let at = known.unwrap_or_else(|| {
        rules.push(Rule::new(number, Verdict::Allow));
        rules.len() - 1
    });
    rules[at].cases.insert(0, (tests, verdict));
}

/// Nobody leaves a program behind that lends its owner's rights to whoever finds it on the host: what
/// attempts write belongs to the owner of the directory, root for one.
fn lend_no_rights(rules: &mut Vec<Rule>) {
    const FCHMODAT2: i64 = 452;
    let bits = |argument| any_of(argument, libc::S_ISUID | libc::S_ISGID);
    let makes = |argument| any_of(argument, (libc::O_CREAT | libc::O_TMPFILE) as u32);
    for (number, tests) in [
        (libc::SYS_fchmod, vec![bits(1)]),
        (libc::SYS_fchmodat, vec![bits(2)]),
        (FCHMODAT2, vec![bits(2)]),
        (libc::SYS_mknodat, vec![bits(2)]),
        (libc::SYS_openat, vec![makes(2), bits(3)]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_chmod, vec![bits(1)]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mknod, vec![bits(1)]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, vec![makes(1), bits(2)]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_creat, vec![bits(1)]),
    ] {
        first(rules, number, tests, DENY);
    }
    // Its mode is out of a filter's sight; programs fall back to `openat`.
    rules.push(Rule::new(libc::SYS_openat2, Verdict::Errno(libc::ENOSYS)));
}

fn rules(fences: &Fences) -> Vec<Rule> {
    let telling = if fences.observe {
        Verdict::Notify
    } else {
        DENY
    };
    let mut rules = vec![
        // The C library falls back to `clone`, whose flags can be seen.
        Rule::new(libc::SYS_clone3, Verdict::Errno(libc::ENOSYS)),
        Rule::new(libc::SYS_clone, Verdict::Allow).when([any_of(0, NAMESPACES)], telling),
        Rule::new(libc::SYS_unshare, Verdict::Allow)
            .when([any_of(0, NAMESPACES | TIME_NAMESPACE)], telling),
        // The kernel looks at 32 bits of the request, and so do we.
        Rule::new(libc::SYS_ioctl, Verdict::Allow)
            .when([is(1, libc::TIOCSTI as u32)], DENY)
            .when([is(1, TIOCLINUX)], DENY),
        personality(fences),
        device_nodes(libc::SYS_mknodat, 2, telling),
        #[cfg(target_arch = "x86_64")]
        device_nodes(libc::SYS_mknod, 1, telling),
        socket(fences, telling),
        Rule::new(libc::SYS_socketpair, DENY).when([is(0, libc::AF_UNIX as u32)], Verdict::Allow),
    ];
    if fences.watches_connections() {
        rules.push(Rule::new(libc::SYS_connect, Verdict::Notify));
        let address = any_of(4, u32::MAX);
        rules.push(
            Rule::new(libc::SYS_sendto, Verdict::Allow)
                .when([address], Verdict::Notify)
                .when(
                    [Test {
                        high: true,
                        ..address
                    }],
                    Verdict::Notify,
                ),
        );
    }
    if fences.observe {
        rules.extend(opens_for_writing());
    }
    lend_no_rights(&mut rules);
    if fences.level == SandboxLevel::Landlock {
        rules.extend(HOST_IPC.map(|number| Rule::new(number, DENY)));
        // Without a process namespace, others of the same user could be starved to death by their limits.
        let own = Rule::new(libc::SYS_prlimit64, DENY).when([is(0, 0)], Verdict::Allow);
        rules.push(own);
    }
    for call in DENIED.iter().filter(|call| !(call.debug && fences.debug)) {
        rules.push(Rule::new(
            call.number,
            if call.telling { telling } else { DENY },
        ));
    }
    rules
}

/// As `TIOCSTI`, for consoles.
const TIOCLINUX: u32 = 0x541C;

fn personality(fences: &Fences) -> Rule {
    let rule = Rule::new(libc::SYS_personality, DENY)
        .when([is(0, 0)], Verdict::Allow)
        .when([is(0, PERSONALITY_QUERY)], Verdict::Allow);
    if fences.debug {
        rule.when([is(0, ADDR_NO_RANDOMIZE)], Verdict::Allow)
    } else {
        rule
    }
}

fn device_nodes(number: i64, mode: u32, verdict: Verdict) -> Rule {
    Rule::new(number, Verdict::Allow)
        .when([masked(mode, libc::S_IFMT, libc::S_IFCHR)], verdict)
        .when([masked(mode, libc::S_IFMT, libc::S_IFBLK)], verdict)
}

/// Asked about where a file that may be there already is opened for writing. One that must be new
/// overwrites nothing, and is what unpacking and checking out do by the thousands: being asked takes
/// as long as making a file.
fn opens_for_writing() -> Vec<Rule> {
    let rule = |number, flags| {
        Rule::new(number, Verdict::Allow)
            .when([any_of(flags, libc::O_EXCL as u32)], Verdict::Allow)
            .when([any_of(flags, WRITING)], Verdict::Notify)
    };
    vec![
        rule(libc::SYS_openat, 2),
        #[cfg(target_arch = "x86_64")]
        rule(libc::SYS_open, 1),
        #[cfg(target_arch = "x86_64")]
        Rule::new(libc::SYS_creat, Verdict::Notify),
    ]
}

/// Families first, then what kinds of internet sockets there are.
fn socket(fences: &Fences, telling: Verdict) -> Rule {
    let (unix, netlink) = (libc::AF_UNIX as u32, libc::AF_NETLINK as u32);
    let mut rule = Rule::new(libc::SYS_socket, Verdict::Allow);
    rule = if fences.unix() {
        rule.when([is(0, unix)], Verdict::Allow)
    } else {
        rule.when([is(0, unix), is(1, NAME_CACHE)], DENY)
            .when([is(0, unix)], telling)
    };
    if !fences.internet() {
        rule.otherwise = telling;
        // Programs ask it for the addresses of this machine, and go on without.
        return rule.when([is(0, netlink)], DENY);
    }
    // Which interfaces there are: runtimes ask before they listen or connect.
    rule = rule
        .when(
            [is(0, netlink), is(2, libc::NETLINK_ROUTE as u32)],
            Verdict::Allow,
        )
        .when([is(0, netlink)], DENY)
        .when(
            [
                is_not(0, libc::AF_INET as u32),
                is_not(0, libc::AF_INET6 as u32),
            ],
            telling,
        );
    let kind = |kind: i32| masked(1, SOCKET_TYPE, kind.cast_unsigned());
    let not = |test: Test| Test {
        equal: false,
        ..test
    };
    rule.when([not(kind(libc::SOCK_STREAM)), not(kind(libc::SOCK_DGRAM))], telling)
        // Everything else loads kernel modules on demand. Programs that try such a protocol go on
        // with TCP on exactly this errno.
        .when(
            [
                is_not(2, 0),
                is_not(2, libc::IPPROTO_TCP as u32),
                is_not(2, libc::IPPROTO_UDP as u32),
                is_not(2, libc::IPPROTO_ICMP as u32),
                is_not(2, libc::IPPROTO_ICMPV6 as u32),
            ],
            Verdict::Errno(libc::EPROTONOSUPPORT),
        )
}

/// Rules are looked at in their order; what no rule is about is allowed.
fn assemble(rules: &[Rule]) -> Vec<sock_filter> {
    let mut code = Code::default();
    code.load(ARCHITECTURE);
    code.unless(NATIVE, Verdict::Kill);
    code.load(NUMBER);
    #[cfg(target_arch = "x86_64")]
    {
        code.push(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, X32, 0, 1);
        code.answer(Verdict::Errno(libc::ENOSYS));
    }
    let heads: Vec<usize> = rules
        .iter()
        .map(|rule| {
            let number = u32::try_from(rule.number).expect("numbers of system calls are small");
            code.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number, 0, 0);
            code.0.len() - 1
        })
        .collect();
    code.answer(Verdict::Allow);
    // One return serves all calls that are decided without looking at arguments.
    let mut shared: Vec<(Verdict, usize)> = Vec::new();
    for (rule, head) in rules.iter().zip(heads) {
        let known = shared
            .iter()
            .find(|(verdict, _)| *verdict == rule.otherwise);
        let target = match known {
            Some((_, at)) if rule.cases.is_empty() => *at,
            _ => {
                let at = code.body(rule);
                if rule.cases.is_empty() {
                    shared.push((rule.otherwise, at));
                }
                at
            }
        };
        code.0[head].jt = u8::try_from(target - head - 1).expect("a filter has few instructions");
    }
    code.0
}

#[derive(Default)]
struct Code(Vec<sock_filter>);

impl Code {
    fn push(&mut self, code: u32, k: u32, jt: u8, jf: u8) {
        let code = u16::try_from(code).expect("operations are 16 bits");
        self.0.push(sock_filter { code, jt, jf, k });
    }

    fn load(&mut self, offset: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    }

    fn answer(&mut self, verdict: Verdict) {
        self.push(libc::BPF_RET | libc::BPF_K, verdict.value(), 0, 0);
    }

    fn unless(&mut self, value: u32, verdict: Verdict) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 1, 0);
        self.answer(verdict);
    }

    /// Where the body of this rule begins.
    fn body(&mut self, rule: &Rule) -> usize {
        let begin = self.0.len();
        for (tests, verdict) in &rule.cases {
            let mut jumps = Vec::new();
            for test in tests {
                self.load(ARGUMENTS + 8 * test.argument + 4 * u32::from(test.high));
                if test.mask != u32::MAX {
                    self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, test.mask, 0, 0);
                }
                self.push(
                    libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                    test.value,
                    0,
                    0,
                );
                jumps.push((self.0.len() - 1, test.equal));
            }
            self.answer(*verdict);
            for (at, equal) in jumps {
                let over = u8::try_from(self.0.len() - at - 1).expect("a case has few tests");
                let jump = &mut self.0[at];
                *(if equal { &mut jump.jf } else { &mut jump.jt }) = over;
            }
        }
        self.answer(rule.otherwise);
        begin
    }
}
