//! A new run directory: made beside its final place, synced, and renamed, so that nobody ever sees
//! half of one.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use l2_coordinator::RunLock;
use protocol::digest::Digest;
use protocol::event::{EventKind, JOURNAL_VERSION, Origin, RunStarted};
use protocol::ids::{CoordinatorId, RunId, ScenarioName};
use protocol::plan::Plan;
use protocol::policy::{Finding, Policy, Site};
use protocol::run_dir;
use protocol::scenario::find_root;
use protocol::seal::UserKey;
use protocol::time::Clock as _;
use protocol::warrant::Warrant;

use super::carry::carry;
use super::ids::{self, SystemClock};
use crate::cli::error::{CliError, Kind};
use crate::runs::{RunEntry, RunRecord, Runs};

/// Before the name of a run directory that is being made.
const UNFINISHED: &str = ".new-";

/// What a new run is made of.
pub struct NewRun<'a> {
    /// Where runs are kept.
    pub runs: &'a Runs,
    /// The scenario's bytes.
    pub scenario: &'a [u8],
    /// The checked plan.
    pub plan: &'a Plan,
    /// The effective policy, with what was granted beyond it.
    pub policy: &'a Policy,
    /// Where what it names is on this host.
    pub site: Site,
    /// What it had to say of the plan.
    pub findings: Vec<Finding>,
    /// Slots of the embedded worker.
    pub slots: u32,
    /// W3C trace id, if the caller is being traced.
    pub trace_id: Option<String>,
    /// The rest of `run.json`.
    pub record: RunRecord,
    /// Who approved the plan.
    pub by: Origin,
    /// What it takes over from an earlier run.
    pub carry: Option<Carry>,
}

/// What a new run takes over from an earlier one.
pub struct Carry {
    /// The earlier run's directory.
    pub from: PathBuf,
    /// The new run's events about it, between the plan and its approval.
    pub events: Vec<EventKind>,
}

/// A run directory that this process holds.
pub struct Opened {
    /// The run.
    pub id: RunId,
    /// Its directory.
    pub entry: RunEntry,
    /// Who drives it.
    pub coordinator: CoordinatorId,
    /// Released when dropped.
    pub lock: RunLock,
    /// W3C trace id.
    pub trace_id: String,
    /// Its first events.
    pub opening: Vec<EventKind>,
}

/// An id and an instant for a run that is about to be made.
#[must_use]
pub fn record_of(scenario: ScenarioName, scenario_path: &Path) -> RunRecord {
    RunRecord {
        schema: RunRecord::SCHEMA.into(),
        run_id: ids::run(),
        scenario,
        scenario_path: scenario_path.display().to_string(),
        root: Some(find_root(scenario_path).display().to_string()),
        started: SystemClock.now(),
        orchestra: env!("CARGO_PKG_VERSION").into(),
        retry_of: None,
        inputs: std::collections::BTreeMap::new(),
        settings: std::collections::BTreeMap::new(),
    }
}

/// Makes the run directory with everything but the journal, and locks it. What it executes by is signed
/// with the user's key.
///
/// # Errors
/// The runs directory cannot be written.
pub fn open(mut new: NewRun<'_>, key: &UserKey) -> Result<Opened, CliError> {
    let coordinator = ids::coordinator();
    let record = new.record.clone();
    let name = run_dir::name(record.started, &record.scenario, &record.run_id);
    let unwritable = |error: io::Error| {
        let message = format!(
            "no run directory can be made in {}",
            new.runs.dir().display()
        );
        CliError::not_ready("runs-unwritable", message)
            .because(error)
            .hint("name another place with `--runs-dir`")
    };
    let files = Files::of(&new).map_err(unwritable)?;
    place(&new, &name, &files).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            let message = "a result of the earlier run cannot be carried over";
            CliError::new(Kind::VerifyFailed, "artifact-changed", message).because(error)
        }
        _ => unwritable(error),
    })?;
    let entry = new
        .runs
        .entry(&name)
        .expect("run_dir::name has the shape of a run's name");
    let lock = RunLock::acquire(&entry.dir, &coordinator).map_err(|error| {
        CliError::not_ready("run-held", "the new run cannot be locked").because(error)
    })?;
    let trace_id = new.trace_id.clone().unwrap_or_else(ids::trace);
    let carried = new.carry.take().map_or_else(Vec::new, |carry| carry.events);
    let found = std::mem::take(&mut new.findings).into_iter();
    let before = found.map(EventKind::FindingRaised).chain(carried).collect();
    let mut opening = opening(&new, &coordinator, &trace_id, &files, before);
    sign(&mut opening, key);
    Ok(Opened {
        id: record.run_id,
        entry,
        coordinator,
        lock,
        trace_id,
        opening,
    })
}

/// What is written before the run begins, and digested in its first events.
struct Files {
    record: Vec<u8>,
    policy: Vec<u8>,
    plan: Vec<u8>,
}

impl Files {
    fn of(new: &NewRun<'_>) -> io::Result<Self> {
        let mut record = serde_json::to_vec_pretty(&new.record)?;
        record.push(b'\n');
        Ok(Self {
            record,
            policy: new.policy.to_json(),
            plan: new.plan.to_json(),
        })
    }
}

