//! V06, V08 to V10: using more than allowed. Every bomb has an end of its own.

use protocol::outcome::{Bound, FailureClass};
use protocol::policy::{Guarantee, Limits, SandboxLevel};

use crate::support::{Host, Kind, Policy, bash, by, python};

cases!(
    v06_no_disk_is_filled,
    v08_a_fork_bomb_ends_at_its_bound,
    v09_a_memory_bomb_ends_at_its_bound,
    v10_a_flood_of_output_is_cut,
);

const MIB: u64 = 1024 * 1024;

/// Stopped by `RLIMIT_FSIZE`, by the size of the private `/tmp`, and by the worker, which measures.
fn v06_no_disk_is_filled(host: &mut Host) {
    let limits = Limits {
        file_bytes: Some(8 * MIB),
        disk_bytes: Some(24 * MIB),
        files: Some(300),
        tmp_bytes: Some(4 * MIB),
        ..Limits::default()
    };
    let big =
        bash("dd if=/dev/zero of=big bs=1M count=20; echo \"big $?\"; ls -s --block-size=1M big");
    let bytes = bash(
        "for i in $(seq 1 12); do dd if=/dev/zero of=f$i bs=1M count=4 2>/dev/null || break; \
        sleep 0.05; done; echo wrote $i",
    );
    let files =
        bash("mkdir d; for i in $(seq 1 2000); do : > d/n$i || break; done; echo made $i; sleep 1");
    let temporary =
        bash("dd if=/dev/zero of=/tmp/orch-t bs=1M count=7; echo \"tmp $?\"; rm -f /tmp/orch-t");
    for (payload, says) in [
        (&big, "big 0"),
        (&bytes, "wrote 12"),
        (&files, "made 2000"),
        (&temporary, "tmp 0"),
    ] {
        let off = host.sbx(&Policy::off(), payload);
        off.succeeds();
        assert!(off.says(says), "{off}");
    }
    for level in host.levels() {
        let policy = Policy {
            limits,
            ..Policy::at(level)
        };
        let held = host.sbx(&policy, &big);
        assert!(
            held.says("File too large") || held.says("big 153"),
            "{held}"
        );
        let held = host.sbx(&policy, &bytes);
        held.fails(FailureClass::LimitExceeded, Some(Bound::Disk));
        let peak = held.end.peak_disk_bytes.unwrap_or(u64::MAX);
        assert!(peak <= 49 * MIB, "{held}");
        // Measuring is not the same as a bound at every moment, and that is said.
        assert!(
            held.degrades(Guarantee::DiskQuota) || peak <= 27 * MIB,
            "{held}"
        );
        let held = host.sbx(&policy, &files);
        held.fails(FailureClass::LimitExceeded, Some(Bound::Files));
        let held = host.sbx(&policy, &temporary);
        let why = by(level, "No space left on device", "Permission denied");
        assert!(held.says(why) && !held.says("tmp 0"), "{held}");
    }
}

/// Stopped by the pids controller, or by `RLIMIT_NPROC` of a user of its own. Without the limit, at
/// the same level, all of them start.
fn v08_a_fork_bomb_ends_at_its_bound(host: &mut Host) {
    let script = python(
        "
import time
n = 0
for i in range(150):
    try: p = os.fork()
    except OSError as e: print('errno', errno.errorcode[e.errno]); break
    if p == 0: time.sleep(20); os._exit(0)
    n += 1
print('forked', n)
",
    );
    let forked = |text: Option<String>| text.and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    let off = host.sbx(&Policy::off(), &script);
    assert_eq!(forked(off.line("forked")), 150, "{off}");
    for level in host.levels() {
        let mut policy = Policy::at(level);
        policy.limits.pids = None;
        let free = host.sbx(&policy, &script);
        assert_eq!(forked(free.line("forked")), 150, "{free}");
        policy.limits.pids = Some(64);
        let held = host.sbx(&policy, &script);
        assert!(
            !held.degrades(Guarantee::PidsLimit) || host.kind != Kind::Root,
            "{held}"
        );
        if !held.degrades(Guarantee::PidsLimit) {
            held.refuses("errno", &["EAGAIN"]);
            let n = forked(held.line("forked"));
            assert!((8..64).contains(&n), "{n}: {held}");
        }
    }
}

