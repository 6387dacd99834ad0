//! Which runs may go: the rule of `clean`, pure. Whoever is in doubt keeps.

use std::collections::HashMap;

use protocol::time::Timestamp;

use super::filter::Seen;
use super::status::Status;

/// What somebody said about which runs are not needed any more. With both bounds a run has to be
/// beyond both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rule {
    /// The newest of each scenario that stay.
    pub keep: Option<usize>,
    /// Runs that ended, or began when they never did, at or after this stay.
    pub before: Option<Timestamp>,
    /// Whether runs that could be resumed may go too.
    pub interrupted: bool,
}

/// Why a run stays, or that it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go.
    Remove,
    /// It is among the newest, or young enough.
    Wanted,
    /// Somebody drives it.
    Running,
    /// It could be resumed.
    Resumable,
    /// What it holds is not what a run leaves; a person should look first.
    Damaged,
    /// It is a link, or holds nothing of a run.
    NoRun,
}

impl Rule {
    /// What becomes of each run; `seen` are newest first.
    #[must_use]
    pub fn judge(&self, seen: &[Seen]) -> Vec<Verdict> {
        let mut newer: HashMap<&str, usize> = HashMap::new();
        let verdicts = seen.iter().map(|run| {
            let before = newer.entry(run.entry.scenario.as_str()).or_default();
            let rank = *before;
            *before += 1;
            self.verdict(run, rank)
        });
        verdicts.collect()
    }

    fn verdict(&self, run: &Seen, rank: usize) -> Verdict {
        let is_newest = self.keep.is_some_and(|keep| rank < keep);
        let is_young = self.before.is_some_and(|before| {
            let at = run.finished.or_else(|| run.started());
            at.is_none_or(|at| at >= before)
        });
        let has_rule = self.keep.is_some() || self.before.is_some();
        if is_newest || is_young || !has_rule {
            return Verdict::Wanted;
        }
        if !run.is_run_directory() {
            return Verdict::NoRun;
        }
        match run.status {
            Status::Running { .. } => Verdict::Running,
            Status::Paused | Status::Interrupted if !self.interrupted => Verdict::Resumable,
            Status::Damaged => Verdict::Damaged,
            _ => Verdict::Remove,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::RunEntry;
    use super::*;

    /// A run directory with the traces of one, in a state that is only said.
    fn seen(root: &std::path::Path, name: &str, status: Status) -> Seen {
        let dir = root.join(name);
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join(protocol::run_dir::RUN_JSON), "{}").unwrap();
        Seen {
            entry: RunEntry::of(dir, true).unwrap(),
            record: None,
            status,
            finished: None,
        }
    }

    fn rule(keep: Option<usize>, before: Option<&str>, interrupted: bool) -> Rule {
        Rule {
            keep,
            before: before.map(|at| at.parse().unwrap()),
            interrupted,
        }
    }

    #[test]
    fn both_bounds_have_to_be_passed_and_each_scenario_has_its_newest() {
        let root = tempfile::tempdir().unwrap();
        let runs = [
            seen(root.path(), "20261120T0751Z-a-00000001", Status::Passed),
            seen(root.path(), "20261119T0751Z-b-00000002", Status::Failed),
            seen(root.path(), "20261118T0751Z-a-00000003", Status::NeverBegan),
            seen(root.path(), "20261101T0751Z-a-00000004", Status::Cancelled),
        ];
        let old = Some("2026-11-10T00:00:00Z");
        let removed = |rule: Rule| -> Vec<usize> {
            let verdicts = rule.judge(&runs);
            (0..4)
                .filter(|at| verdicts[*at] == Verdict::Remove)
                .collect()
        };
        assert_eq!(removed(rule(Some(1), None, false)), [2, 3]);
        assert_eq!(removed(rule(None, old, false)), [3]);
        assert_eq!(removed(rule(Some(1), old, false)), [3]);
        assert_eq!(removed(rule(Some(3), old, false)), [0_usize; 0]);
        assert_eq!(removed(rule(Some(0), None, false)), [0, 1, 2, 3]);
        assert_eq!(
            removed(Rule::default()),
            [0_usize; 0],
            "no rule, no removal"
        );
    }

    #[test]
    fn what_somebody_may_still_need_stays() {
        let root = tempfile::tempdir().unwrap();
        let states = [
            Status::Running { pid: 1 },
            Status::Paused,
            Status::Interrupted,
            Status::Damaged,
            Status::Passed,
        ];
        let runs: Vec<Seen> = states
            .iter()
            .enumerate()
            .map(|(at, status)| {
                let name = format!("20261120T0751Z-a-0000000{at}");
                seen(root.path(), &name, *status)
            })
            .collect();
        let all = [
            Verdict::Running,
            Verdict::Resumable,
            Verdict::Resumable,
            Verdict::Damaged,
            Verdict::Remove,
        ];
        assert_eq!(rule(Some(0), None, false).judge(&runs), all);
        let named = rule(Some(0), None, true).judge(&runs);
        assert_eq!(named[1..3], [Verdict::Remove; 2]);
        assert_eq!(named[0], Verdict::Running);
        assert_eq!(named[3], Verdict::Damaged);
    }

    #[test]
    fn links_and_empty_shells_are_no_runs() {
        let root = tempfile::tempdir().unwrap();
        let real = seen(root.path(), "20261120T0751Z-a-00000001", Status::Passed);
        let link = root.path().join("20261120T0751Z-a-00000002");
        std::os::unix::fs::symlink(&real.entry.dir, &link).unwrap();
        let shell = root.path().join("20261120T0751Z-a-00000003");
        fs_err::create_dir(&shell).unwrap();
        let others = [link, shell].map(|dir| Seen {
            entry: RunEntry::of(dir, true).unwrap(),
            ..real.clone()
        });
        let verdicts = rule(Some(0), None, true).judge(&others);
        assert_eq!(verdicts, [Verdict::NoRun; 2]);
    }
}
