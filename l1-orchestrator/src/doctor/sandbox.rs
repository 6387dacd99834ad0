//! What confines tasks here, found out by trying: one line for each promise of the strongest level
//! that can be set up.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use l3_worker::sandbox::{Probe, State};
use protocol::policy::{Guarantee, SandboxLevel};

use super::finding::Finding;
use crate::report::words;

const GROUP: &str = "sandbox";
/// Without these the pack `default` lets nothing start; the others are worth a look.
const REQUIRED: [Guarantee; 5] = [
    Guarantee::FsWriteConfined,
    Guarantee::FsReadConfined,
    Guarantee::NetNone,
    Guarantee::TreeKill,
    Guarantee::EnvClean,
];

pub(super) fn examine() -> Vec<Finding> {
    match l3_worker::sandbox::probe(holds) {
        Ok(probes) => {
            let mut found = told(&probes);
            found.push(second_fence(l3_worker::sandbox::lacking_landlock()));
            found
        }
        Err(error) => {
            let said = format!("it could not be tried: {error}");
            let fix = "see that the directory for temporary files (TMPDIR) can be written";
            vec![Finding::ok(GROUP, "level", said).fail(fix)]
        }
    }
}

/// Landlock repeats what the mounts of `strict` say. Without it nothing is promised less, and one mistake
/// in a mount is not caught.
fn second_fence(lacking: Option<String>) -> Finding {
    let name = "second_fence";
    match lacking {
        None => Finding::ok(GROUP, name, "Landlock repeats what mounts say").state("ok"),
        Some(why) => Finding::ok(GROUP, name, format!("not all of it: {why}"))
            .state("degraded")
            .warn(
                "run a kernel of 6.12 or later with `landlock` in its `lsm=`; `strict` keeps its promises \
                 without it",
            ),
    }
}

fn told(probes: &[Probe]) -> Vec<Finding> {
    let mut levels: BTreeMap<SandboxLevel, Vec<&Probe>> = BTreeMap::new();
    for probe in probes {
        levels.entry(probe.level).or_default().push(probe);
    }
    // The strongest comes first.
    let usable = levels.iter().find(|(_, probes)| holds(probes));
    let mut found = vec![level(&levels, usable.map(|(level, _)| *level))];
    let shown = usable.or_else(|| levels.iter().next());
    if let Some((_, probes)) = shown.filter(|(_, probes)| !is_absent(probes)) {
        found.extend(probes.iter().map(|probe| line(probe)));
    }
    found
}

/// Nothing the pack `default` requires is missing.
fn holds<P: Borrow<Probe>>(probes: &[P]) -> bool {
    let missing = |one: &Probe| one.state == State::Missing && REQUIRED.contains(&one.guarantee);
    !probes.iter().any(|probe| missing(probe.borrow()))
}

/// It could not be set up at all: one cause for everything, told once.
fn is_absent(probes: &[&Probe]) -> bool {
    probes.iter().all(|probe| probe.state == State::Missing)
}

fn level(levels: &BTreeMap<SandboxLevel, Vec<&Probe>>, usable: Option<SandboxLevel>) -> Finding {
    let strict = levels.get(&SandboxLevel::Strict);
    if usable == Some(SandboxLevel::Strict) {
        return Finding::ok(GROUP, "level", words::sandbox_ahead(SandboxLevel::Strict)).state("ok");
    }
    let broken = strict.and_then(|probes| {
        let required = probes
            .iter()
            .filter(|probe| REQUIRED.contains(&probe.guarantee));
        required
            .copied()
            .find(|probe| probe.state == State::Missing)
    });
    let why = broken
        .and_then(|probe| probe.cause.as_deref())
        .unwrap_or("it was not tried");
    let otherwise = match usable {
        Some(level) => format!("; `{level}` can be set up, and is named with `--sandbox {level}`"),
        None => "; nothing else confines tasks here either".to_owned(),
    };
    let fix = broken
        .and_then(|probe| probe.remedy.as_deref())
        .unwrap_or("run it again");
    let said = format!("no `strict` sandbox: {why}{otherwise}");
    Finding::ok(GROUP, "level", said).state("missing").fail(fix)
}

