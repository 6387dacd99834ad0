//! The scenarios that ship: each is valid, runs, and does what its description says. `repo-audit` has
//! tests of its own.

use std::path::{Path, PathBuf};

use crate::support::Place;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .join(name)
}

fn run(place: &Place, name: &str, inputs: &[&str]) -> crate::support::Outcome {
    let file = shipped(name);
    let mut args = vec!["run", file.to_str().unwrap()];
    for input in inputs {
        args.extend(["-i", input]);
    }
    let outcome = place.orchestra(args).run();
    place.orchestra(["verify", "@last"]).run().expect(0);
    outcome
}

#[test]
fn all_are_valid_and_described() {
    let readme = fs_err::read_to_string(shipped("README.md")).unwrap();
    for entry in fs_err::read_dir(shipped("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        Place::new()
            .orchestra(["validate", path.to_str().unwrap()])
            .run()
            .expect(0);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            readme.contains(&format!("`{name}`")),
            "{name} is not in the README"
        );
    }
}

#[test]
fn hello() {
    let place = Place::new();
    run(&place, "hello.yaml", &["name=you"]).expect(0);
    assert_eq!(
        place.run_file("artifacts/greet/greeting.txt"),
        "hello, you\n"
    );
}

#[test]
fn diamond() {
    let place = Place::new();
    run(&place, "diamond.yaml", &["words=97"]).expect(0);
    let summary = place.run_file("artifacts/join/summary.txt");
    let counts = [
        "97 lines",
        "      1 word0",
        "      1 word1",
        "      1 word10",
    ];
    assert_eq!(summary.lines().take(4).collect::<Vec<_>>(), counts);
}

#[test]
fn word_count() {
    let place = Place::new();
    let outcome = run(&place, "word-count.yaml", &["parts=12"]).expect(0);
    let total = place.run_file("artifacts/total/total.txt");
    assert_eq!(total.lines().next(), Some("7800 words"));
    assert_eq!(total.lines().count(), 8);
    // Names of staged files sort as their items do.
    let listed = place.run_file("logs/total.1.out");
    let listed: Vec<&str> = listed.lines().take(12).collect();
    assert_eq!((listed[0], listed[11]), ("00-counts.txt", "11-counts.txt"));
    assert!(
        outcome.stderr.contains("count[11] part12"),
        "{}",
        outcome.stderr
    );
    let empty = Place::new();
    run(&empty, "word-count.yaml", &["parts=0"]).expect(0);
}

