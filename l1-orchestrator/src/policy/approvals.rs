//! Plans that somebody approved: `approvals.jsonl` in the user's state, what a plan page compares with.
//!
//! Losing the file loses that comparison and nothing else: no plan is ever approved because of it.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fs_err::File;
use protocol::digest::Digest;
use protocol::event::Origin;
use protocol::plan::Plan;
use protocol::time::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::runs::open_regular;

/// What each line says it is.
const SCHEMA: &str = "orchestra.approval/v1";
/// Bytes of a plan that is kept to be compared with; of a longer one only its digest is.
const MAX_PLAN_BYTES: usize = 256 * 1024;
/// Bytes of the file, beyond which only the last approval of each scenario stays, newest first, up to
/// half of them.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A plan that was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    schema: String,
    /// The scenario's file, absolute.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// `pack@version`.
    pub pack: String,
    /// Who.
    pub by: Origin,
    /// When.
    pub at: Timestamp,
    /// The plan itself, where it is short enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// What is needed to find an approval; the rest of a line may be long.
#[derive(Deserialize)]
struct Head {
    schema: String,
    scenario: String,
    name: String,
}

impl Head {
    fn read(line: &str) -> Option<Self> {
        let head: Self = serde_json::from_str(line).ok()?;
        (head.schema == SCHEMA).then_some(head)
    }
}

impl Approved {
    /// An approval of this plan of the scenario at that path.
    #[must_use]
    pub fn new(scenario: &Path, plan: &Plan, policy: Digest, pack: &str, by: Origin) -> Self {
        let content = String::from_utf8(plan.to_json()).ok();
        Self {
            schema: SCHEMA.into(),
            scenario: scenario.display().to_string(),
            name: plan.name().to_owned(),
            plan: plan.digest(),
            policy,
            pack: pack.to_owned(),
            by,
            at: crate::session::now(),
            content: content.filter(|text| text.len() <= MAX_PLAN_BYTES),
        }
    }

    /// The plan that was approved, where it was kept and this orchestra still reads it.
    #[must_use]
    pub fn plan(&self) -> Option<Plan> {
        let plan = Plan::from_json(self.content.as_ref()?.as_bytes()).ok()?;
        (plan.digest() == self.plan).then_some(plan)
    }
}

/// The approvals of one user.
#[derive(Clone, Debug)]
pub struct Approvals {
    /// None where there is no place for state.
    path: Option<PathBuf>,
}

impl Approvals {
    /// Those of whoever runs this.
    #[must_use]
    pub fn of_user() -> Self {
        let path = crate::settings::state_dir().map(|dir| dir.join("orchestra/approvals.jsonl"));
        Self { path }
    }

    /// The last approval of a plan of this name, made of the scenario at this path. What cannot be read
    /// was never there.
    #[must_use]
    pub fn last(&self, scenario: &Path, name: &str) -> Option<Approved> {
        let text = read(self.path.as_deref()?).ok()?;
        let scenario = scenario.display().to_string();
        let is_it = |head: &Head| head.scenario == scenario && head.name == name;
        let mut lines = text.lines().rev();
        let line = lines.find(|line| Head::read(line).as_ref().is_some_and(is_it))?;
        serde_json::from_str(line).ok()
    }

