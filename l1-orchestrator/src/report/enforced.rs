//! What the sandbox enforced, what of it the host could not keep, and what it denied: one fold over the
//! ends of attempts, and the words in which every report tells it.

use protocol::event::AttemptEnd;
use protocol::policy::{DeniedAction, Guarantee, SandboxLevel};

use super::attempt::Attempt;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::task::TaskSummary;
use super::words;
use crate::ui::sanitize;

/// Tasks whose denied actions are told on a page; machines get them all.
pub const MAX_TASKS: usize = 50;
/// Actions of one attempt that are told on a page.
const MAX_ACTIONS: usize = 8;

/// Guarantees as a set: reports of a hundred thousand attempts hold one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guarantees(u8);

impl Guarantees {
    /// Of these.
    #[must_use]
    pub fn of(list: &[Guarantee]) -> Self {
        let bits = list.iter().map(|one| 1 << *one as u8);
        Self(bits.fold(0, |all, bit: u8| all | bit))
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Guarantee> {
        let all = Guarantee::ALL.iter().copied();
        all.filter(move |one| self.0 & (1 << *one as u8) != 0)
    }

    /// Their words, joined; none where there are none.
    #[must_use]
    pub fn words(self) -> Option<String> {
        let words: Vec<&str> = self.iter().map(|one| one.as_str()).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn holds(self, one: Guarantee) -> bool {
        self.iter().any(|own| own == one)
    }
}

/// Sums over all attempts that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// Attempts by level, in the order of [`SandboxLevel::ALL`].
    by_level: [u64; SandboxLevel::ALL.len()],
    /// Attempts without a guarantee, in the order of [`Guarantee::ALL`].
    without: [u64; Guarantee::ALL.len()],
    /// Attempts of which something was denied.
    pub denied: u64,
    /// Attempts that asked a model and started nothing: no sandbox was there, and none was needed.
    pub asked: u64,
}

impl Enforcement {
    pub(super) fn take(&mut self, end: &AttemptEnd) {
        if end.model.is_some() {
            self.asked += 1;
            return;
        }
        self.by_level[end.level as usize] += 1;
        for one in Guarantees::of(&end.degraded).iter() {
            self.without[one as usize] += 1;
        }
        self.denied += u64::from(!end.denied.is_empty());
    }

    /// Attempts that ended.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.by_level.iter().sum()
    }

    /// Levels that were in force, each with the number of its attempts.
    pub fn levels(&self) -> impl Iterator<Item = (SandboxLevel, u64)> {
        let levels = SandboxLevel::ALL.iter().copied().zip(self.by_level);
        levels.filter(|(_, attempts)| *attempts > 0)
    }

    /// Guarantees that attempts went without, each with the number of these.
    pub fn degraded(&self) -> impl Iterator<Item = (Guarantee, u64)> {
        let all = Guarantee::ALL.iter().copied().zip(self.without);
        all.filter(|(_, attempts)| *attempts > 0)
    }

    fn guarantees(&self) -> Guarantees {
        let all: Vec<Guarantee> = self.degraded().map(|(one, _)| one).collect();
        Guarantees::of(&all)
    }
}

/// The level of a run: the lowest that any of its attempts had, else the one it began with.
#[must_use]
pub fn level(summary: &RunSummary) -> SandboxLevel {
    let lowest = summary.enforcement.levels().map(|(level, _)| level).max();
    let begun = summary.started.as_ref().map(|(_, started)| started.level);
    lowest.or(begun).unwrap_or(SandboxLevel::None)
}

/// Why a host goes without a guarantee at a level, as far as that follows from the two.
#[must_use]
pub const fn cause(level: SandboxLevel, guarantee: Guarantee) -> &'static str {
    match (level, guarantee) {
        (SandboxLevel::None, Guarantee::EnvClean | Guarantee::TreeKill) => {
            "the host could not keep it"
        }
        (SandboxLevel::None, _) => "there is no sandbox",
        (_, Guarantee::MemLimit | Guarantee::PidsLimit) => {
            "no control group is delegated to you; limits of single processes hold"
        }
        (_, Guarantee::DiskQuota) => "the disk is looked at, not limited: it is seen a little late",
        // Where the policy keeps it closed, a host that cannot starts nothing.
        (_, Guarantee::NetNone) => "the policy opens the network",
        (SandboxLevel::Landlock, Guarantee::FsWriteConfined) => {
            "what is protected lies beneath what can be written, or the kernel lacks what it takes"
        }
        _ => "the kernel lacks what it takes",
    }
}