fn place(new: &NewRun<'_>, name: &str, files: &Files) -> io::Result<()> {
    let runs = new.runs.dir();
    make_durably(runs)?;
    clear_unfinished(runs);
    let temporary = runs.join(format!("{UNFINISHED}{name}"));
    fs_err::create_dir(&temporary)?;
    let made = fill(new, &temporary, files)
        .and_then(|()| fs_err::rename(&temporary, runs.join(name)))
        .and_then(|()| fs_err::File::open(runs)?.sync_all());
    if made.is_err() {
        // Best effort: the first error is the one to tell.
        let _removed = fs_err::remove_dir_all(&temporary);
    }
    made
}

/// Makes a directory and its parents; every new entry is certain when it returns.
fn make_durably(dir: &Path) -> io::Result<()> {
    let is_missing = |at: &&Path| !at.as_os_str().is_empty() && !at.exists();
    let missing: Vec<&Path> = dir.ancestors().take_while(is_missing).collect();
    fs_err::create_dir_all(dir)?;
    for made in missing {
        let parent = made.parent().filter(|at| !at.as_os_str().is_empty());
        fs_err::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Removes directories that a crash left half made. Another process may be making one right now, so
/// only old ones go; nothing depends on it.
fn clear_unfinished(runs: &Path) {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    let Ok(listing) = fs_err::read_dir(runs) else {
        return;
    };
    for entry in listing.flatten() {
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(UNFINISHED));
        let modified = entry.metadata().and_then(|found| found.modified());
        let age = modified.ok().and_then(|at| at.elapsed().ok());
        if is_ours
            && age.is_some_and(|age| age > OLD)
            && let Err(error) = fs_err::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "a half made run directory stays");
        }
    }
}

fn fill(new: &NewRun<'_>, dir: &Path, files: &Files) -> io::Result<()> {
    let files: [(&str, &[u8]); 4] = [
        (run_dir::RUN_JSON, &files.record),
        (run_dir::SCENARIO, new.scenario),
        (run_dir::POLICY, &files.policy),
        (run_dir::PLAN, &files.plan),
    ];
    for (name, bytes) in files {
        let mut file = fs_err::File::create(dir.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    fs_err::create_dir(dir.join(run_dir::LOGS))?;
    fs_err::create_dir(dir.join(run_dir::ARTIFACTS))?;
    if let Some(earlier) = &new.carry {
        carry(&earlier.events, &earlier.from, dir)?;
    }
    fs_err::File::open(dir)?.sync_all()
}

fn opening(
    new: &NewRun<'_>,
    coordinator: &CoordinatorId,
    trace_id: &str,
    files: &Files,
    before: Vec<EventKind>,
) -> Vec<EventKind> {
    let (plan, policy) = (new.plan.digest(), new.policy.digest());
    let scenario_file = Digest::of(new.scenario);
    let mut events = vec![
        EventKind::RunStarted(Box::new(RunStarted {
            version: JOURNAL_VERSION,
            run_id: new.record.run_id,
            scenario: new.record.scenario.clone(),
            run_file: Some(Digest::of(&files.record)),
            scenario_file,
            policy: new.policy.pack.clone(),
            policy_digest: policy,
            coordinator: coordinator.clone(),
            slots: new.slots,
            level: new.policy.sandbox.level,
            trace_id: trace_id.to_owned(),
            orchestra: new.record.orchestra.clone(),
            retry_of: new.record.retry_of,
            unplanned: None,
        })),
        EventKind::PlanProposed {
            plan,
            tasks: new.plan.len() as u64,
        },
    ];
    // Before the approval, whose promise covers them: a crash leaves all of them or no run.
    events.extend(before);
    events.push(EventKind::PlanApproved {
        plan,
        plan_file: Digest::of(&files.plan),
        policy,
        policy_file: Some(Digest::of(&files.policy)),
        scenario_file,
        by: new.by.clone(),
        signed: None,
    });
    events
}

/// Signs the approval among a run's first events: a run directory that somebody else wrote is told from
/// one's own by it.
fn sign(opening: &mut [EventKind], key: &UserKey) {
    let [EventKind::RunStarted(started), .., approval] = opening else {
        return;
    };
    sign_one(started, approval, key);
}

fn sign_one(started: &RunStarted, approval: &mut EventKind, key: &UserKey) {
    let warrant = Warrant::of(started, approval).map(|warrant| Box::new(warrant.sign(key)));
    if let EventKind::PlanApproved { signed, .. } = approval {
        *signed = warrant;
    }
}

/// The approval of a run that began like this, signed.
#[must_use]
pub fn signed(started: &RunStarted, mut approval: EventKind, key: &UserKey) -> EventKind {
    sign_one(started, &mut approval, key);
    approval
}

/// An absolute path, for the record; the path itself where that cannot be told.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn half_made_directories_go_once_they_are_old() {
        let runs = tempfile::tempdir().unwrap();
        let made = |name: &str, days: u64| {
            let path = runs.path().join(name);
            fs_err::create_dir_all(path.join("logs")).unwrap();
            let at = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            fs_err::File::open(path).unwrap().set_modified(at).unwrap();
        };
        made(".new-old", 2);
        made(".new-young", 0);
        made("20261120T0751Z-a-4be1c07a", 300);
        clear_unfinished(runs.path());
        let mut left: Vec<_> = fs_err::read_dir(runs.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".new-young", "20261120T0751Z-a-4be1c07a"]);
    }

    #[test]
    fn parents_are_made_too() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        make_durably(&deep).unwrap();
        make_durably(&deep).unwrap();
        assert!(deep.is_dir());
    }
}
