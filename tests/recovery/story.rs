//! The run that is interrupted: every way a task can end, items and a nested scenario, artifacts and
//! outputs handed on, and a diary outside the run directory that tells what really ran.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Outcome, Place};

const SCENARIO: &str = "\
version: 1
name: story
inputs:
  diary: { type: path }
env:
  DIARY: ${{ inputs.diary }}
max_parallel: 2
tasks:
  source:
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      seq 40 > numbers.txt
      echo count=40 >> \"$ORCHESTRA_OUTPUT\"
    outputs: { count: int }
    artifacts: { numbers: numbers.txt }
  left:
    needs: [source]
    files: { in.txt: \"${{ tasks.source.artifacts.numbers }}\" }
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      mkdir out; head -n 3 in.txt > out/head.txt; tail -n 3 in.txt > out/tail.txt
    artifacts: { ends: out/ }
  unsteady:
    needs: [source]
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      [ \"$ORCHESTRA_ATTEMPT\" -gt 1 ] || { echo not yet >&2; exit 75; }
      echo steady > note.txt
    artifacts: { note: note.txt }
    retry: { max: 2, delay: 1ms }
  tolerated:
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      exit 4
    continue_on_error: true
  each:
    needs: [source]
    for_each: [p, q]
    env: { ITEM: \"${{ item }}\" }
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      echo \"$ITEM\" > item.txt
    artifacts: { item: item.txt }
  inside:
    needs: [each]
    uses: inside.yaml
    with: { word: \"${{ inputs.diary }}\" }
  join:
    needs: [left, unsteady, tolerated, inside]
    env: { COUNT: \"${{ tasks.source.outputs.count }}\" }
    files:
      ends/: ${{ tasks.left.artifacts.ends }}
      note.txt: ${{ tasks.unsteady.artifacts.note }}
      items/: ${{ tasks.each.artifacts.item }}
      inside.txt: ${{ tasks.inside.artifacts.said }}
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      { echo \"$COUNT\"; cat ends/head.txt ends/tail.txt note.txt items/* inside.txt; } > all.txt
    artifacts: { all: all.txt }
  broken:
    needs: [source]
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      echo this one never works >&2; exit 3
  never:
    needs: [broken]
    run: echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
  tidy:
    needs: [broken]
    if: failure()
    run: echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
  optional:
    needs: [join]
    if: tasks.source.outputs.count > 100
    run: echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
";

/// What `inside` uses.
const INSIDE: &str = "\
version: 1
name: inside
inputs:
  word: { type: string }
outputs:
  said: ${{ tasks.say.artifacts.said }}
tasks:
  say:
    env: { WORD: \"${{ inputs.word }}\" }
    run: |
      echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
      basename \"$WORD\" > said.txt
    artifacts: { said: said.txt }
  more:
    needs: [say]
    run: echo \"$ORCHESTRA_TASK\" >> \"$DIARY\"
";

/// The exit code of the story: a required task failed.
pub const EXIT: i32 = 1;

/// An undisturbed run of the story.
pub struct Story {
    pub place: Place,
    dir: PathBuf,
    /// Lines of its journal, without their newlines.
    pub lines: Vec<String>,
    /// How it ended.
    pub end: End,
}

/// What two runs of the story have in common, however often they were interrupted.
#[derive(Debug, PartialEq)]
pub struct End {
    verdict: Value,
    counts: Value,
    tasks: Vec<Value>,
    outputs: BTreeMap<String, Value>,
    manifest: String,
}

impl Story {
    /// Runs it once.
    pub fn new() -> Self {
        let place = Place::with("story.yaml", SCENARIO);
        fs_err::write(place.work().join("inside.yaml"), INSIDE).unwrap();
        place
            .orchestra(["run", "story.yaml", "-i", "diary=diary"])
            .run()
            .expect(EXIT);
        let dir = place.run_dir();
        let lines = journal(&dir);
        let end = End::of(&dir);
        let story = Self {
            place,
            dir,
            lines,
            end,
        };
        assert!(
            story.diary().contains(&"tidy".to_owned()),
            "the diary works"
        );
        story
    }

    /// A copy of its run directory as a crash would have left it, with this journal.
    pub fn crashed(&self, name: &str, journal: &[u8]) -> Crashed<'_> {
        let dir = self
            .place
            .work()
            .join(name)
            .join(self.dir.file_name().unwrap());
        copy_tree(&self.dir, &dir);
        for file in [
            "seal.json",
            "report.md",
            "report.json",
            "report.html",
            "junit.xml",
            "artifacts.json",
        ] {
            fs_err::remove_file(dir.join(file)).unwrap();
        }
        fs_err::write(dir.join("events.jsonl"), journal).unwrap();
        Crashed { story: self, dir }
    }

    /// The first `count` lines of its journal.
    pub fn head(&self, count: usize) -> Vec<u8> {
        self.lines[..count]
            .iter()
            .flat_map(|line| format!("{line}\n").into_bytes())
            .collect()
    }

    /// Number of lines up to and with the first that holds all of `parts`.
    pub fn through(&self, parts: &[&str]) -> usize {
        let has_all = |line: &&String| parts.iter().all(|part| line.contains(part));
        let line = self
            .lines
            .iter()
            .find(has_all)
            .unwrap_or_else(|| panic!("no {parts:?}"));
        self.lines.iter().position(|other| other == line).unwrap() + 1
    }

    /// Every line of the diary: one a started attempt.
    pub fn diary(&self) -> Vec<String> {
        let text = fs_err::read_to_string(self.place.work().join("diary")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// A run directory after a crash.
pub struct Crashed<'a> {
    story: &'a Story,
    pub dir: PathBuf,
}

impl Crashed<'_> {
    /// `orchestra <verb> <dir>`.
    pub fn orchestra(&self, verb: &str) -> Outcome {
        let dir = self.dir.to_str().unwrap();
        self.story.place.orchestra([verb, dir]).run()
    }

    /// A crash before the first task leaves no logs and no artifacts.
    pub fn without_results(self) -> Self {
        for name in ["logs", "artifacts"] {
            fs_err::remove_dir_all(self.dir.join(name)).unwrap();
        }
        self
    }

    pub fn journal(&self) -> Vec<String> {
        journal(&self.dir)
    }

    /// Tasks that have children.
    pub fn expanded(&self) -> Vec<String> {
        let events = self.journal().into_iter();
        let events = events.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let expanded = events.filter(|event| event["type"] == "task.expanded");
        let expanded = expanded.map(|event| event["task"].as_str().unwrap().to_owned());
        expanded.collect()
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs_err::read(self.dir.join(file)).unwrap()
    }

    /// Resumes it, and checks everything that holds for every run that was interrupted after its
    /// plan was approved, whatever else happened to it. `done` are the tasks that were done.
    pub fn resumes(&self, done: &[String]) {
        let before = self.story.diary().len();
        self.orchestra("resume").expect(EXIT);
        self.orchestra("verify").expect(0);
        assert_eq!(End::of(&self.dir), self.story.end, "{}", self.dir.display());
        let again = self.story.diary().split_off(before);
        let repeated: Vec<_> = again.iter().filter(|task| done.contains(task)).collect();
        assert!(
            repeated.is_empty(),
            "{}: ran again: {repeated:?}",
            self.dir.display()
        );
        assert_eq!(started_after_done(&self.journal()), Vec::<String>::new());
        assert_eq!(workspaces(&self.dir), Vec::<PathBuf>::new());
    }
}

impl End {
    fn of(dir: &Path) -> Self {
        let manifest = fs_err::read_to_string(dir.join("artifacts.json")).unwrap();
        let report: Value =
            serde_json::from_slice(&fs_err::read(dir.join("report.json")).unwrap()).unwrap();
        let of_task = |task: &Value| {
            let keys = [
                "task",
                "status",
                "failure",
                "tolerated",
                "skipped",
                "because",
                "artifacts",
            ];
            keys.iter()
                .map(|key| ((*key).to_owned(), task[key].clone()))
                .collect::<Value>()
        };
        let mut tasks: Vec<_> = report["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(of_task)
            .collect();
        tasks.sort_by_key(|task| task["task"].to_string());
        // The last word of each task: one that was opened again is done twice.
        let events = journal(dir)
            .into_iter()
            .map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let done = events.filter(|event| event["type"] == "task.done");
        let outputs = done
            .map(|event| (event["task"].to_string(), event["outputs"].clone()))
            .collect();
        let verdict = json!([report["verdict"], report["exit_code"]]);
        Self {
            verdict,
            counts: report["counts"].clone(),
            tasks,
            outputs,
            manifest,
        }
    }
}

/// The lines of a journal, without their newlines; what comes after the last one, too.
pub fn journal(dir: &Path) -> Vec<String> {
    let bytes = fs_err::read(dir.join("events.jsonl")).unwrap();
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Tasks that these lines of a journal say are done.
pub fn done_in(lines: &[String]) -> Vec<String> {
    let events = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let done = events.filter(|event| event["type"] == "task.done");
    done.map(|event| event["task"].as_str().unwrap().to_owned())
        .collect()
}

/// Tasks of which an attempt started after they were done and not opened again.
pub fn started_after_done(lines: &[String]) -> Vec<String> {
    let mut done = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in lines {
        let event: Value = serde_json::from_str(line).unwrap();
        let task = event["task"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "task.done" => drop(done.insert(task)),
            "task.reopened" => drop(done.remove(&task)),
            "attempt.started" if done.contains(&task) => wrong.push(task),
            _ => {}
        }
    }
    wrong
}

/// Workspaces that were not cleared.
fn workspaces(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(dir.join("work")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs_err::copy(&path, &target).unwrap();
        }
    }
}
