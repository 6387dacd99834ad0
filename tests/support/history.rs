//! Runs of the past: made by the real binary, then moved back in time or cut off, as no test can
//! wait for.

use std::path::{Path, PathBuf};

use super::place::Place;

/// A scenario of one task, of this name, that runs this text.
pub fn scenario(name: &str, run: &str) -> String {
    format!("version: 1\nname: {name}\ntasks:\n  only:\n    run: {run}\n")
}

impl Place {
    /// Runs a scenario of one task; where its directory is.
    #[track_caller]
    pub fn past(&self, name: &str, run: &str, code: i32) -> PathBuf {
        let file = format!("{name}.yaml");
        self.write(&file, scenario(name, run));
        let ran = self
            .orchestra(["run", &file])
            .unredacted()
            .run()
            .expect(code);
        self.work().join(ran.stdout.trim())
    }

    /// Moves a finished run to another instant, such as `2025-01-01T00:00:00Z`: in its name, its
    /// record and its last event. Its digests are wrong then, which only `verify` looks at.
    pub fn backdate(&self, dir: &Path, at: &str) -> PathBuf {
        let record = dir.join("run.json");
        let mut json: serde_json::Value =
            serde_json::from_slice(&fs_err::read(&record).unwrap()).unwrap();
        json["started"] = at.into();
        fs_err::write(&record, json.to_string()).unwrap();
        let events = dir.join("events.jsonl");
        let text = fs_err::read_to_string(&events).unwrap();
        let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
        let mut last: serde_json::Value = serde_json::from_str(last).unwrap();
        last["ts"] = at.into();
        fs_err::write(&events, format!("{before}\n{last}\n")).unwrap();
        let name = dir.file_name().unwrap().to_str().unwrap();
        let (_, rest) = name.split_once('-').unwrap();
        let digits: String = at.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let moved = dir.with_file_name(format!("{}Z-{rest}", &digits[..13]));
        fs_err::rename(dir, &moved).unwrap();
        moved
    }

    /// Leaves a finished run as a crash before its last `events` would have: without them, and
    /// without what closes a run.
    pub fn interrupt(&self, dir: &Path, events: usize) {
        let journal = dir.join("events.jsonl");
        let text = fs_err::read_to_string(&journal).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let kept = lines[..lines.len() - events].join("\n");
        fs_err::write(&journal, kept + "\n").unwrap();
        for closing in ["seal.json", "report.md", "report.json", "artifacts.json"] {
            fs_err::remove_file(dir.join(closing)).unwrap();
        }
    }
}