/// Stopped by the memory controller. Where there is none, that is in `degraded`.
fn v09_a_memory_bomb_ends_at_its_bound(host: &mut Host) {
    let script = python(
        "
t('score', lambda: int(open('/proc/self/oom_score_adj').read()))
b = []
for i in range(64): b.append(bytearray(8 << 20))
print('ALLOCATED', len(b) * 8)
",
    );
    let child = bash("python3 -c 'b = bytearray(512 << 20)'; echo it ended with $?; exit 0");
    let limits = Limits {
        memory_bytes: Some(128 * MIB),
        ..Limits::default()
    };
    let off = host.sbx(&Policy::off(), &script);
    assert!(off.says("ALLOCATED 512"), "{off}");
    let score = || fs_err::read_to_string(format!("/proc/{}/oom_score_adj", std::process::id()));
    let own: i32 = score().unwrap().trim().parse().unwrap();
    for level in host.levels() {
        let policy = Policy {
            limits,
            ..Policy::at(level)
        };
        let held = host.sbx(&policy, &script);
        if let Some(score) = held.line("score DONE") {
            assert!(score.parse::<i32>().unwrap() >= own, "{held}");
        }
        if held.degrades(Guarantee::MemLimit) {
            assert!(!memory_can_be_bounded(host), "{held}");
            continue;
        }
        assert!(!held.says("ALLOCATED"), "{held}");
        held.fails(FailureClass::LimitExceeded, Some(Bound::Memory));
        let peak = held
            .end
            .peak_memory_bytes
            .expect("a control group counts it");
        assert!(peak <= 160 * MIB, "{held}");
        let told = held.message();
        assert!(
            told.ends_with(" of 128 MiB of memory (limits.memory)"),
            "{told}"
        );
        // One that copes with the end of a child is told of it, too.
        let held = host.sbx(&policy, &child);
        held.succeeds();
        let coped = held.end.denied.iter().find(|one| one.action == "memory");
        let told = coped.map_or("", |one| one.target.as_str());
        assert!(told.ends_with(": a process of it was killed"), "{held}");
    }
}

/// Whether this user can make control groups with a memory controller.
fn memory_can_be_bounded(host: &Host) -> bool {
    let delegated = [
        "/sys/fs/cgroup/memory/cgroup.procs",
        "/sys/fs/cgroup/cgroup.procs",
    ];
    host.kind == Kind::Root
        && delegated
            .iter()
            .any(|path| std::path::Path::new(path).exists())
}

/// Stopped by the worker, which keeps as much as allowed and drains the rest.
fn v10_a_flood_of_output_is_cut(host: &mut Host) {
    let script = bash("yes \"$(head -c 3000 /dev/zero | tr '\\0' A)\" & yes ERR >&2 & wait");
    for level in host.levels_and_off() {
        let mut policy = Policy::at(level);
        policy.wall_ms = 500;
        let held = host.sbx(&policy, &script);
        held.fails(FailureClass::TimedOut, Some(Bound::Wall));
        for (stream, kept) in [(&held.end.out, &held.stdout), (&held.end.err, &held.stderr)] {
            let log = stream.as_ref().expect("both streams were drained");
            assert!(
                log.truncated && log.bytes == MIB && kept.len() as u64 == MIB,
                "{log:?}"
            );
        }
        assert!(
            held.growth_kib < 32 * 1024,
            "the worker grew by {} KiB",
            held.growth_kib
        );
    }
    let mut policy = Policy::at(SandboxLevel::None);
    policy.output_bytes = 3 * MIB;
    let whole = host.sbx(&policy, &bash("head -c 2000000 /dev/zero"));
    assert_eq!((whole.stdout.len(), whole.class()), (2_000_000, None));
}
