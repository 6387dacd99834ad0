//! A run whose tasks leave daemons behind, and a look at what is left of them.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Outcome, Place};

/// Longest any condition may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `first` is quick. `nest` starts two daemons, each in a session of its own behind a double fork, deaf
/// to requests and with closed streams, one of them in an empty environment as well, and waits for the
/// gate; `plain` only waits. `last` needs both.
const SCENARIO: &str = "\
version: 1
name: nest
inputs:
  gate: { type: path }
  mark: { type: string, required: true }
env:
  GATE: ${{ inputs.gate }}
  MARK: ${{ inputs.mark }}
max_parallel: 2
tasks:
  first:
    run: echo first > first.txt
    artifacts: { first: first.txt }
  nest:
    needs: [first]
    run: |
      daemon=\"trap '' TERM INT HUP; echo \\$\\$ > $GATE.\\$0; while :; do sleep $MARK; done\"
      (setsid sh -c \"$daemon\" kept </dev/null >/dev/null 2>&1 3>&- 4>&- &)
      (setsid env -i PATH=\"$PATH\" sh -c \"$daemon\" bare </dev/null >/dev/null 2>&1 3>&- 4>&- &)
      until [ -e \"$GATE\" ]; do sleep 0.02; done
      echo nest > nest.txt
    artifacts: { nest: nest.txt }
    retry: 1
  plain:
    needs: [first]
    run: |
      trap '' TERM
      echo \"$MARK\" > \"$GATE.plain\"
      until [ -e \"$GATE\" ]; do sleep 0.02; done
    retry: 1
  last:
    needs: [nest, plain]
    files: { in.txt: \"${{ tasks.nest.artifacts.nest }}\" }
    run: cp in.txt out.txt
    artifacts: { out: out.txt }
";

/// A started run, all of its daemons there.
pub struct Nest {
    pub place: Place,
    child: Option<Child>,
    run_id: String,
    mark: String,
}

impl Nest {
    pub fn started() -> Self {
        let place = Place::with("nest.yaml", SCENARIO);
        // Seconds that nobody else sleeps: in the arguments of both daemons and of their children.
        let mark = unique();
        let input = format!("mark={mark}");
        let args = ["run", "nest.yaml", "-i", "gate=gate", "-i", &input];
        let child = place.orchestra(args).start();
        let nest = Self {
            place,
            child: Some(child),
            run_id: String::new(),
            mark,
        };
        until("every daemon runs", || {
            ["kept", "bare", "plain"]
                .iter()
                .all(|name| nest.work(&format!("gate.{name}")).exists())
        });
        let record: serde_json::Value =
            serde_json::from_str(&nest.place.run_file("run.json")).unwrap();
        let nest = nest.called(record["run_id"].as_str().unwrap());
        assert!(
            nest.left().len() >= 6,
            "two shells, two sleeps, two attempts: {:?}",
            nest.left()
        );
        nest
    }

    fn called(mut self, run_id: &str) -> Self {
        run_id.clone_into(&mut self.run_id);
        self
    }

    /// Its process number, while it was not waited for.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn work(&self, name: &str) -> PathBuf {
        self.place.work().join(name)
    }

    /// What still runs of it: by the run's marker, or by what only the daemons have.
    pub fn left(&self) -> Vec<Process> {
        let marker = format!("ORCHESTRA_RUN={}", self.run_id);
        let mut left = carrying(&marker);
        left.extend(carrying(&self.mark));
        left.sort();
        left.dedup();
        left
    }

    /// The launcher, and its slot processes.
    pub fn helpers(&self) -> (u32, Vec<u32>) {
        let launcher = children(self.pid());
        assert_eq!(launcher.len(), 1, "one small process beside the big one");
        let slots = children(launcher[0]);
        assert_eq!(slots.len(), 2);
        (launcher[0], slots)
    }

    pub fn nothing_is_left(&self) {
        until("nothing of the run is left", || self.left().is_empty());
    }

    /// Lets the tasks end.
    pub fn open(&self) {
        self.place.write("gate", "");
    }

    /// Waits for orchestra itself.
    pub fn outcome(&mut self) -> Outcome {
        let child = self.child.as_mut().unwrap();
        until("orchestra ends", || child.try_wait().unwrap().is_some());
        Outcome::of(self.child.take().unwrap().wait_with_output().unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Resumes what was interrupted, to its good end.
    pub fn resumes(&self) {
        self.open();
        let outcome = self.place.orchestra(["resume", "@last"]).run().expect(0);
        assert!(outcome.stderr.contains("4 passed"), "{}", outcome.render());
        assert_eq!(self.place.run_file("artifacts/last/out.txt"), "nest\n");
        let journal = self.place.run_file("events.jsonl");
        let started = "\"type\":\"attempt.started\",\"task\":\"first\"";
        assert_eq!(
            journal.matches(started).count(),
            1,
            "a done task does not run again"
        );
        self.place.orchestra(["verify"]).run().expect(0);
        self.nothing_is_left();
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // A test that fails leaves nothing either.
        if let Some(mut child) = self.child.take() {
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Looks until the condition holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// A number of seconds that no other test and no other process of this boot sleeps.
fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("7{pid:07}{count:02}")
}

/// Every process of this machine, by number.
fn processes() -> impl Iterator<Item = (u32, PathBuf)> {
    let entries = fs_err::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

/// A process that should not be there any more.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: u32,
    pub arguments: String,
}

/// Processes but orchestra itself whose environment or arguments hold this text; zombies have neither.
fn carrying(text: &str) -> Vec<Process> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    let mut found = Vec::new();
    for (pid, path) in processes() {
        let arguments = fs_err::read(path.join("cmdline")).unwrap_or_default();
        let environment = fs_err::read(path.join("environ")).unwrap_or_default();
        let is_found = holds(&arguments) || holds(&environment);
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if is_found && !arguments.contains("nest.yaml") {
            found.push(Process { pid, arguments });
        }
    }
    found
}

/// Direct children of a process that still live.
fn children(parent: u32) -> Vec<u32> {
    let is_child = |path: PathBuf| {
        let stat = fs_err::read_to_string(path.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, found) = (fields.next()?, fields.next()?);
        Some(state != "Z" && found == parent.to_string())
    };
    processes()
        .filter(|(_, path)| is_child(path.clone()) == Some(true))
        .map(|(pid, _)| pid)
        .collect()
}
