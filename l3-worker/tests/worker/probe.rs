//! What `doctor` tries, tried: on this machine canaries fly, and come to nothing where it is promised.

use std::path::Path;

use l3_worker::sandbox::{Probe, State, probe_with};
use protocol::policy::{Guarantee, SandboxLevel};

use crate::support::{fixture, launcher};

fn probes() -> Vec<Probe> {
    probe_with(&launcher(), Path::new(&fixture()), |_| false).unwrap()
}

#[test]
fn what_a_level_promises_holds_and_what_does_not_is_explained() {
    let probes = probes();
    for level in [SandboxLevel::Strict, SandboxLevel::Landlock] {
        let of: Vec<_> = probes.iter().filter(|probe| probe.level == level).collect();
        let names: Vec<_> = of.iter().map(|probe| probe.guarantee).collect();
        assert_eq!(names, Guarantee::ALL);
        for probe in of {
            let fine = probe.state == State::Ok;
            let told = (probe.cause.is_none(), probe.remedy.is_none());
            assert_eq!(told, (fine, fine), "{probe:?}");
            let unproven = probe.cause.as_deref().is_some_and(|cause| {
                cause.contains("proves nothing") || cause.contains("got through")
            });
            assert!(!unproven, "{probe:?}");
        }
    }
}

#[test]
fn a_strict_sandbox_keeps_what_the_default_pack_requires() {
    let probes = probes();
    let strict = probes
        .iter()
        .filter(|probe| probe.level == SandboxLevel::Strict);
    let missing: Vec<_> = strict
        .clone()
        .filter(|probe| probe.state == State::Missing)
        .collect();
    if missing.len() == Guarantee::ALL.len() {
        eprintln!("SKIPPED: no strict sandbox here: {:?}", missing[0].cause);
        return;
    }
    for guarantee in [
        Guarantee::FsWriteConfined,
        Guarantee::FsReadConfined,
        Guarantee::NetNone,
        Guarantee::TreeKill,
        Guarantee::EnvClean,
    ] {
        let probe = strict
            .clone()
            .find(|probe| probe.guarantee == guarantee)
            .unwrap();
        assert_eq!(probe.state, State::Ok, "{probe:?}");
    }
    let disk = strict
        .clone()
        .find(|probe| probe.guarantee == Guarantee::DiskQuota)
        .unwrap();
    assert_eq!(disk.state, State::Degraded);
}

#[test]
fn nothing_is_left_behind() {
    let ours = || {
        let entries = fs_err::read_dir(std::env::temp_dir()).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| name.starts_with("orchestra-doctor-"))
            .collect::<Vec<_>>()
    };
    let before = ours();
    let _probes = probes();
    // Others may be at it.
    let gone = |left: &[String]| left.iter().all(|name| before.contains(name));
    for _ in 0..500 {
        if gone(&ours()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{:?}", ours());
}

#[test]
fn what_is_enough_ends_it() {
    let tried = probe_with(&launcher(), Path::new(&fixture()), |_| true).unwrap();
    assert_eq!(tried.len(), Guarantee::ALL.len());
    assert!(
        tried
            .iter()
            .all(|probe| probe.level == SandboxLevel::Strict)
    );
}