/// `connect 10.0.0.1:443 (3 times)`.
#[must_use]
pub fn action(denied: &DeniedAction) -> String {
    let mut text = sanitize(&denied.action).into_owned();
    if !denied.target.is_empty() {
        text.push(' ');
        text.push_str(&sanitize(&denied.target));
    }
    if denied.times > 1 {
        text.push_str(&format!(" ({} times)", denied.times));
    }
    text
}

/// What the sandbox denied an attempt, in one line; none where it denied nothing.
#[must_use]
pub fn denied(attempt: &Attempt) -> Option<String> {
    let list = attempt.denied.as_deref()?;
    let mut words: Vec<String> = list.iter().take(MAX_ACTIONS).map(action).collect();
    let more = list.len().saturating_sub(MAX_ACTIONS);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    Some(words.join(", "))
}

/// Tasks of which something was denied, in the order in which they were first heard of.
pub fn tasks(summary: &RunSummary) -> impl Iterator<Item = (&TaskSummary, u64)> {
    let count = |task: &TaskSummary| -> u64 {
        let attempts = task.attempts.iter();
        let actions = attempts.filter_map(|attempt| attempt.denied.as_deref());
        let times = actions.flatten().map(|action| u64::from(action.times));
        times.sum()
    };
    let tasks = summary.tasks.iter().map(move |task| (task, count(task)));
    // Without a fold over all attempts nothing was denied.
    let any = summary.enforcement.denied > 0;
    tasks.filter(move |(_, times)| any && *times > 0)
}

/// What a reader of every report has to know first: that nothing was confined, or not all of it.
#[must_use]
pub fn banner(summary: &RunSummary, redact: Redactor) -> Option<String> {
    let sums = &summary.enforcement;
    let open = sums
        .levels()
        .find(|(level, _)| *level == SandboxLevel::None);
    if let Some((level, attempts)) = open {
        let all = sums.attempts();
        let of = match attempts == all {
            true => String::new(),
            false => format!(" ({attempts} of {all} attempts)"),
        };
        return Some(format!("{}{of}", words::sandbox(level)));
    }
    let without = redact.degraded(sums.guarantees()).words()?;
    let level = level(summary);
    Some(format!("{level} sandbox, without {without}"))
}

/// What was enforced, name by name.
#[must_use]
pub fn facts(summary: &RunSummary, redact: Redactor) -> Vec<(String, String)> {
    let sums = &summary.enforcement;
    let attempts =
        |count: u64| words::count(usize::try_from(count).unwrap_or(usize::MAX), "attempt");
    let mut facts: Vec<(String, String)> = Vec::new();
    for (level, count) in sums.levels() {
        let text = format!("{}; {}", words::sandbox(level), attempts(count));
        facts.push(("Level".into(), text));
    }
    if sums.asked > 0 {
        let asked = attempts(sums.asked);
        facts.push(("Models".into(), format!("no program was started; {asked}")));
    }
    if let (true, Some((_, started))) = (facts.is_empty(), &summary.started) {
        let text = words::sandbox_ahead(started.level);
        facts.push(("Level".into(), format!("{text}; no attempt yet")));
    }
    let level = level(summary);
    // Without a sandbox everything is missing, and that is said already.
    let told = redact.degraded(sums.guarantees());
    let told = |(one, _): &(Guarantee, u64)| level != SandboxLevel::None && told.holds(*one);
    for (one, count) in sums.degraded().filter(told) {
        let text = format!("{}; {}", cause(level, one), attempts(count));
        facts.push((format!("Without {one}"), text));
    }
    let denied = match sums.denied {
        0 => "nothing that was seen".to_owned(),
        some => {
            let tasks = words::count(tasks(summary).count(), "task");
            format!("{} of {tasks}", attempts(some))
        }
    };
    facts.push(("Denied".into(), denied));
    facts
}

/// What lists of programs are not, for every page that names them.
pub const ADMISSION: &str = "Lists of programs say what a plan may start. They confine nothing: what an \
                             admitted program starts in its turn is confined by the sandbox alone.";