#[test]
fn matrix() {
    let place = Place::new();
    run(&place, "matrix.yaml", &[]).expect(0);
    let results = place.run_file("artifacts/page/results.txt");
    let expected = [
        "sh plain 42",
        "bash plain 42",
        "sh strict 42",
        "bash strict 42",
    ];
    assert_eq!(results.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn nested() {
    let place = Place::new();
    let packages = "packages=core,tools,docs";
    run(&place, "nested.yaml", &[packages]).expect(0);
    let index = place.run_file("artifacts/index/index.txt");
    let lines: Vec<&str> = index.lines().collect();
    assert!(lines[0].starts_with("sizes: "), "{index}");
    assert_eq!(lines[0].split(' ').count(), 4, "{index}");
    assert_eq!(lines[1..], ["0-package.gz", "1-package.gz", "2-package.gz"]);
}

#[test]
fn flaky() {
    let place = Place::new();
    let outcome = run(&place, "flaky.yaml", &[]).expect(0);
    assert!(
        outcome.stderr.contains("unsteady   attempt 3 of 3"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("1 failed and tolerated"),
        "{}",
        outcome.stderr
    );
    let worse = Place::new();
    let outcome = run(&worse, "flaky.yaml", &["failures=3"]).expect(1);
    assert!(
        outcome
            .stderr
            .contains("SKIP after   because unsteady failed"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn timeout() {
    let place = Place::new();
    let outcome = run(&place, "timeout.yaml", &["patience=3571"]).expect(1);
    assert!(outcome.stderr.contains("timed_out"), "{}", outcome.stderr);
    assert!(!runs("sleep\x003571\0"), "the tree is dead");
}

#[test]
fn confined_build() {
    let place = Place::new();
    run(&place, "confined-build.yaml", &[]).expect(0);
    let plan = place.run_file("plan.json");
    assert!(plan.contains("\"memory_bytes\":2147483648"), "{plan}");
    assert!(plan.contains("\"effects\":{\"network\":\"none\",\"read\":[],\"write\":[]}"));
}

/// The other side of what `forbidden` shows: it says so where nothing stops its tasks, and tidies up.
#[test]
fn forbidden_without_a_sandbox() {
    let place = Place::new();
    place.write("tree/kept", "");
    let tree = place.work().join("tree");
    let tree = format!("tree={}", tree.display());
    let file = shipped("forbidden.yaml");
    let file = file.to_str().unwrap();
    let args = ["run", file, "-i", &tree, "--sandbox", "none"];
    place.orchestra(args).run().expect(1);
    let through = place.run_file("logs/verdict.1.err");
    assert!(through.starts_with("not stopped: "), "{through}");
    // The others depend on the host, and on who runs this.
    for task in ["write_system", "write_tree", "unix_socket"] {
        assert!(through.contains(task), "{task}: {through}");
    }
    let left = fs_err::read_dir(place.work().join("tree")).unwrap();
    assert_eq!(left.count(), 1, "what was there before");
}

/// Each thing it tries is stopped, and told where the kernel lets it be seen: a directory that is not there
/// cannot be seen being looked for.
#[test]
fn forbidden_in_the_sandbox() {
    let place = Place::new();
    place.write(
        "forbidden.yaml",
        fs_err::read_to_string(shipped("forbidden.yaml")).unwrap(),
    );
    let args = ["run", "forbidden.yaml"];
    place.orchestra(args).sandboxed().run().expect(0);
    let journal = place.run_file("events.jsonl");
    let events = journal
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let denied = events.filter(|event| event["code"] == "denied-attempt");
    let told: std::collections::BTreeSet<String> = denied
        .map(|event| event["task"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "debug",
        "mount",
        "namespace",
        "tcp",
        "udp",
        "unix_socket",
        "write_system",
        "write_tree",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
    let report = place.run_file("report.md");
    assert!(report.contains("connect 192.0.2.1:9"), "{report}");
    assert!(!place.work().join("orchestra-forbidden").exists());
}

/// Whether some process has exactly this command line, words ended by NUL.
fn runs(command_line: &str) -> bool {
    let processes = fs_err::read_dir("/proc").unwrap();
    let mut lines =
        processes.filter_map(|entry| fs_err::read(entry.ok()?.path().join("cmdline")).ok());
    lines.any(|line| line == command_line.as_bytes())
}

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../evals/recorded")
        .join(name)
}

/// A recording without the time of its making.
fn timeless(text: &str) -> Vec<serde_json::Value> {
    let lines = text.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("recorded_at");
        line
    });
    lines.collect()
}

/// Writes what a script answers a scenario as a recording, and holds it against the one that ships. Calls
/// are made in parallel, so their order is nobody's. Prompts change, and with them the requests that a fixture
/// answers: `UPDATE_RECORDED=1` writes it anew from its script.
fn is_answered_today(name: &str, more: &[&str]) {
    let place = Place::new();
    let script = recorded(&format!("{name}.script.jsonl"));
    let model = format!("scripted/{}", script.display());
    let file = shipped(&format!("{name}.yaml"));
    let args = ["run", file.to_str().unwrap(), "--model", &model];
    let args = args.into_iter().chain(["--record", "fixture.jsonl"]);
    let args = args.chain(more.iter().copied());
    place.orchestra(args).run().expect(0);
    let made = fs_err::read_to_string(place.work().join("fixture.jsonl")).unwrap();
    let kept = recorded(&format!("{name}.jsonl"));
    if std::env::var_os("UPDATE_RECORDED").is_some() {
        fs_err::write(&kept, &made).unwrap();
    }
    let kept = fs_err::read_to_string(kept).unwrap();
    assert!(kept.contains(r#""fixture":true"#));
    let in_order = |text: &str| {
        let mut lines = timeless(text);
        lines.sort_by_key(ToString::to_string);
        lines
    };
    assert_eq!(in_order(&kept), in_order(&made));
}

#[test]
fn fixtures_answer_what_is_asked_today() {
    is_answered_today("release-notes", &["--plan-only"]);
    is_answered_today("research-brief", &[]);
}

#[test]
fn questions_are_answered_offline() {
    let place = Place::new();
    let (file, fixture) = (
        shipped("research-brief.yaml"),
        recorded("research-brief.jsonl"),
    );
    let (file, fixture) = (file.to_str().unwrap(), fixture.to_str().unwrap());
    let args = ["run", file, "--replay", fixture];
    place.orchestra(args).run().expect(0);
    let brief = place.run_file("artifacts/brief/brief.md");
    assert_eq!(brief.matches("\n## ").count(), 3, "{brief}");
    place.orchestra(["verify", "@last"]).run().expect(0);
}

#[test]
fn release_notes_are_planned_offline() {
    let place = Place::new();
    let (file, fixture) = (
        shipped("release-notes.yaml"),
        recorded("release-notes.jsonl"),
    );
    let (file, fixture) = (file.to_str().unwrap(), fixture.to_str().unwrap());
    let saved = |name: &str| {
        let args = ["run", file, "--plan-only", "--replay", fixture];
        let args = args.into_iter().chain(["--save", name]);
        place.orchestra(args).run().expect(0);
        fs_err::read(place.work().join(name)).unwrap()
    };
    assert_eq!(saved("a.json"), saved("b.json"), "the same on every replay");
    let args = ["run", file, "--replay", fixture, "--yes"];
    place.orchestra(args).run().expect(0);
    let notes = place.run_file("artifacts/notes/notes.md");
    assert!(notes.starts_with("# Release notes\n\nThe last "), "{notes}");
    place.orchestra(["verify", "@last"]).run().expect(0);
    let other = ["run", file, "--replay", fixture, "--yes", "-i", "commits=3"];
    let missed = place.orchestra(other).run().expect(7);
    assert!(missed.stderr.contains("miss"), "{}", missed.stderr);
}