    /// Adds one, as a whole line or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, approved: &Approved) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        fs_err::create_dir_all(path.parent().unwrap_or(path))?;
        let mut options = fs_err::OpenOptions::new();
        options.read(true).append(true).create(true);
        // A pipe of this name must not make us wait for its reader.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        options.options_mut().mode(0o600).custom_flags(nonblocking);
        let mut file = options.open(path)?;
        // Held until it is closed. Whoever waits for it waits for one line of another.
        flock(&file, FlockOperation::LockExclusive)?;
        let mut line = serde_json::to_string(approved)?;
        line.push('\n');
        if !ends_with_newline(&mut file)? {
            // What a crash left half written stays alone on its line.
            line.insert(0, '\n');
        }
        file.write_all(line.as_bytes())?;
        if file.metadata()?.len() > MAX_BYTES {
            shorten(&mut file)?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // Longer than it may become, a line that was just added included.
    let most = MAX_BYTES + 2 * MAX_PLAN_BYTES as u64 + 64 * 1024;
    open_regular(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Keeps the last approval of each scenario, the newest ones. In place and under the lock: a crash
/// half-way loses old approvals, which nothing depends on.
fn shorten(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let kept = newest(&text);
    file.set_len(0)?;
    file.write_all(kept.as_bytes())
}

fn newest(text: &str) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    let mut bytes = 0;
    for line in text.lines().rev() {
        let Some(head) = Head::read(line) else {
            continue;
        };
        bytes += line.len() as u64 + 1;
        if bytes > MAX_BYTES / 2 {
            break;
        }
        if seen.insert((head.scenario, head.name)) {
            kept.push(line);
        }
    }
    kept.iter().rev().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, script: &str) -> Plan {
        // No script may be long, but there may be many.
        let parts: Vec<_> = script.as_bytes().chunks(100 * 1024).collect();
        let task = |(n, part): (usize, &&[u8])| serde_json::json!({ "id": format!("t{n}"), "run": std::str::from_utf8(part).unwrap() });
        let tasks: serde_json::Value = parts.iter().enumerate().map(task).collect();
        let text = serde_json::json!({ "name": name, "tasks": tasks }).to_string();
        Plan::from_json(text.as_bytes()).unwrap()
    }

    fn approved(path: &str, plan: &Plan) -> Approved {
        let policy = Digest::of(b"policy");
        Approved::new(Path::new(path), plan, policy, "default@1", Origin::Person)
    }

    fn at(dir: &Path) -> Approvals {
        Approvals {
            path: Some(dir.join("deep/approvals.jsonl")),
        }
    }

    #[test]
    fn the_last_one_of_a_scenario_is_found_past_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let all = at(dir.path());
        assert_eq!(all.last(Path::new("/a.yaml"), "p"), None);
        for script in ["one", "two"] {
            all.add(&approved("/a.yaml", &plan("p", script))).unwrap();
            all.add(&approved("/a.yaml", &plan("q", script))).unwrap();
            all.add(&approved("/b.yaml", &plan("p", "other"))).unwrap();
        }
        let path = all.path.clone().unwrap();
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.append(true).open(&path).unwrap();
        file.write_all(b"\xff no json\n{\"schema\":\"orchestra.appr")
            .unwrap();
        let found = all.last(Path::new("/a.yaml"), "p").unwrap();
        assert_eq!(found.plan(), Some(plan("p", "two")));
        all.add(&approved("/a.yaml", &plan("p", "three"))).unwrap();
        let found = all.last(Path::new("/a.yaml"), "p").unwrap();
        assert_eq!(found.plan(), Some(plan("p", "three")));
        let meta = fs_err::metadata(&path).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_stays_short() {
        let dir = tempfile::tempdir().unwrap();
        let all = at(dir.path());
        let long = "x".repeat(200 * 1024);
        for n in 0..40 {
            let path = format!("/{}.yaml", n % 10);
            let plan = plan("p", &format!("echo {n} {long}"));
            all.add(&approved(&path, &plan)).unwrap();
            let size = fs_err::metadata(all.path.as_ref().unwrap()).unwrap().len();
            assert!(size <= MAX_BYTES, "{size}");
        }
        assert!(all.last(Path::new("/9.yaml"), "p").is_some());
        let huge = plan("p", &"x".repeat(MAX_PLAN_BYTES));
        all.add(&approved("/huge.yaml", &huge)).unwrap();
        let found = all.last(Path::new("/huge.yaml"), "p").unwrap();
        assert_eq!((found.plan, found.plan()), (huge.digest(), None));
    }

    #[test]
    fn a_plan_that_was_changed_in_the_file_is_none() {
        let mut one = approved("/a.yaml", &plan("p", "one"));
        one.content = approved("/a.yaml", &plan("p", "two")).content;
        assert_eq!(one.plan(), None);
    }
}