/// The effective sandbox of an attempt: `strict, without mem_limit, pids_limit`.
#[must_use]
pub fn effective(attempt: &Attempt, redact: Redactor) -> Option<String> {
    let level = attempt.level?;
    let without = redact.degraded(attempt.degraded).words();
    Some(match without {
        _ if level == SandboxLevel::None => "none".to_owned(),
        None => level.to_string(),
        Some(without) => format!("{level}, without {without}"),
    })
}

#[cfg(test)]
mod tests {
    use protocol::event::EventKind;

    use super::*;
    use crate::report::tests::{Story, id};

    fn attempt(task: &str, level: SandboxLevel, edit: impl FnOnce(&mut AttemptEnd)) -> EventKind {
        let mut end = crate::report::tests::end(None);
        end.level = level;
        edit(&mut end);
        EventKind::AttemptFinished {
            task: id(task),
            lease: "1-1".parse().unwrap(),
            attempt: 1,
            end: Box::new(end),
        }
    }

    fn denied(action: &str, target: &str, times: u32) -> DeniedAction {
        DeniedAction {
            action: action.into(),
            target: target.into(),
            times,
        }
    }

    #[test]
    fn levels_missing_guarantees_and_denials_are_summed() {
        let degraded = |end: &mut AttemptEnd| {
            end.degraded = vec![Guarantee::PidsLimit, Guarantee::MemLimit];
        };
        let story = Story::begun(2)
            .starts("a", 1)
            .then(attempt("a", SandboxLevel::Strict, degraded))
            .starts("b", 1)
            .then(attempt("b", SandboxLevel::Strict, |end| {
                end.denied = vec![
                    denied("connect", "10.0.0.1:443\u{1b}[2J", 3),
                    denied("ptrace", "", 1),
                ];
            }));
        let summary = story.summary();
        let plain = Redactor::default();
        let banner = banner(&summary, plain).unwrap();
        assert_eq!(banner, "strict sandbox, without mem_limit, pids_limit");
        let facts = facts(&summary, plain);
        let names: Vec<&str> = facts.iter().map(|(name, _)| name.as_str()).collect();
        let told = ["Level", "Without mem_limit", "Without pids_limit", "Denied"];
        assert_eq!(names, told);
        assert_eq!(facts[3].1, "1 attempt of 1 task");
        let (task, times) = tasks(&summary).next().unwrap();
        assert_eq!((task.id.as_str(), times), ("b", 4));
        let attempt = task.last_attempt().unwrap();
        assert_eq!(
            super::denied(attempt).unwrap(),
            "connect 10.0.0.1:443\\x1b[2J (3 times), ptrace"
        );
        assert_eq!(effective(attempt, plain).unwrap(), "strict");
        // What depends on the host is none of a snapshot's business.
        assert_eq!(super::banner(&summary, Redactor::new(true)), None);
    }

    #[test]
    fn of_models_no_sandbox_is_claimed() {
        let asked = |end: &mut AttemptEnd| {
            end.degraded = vec![Guarantee::PidsLimit];
            end.model = Some(Box::new(protocol::event::ModelEnd {
                model: "m".into(),
                calls: 1,
                findings: Vec::new(),
            }));
        };
        let story = Story::begun(1)
            .starts("a", 1)
            .then(attempt("a", SandboxLevel::Strict, asked));
        let summary = story.summary();
        let plain = Redactor::default();
        assert_eq!(banner(&summary, plain), None);
        let told = facts(&summary, plain);
        assert_eq!(told[0].0, "Models");
        assert_eq!(told[0].1, "no program was started; 1 attempt");
        assert!(!told.iter().any(|(name, _)| name == "Level"), "{told:?}");
        let last = summary.tasks[0].last_attempt().unwrap();
        assert_eq!(effective(last, plain), None);
    }

    #[test]
    fn one_attempt_without_a_sandbox_is_what_has_to_be_known() {
        let story = Story::begun(2)
            .starts("a", 1)
            .then(attempt("a", SandboxLevel::Strict, |_| {}))
            .starts("b", 1)
            .then(attempt("b", SandboxLevel::None, |_| {}));
        let summary = story.summary();
        let banner = banner(&summary, Redactor::new(true)).unwrap();
        assert!(banner.ends_with("(1 of 2 attempts)"), "{banner}");
        assert_eq!(level(&summary), SandboxLevel::None);
    }
}
