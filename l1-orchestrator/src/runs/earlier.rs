//! How long a scenario usually takes, from its earlier runs in the same directory. A guess for people,
//! never more: nothing is decided by it.

use std::path::Path;
use std::time::Duration;

use super::Runs;
use super::record::RunRecord;
use super::status::{Status, glance};

/// Earlier runs that count: the newest ones, as what a scenario does changes.
const MAX_COUNTED: usize = 5;
/// Runs of the scenario that are opened to find them; failed ones say nothing about how long it takes.
const MAX_OPENED: usize = 20;
/// Names in the directory that are looked at. Beyond that nothing is guessed.
const MAX_NAMES: usize = 20_000;

/// The median duration of the newest earlier runs of the same scenario that passed, in one go.
#[must_use]
pub fn usual_duration(runs: &Runs, this: &Path) -> Option<Duration> {
    let scenario = runs.entry(this.file_name()?.to_str()?)?.scenario;
    let listing = fs_err::read_dir(runs.dir()).ok()?;
    let mut names: Vec<String> = listing
        .take(MAX_NAMES)
        .filter_map(|item| item.ok()?.file_name().into_string().ok())
        .collect();
    // A name begins with its minute.
    names.sort_unstable_by(|a, b| b.cmp(a));
    let others = names.iter().filter_map(|name| runs.entry(name));
    let others = others.filter(|run| run.scenario == scenario && run.dir != this);
    let walls = others.take(MAX_OPENED).filter_map(|run| wall(&run.dir));
    let mut walls: Vec<Duration> = walls.take(MAX_COUNTED).collect();
    walls.sort_unstable();
    walls.get(walls.len() / 2).copied()
}

/// How long a run took that passed.
fn wall(dir: &Path) -> Option<Duration> {
    let (Status::Passed, Some(at)) = glance(dir) else {
        return None;
    };
    Some(at.since(RunRecord::read(dir).ok()?.started))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run directory that says no more than what is looked at.
    fn run(runs: &Path, minute: u32, scenario: &str, outcome: &str, seconds: u32) {
        let dir = runs.join(format!(
            "20261120T08{minute:02}Z-{scenario}-0000{minute:04}"
        ));
        fs_err::create_dir_all(&dir).unwrap();
        let record = format!(
            "{{\"schema\":\"orchestra.run/v1\",\"scenario\":\"{scenario}\",\
             \"run_id\":\"0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a\",\"scenario_path\":\"/a\",\
             \"started\":\"2026-11-20T08:{minute:02}:00Z\",\"orchestra\":\"1\"}}"
        );
        fs_err::write(dir.join("run.json"), record).unwrap();
        let last = format!(
            "{{\"seq\":9,\"ts\":\"2026-11-20T08:{minute:02}:{seconds:02}Z\",\
             \"type\":\"run.finished\",\"outcome\":\"{outcome}\",\"exit_code\":0}}\n"
        );
        fs_err::write(dir.join("events.jsonl"), last).unwrap();
    }

    #[test]
    fn only_passed_runs_of_the_same_scenario_count() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path().to_owned(), true);
        let this = dir.path().join("20261120T0859Z-build-00000059");
        assert_eq!(usual_duration(&runs, &this), None);
        run(dir.path(), 1, "build", "completed", 10);
        run(dir.path(), 2, "build", "failed", 1);
        run(dir.path(), 3, "other", "completed", 50);
        run(dir.path(), 4, "build", "completed", 30);
        run(dir.path(), 5, "build", "completed", 20);
        run(dir.path(), 59, "build", "completed", 40);
        fs_err::create_dir(dir.path().join("20261120T0830Z-build-00000030")).unwrap();
        assert_eq!(
            usual_duration(&runs, &this),
            Some(Duration::from_secs(20)),
            "neither the failed one, nor another's, nor this one"
        );
    }

    #[test]
    fn only_the_newest_count() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path().to_owned(), true);
        for minute in 1..=20 {
            let seconds = if minute <= 15 { 50 } else { 7 };
            run(dir.path(), minute, "build", "completed", seconds);
        }
        let this = dir.path().join("20261120T0859Z-build-00000059");
        assert_eq!(usual_duration(&runs, &this), Some(Duration::from_secs(7)));
    }
}