fn line(probe: &Probe) -> Finding {
    let name = probe.guarantee.as_str();
    let word = probe.state.as_str();
    let Some(cause) = &probe.cause else {
        return Finding::ok(GROUP, name, format!("by {}", probe.mechanism)).state(word);
    };
    let fix = probe.remedy.as_deref().unwrap_or_default();
    let said = match probe.state {
        State::Missing => format!("missing: {cause}"),
        _ => format!("{word}, by {}: {cause}", probe.mechanism),
    };
    let finding = Finding::ok(GROUP, name, said).state(word);
    match probe.state == State::Missing && REQUIRED.contains(&probe.guarantee) {
        true => finding.fail(fix),
        false => finding.warn(fix),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn probes(level: SandboxLevel, state: impl Fn(Guarantee) -> State) -> Vec<Probe> {
        let all = Guarantee::ALL.iter().map(|guarantee| {
            let state = state(*guarantee);
            let bad = state != State::Ok;
            Probe {
                level,
                guarantee: *guarantee,
                state,
                mechanism: "a mechanism",
                cause: bad.then(|| format!("no {guarantee} at {level}")),
                remedy: bad.then(|| "a remedy".to_owned()),
            }
        });
        all.collect()
    }

    fn levels(found: &[Finding]) -> Vec<(&str, Level)> {
        found.iter().map(|one| (one.name, one.level)).collect()
    }

    #[test]
    fn a_line_for_each_promise_of_the_strongest_level() {
        let both = [
            probes(SandboxLevel::Strict, |one| match one {
                Guarantee::MemLimit => State::Missing,
                Guarantee::DiskQuota => State::Degraded,
                _ => State::Ok,
            }),
            probes(SandboxLevel::Landlock, |_| State::Ok),
        ];
        let found = told(&both.concat());
        assert_eq!(found.len(), 1 + Guarantee::ALL.len());
        for finding in &found {
            let expected = match finding.name {
                "mem_limit" | "disk_quota" => Level::Warn,
                _ => Level::Ok,
            };
            assert_eq!(finding.level, expected, "{finding:?}");
            assert_eq!(finding.fix.is_some(), expected != Level::Ok);
        }
        assert!(
            found
                .iter()
                .any(|one| one.said == "missing: no mem_limit at strict")
        );
        let degraded = "degraded, by a mechanism: no disk_quota at strict";
        assert!(found.iter().any(|one| one.said == degraded));
    }

    #[test]
    fn without_strict_the_machine_is_not_ready_and_the_next_level_is_told() {
        let both = [
            probes(SandboxLevel::Strict, |_| State::Missing),
            probes(SandboxLevel::Landlock, |_| State::Ok),
        ];
        let found = told(&both.concat());
        assert_eq!(found[0].level, Level::Fail);
        assert!(
            found[0]
                .said
                .contains("no `strict` sandbox: no fs_write_confined at strict")
        );
        assert!(
            found[0].said.contains("--sandbox landlock"),
            "{}",
            found[0].said
        );
        assert_eq!(levels(&found[1..]).len(), Guarantee::ALL.len());
        assert!(found[1..].iter().all(|one| one.level == Level::Ok));
    }

    #[test]
    fn a_second_fence_with_holes_is_told_and_fails_nothing() {
        let whole = second_fence(None);
        assert_eq!((whole.level, whole.fix), (Level::Ok, None));
        let why = "this kernel's Landlock lacks scope";
        let found = second_fence(Some(why.to_owned()));
        assert_eq!(found.level, Level::Warn);
        assert!(found.said.ends_with(why), "{}", found.said);
    }

    #[test]
    fn a_hole_in_strict_is_told_beside_what_holds() {
        let strict = probes(SandboxLevel::Strict, |one| match one {
            Guarantee::NetNone => State::Missing,
            _ => State::Ok,
        });
        let landlock = probes(SandboxLevel::Landlock, |_| State::Missing);
        let found = told(&[strict, landlock].concat());
        let bad: Vec<_> = levels(&found);
        let bad: Vec<_> = bad
            .iter()
            .filter(|(_, level)| *level == Level::Fail)
            .collect();
        assert_eq!(bad, [&("level", Level::Fail), &("net_none", Level::Fail)]);
    }

    #[test]
    fn where_nothing_can_be_set_up_one_line_says_so() {
        let both = [
            probes(SandboxLevel::Strict, |_| State::Missing),
            probes(SandboxLevel::Landlock, |_| State::Missing),
        ];
        assert_eq!(levels(&told(&both.concat())), [("level", Level::Fail)]);
        assert_eq!(told(&[])[0].level, Level::Fail);
    }
}
