//! `orchestra doctor`: what is not ready is named, with a fix; nothing is touched.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Place;

/// Level, cause and fix of one thing.
fn finding(report: &Value, group: &str, name: &str) -> (String, String, String) {
    let all = report["findings"].as_array().unwrap();
    let found = all
        .iter()
        .find(|one| one["group"] == group && one["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {group} {name}: {report}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("level"), text("said"), text("fix"))
}

#[test]
fn a_ready_machine() {
    let place = Place::new();
    let before = place.listing();
    let outcome = place.orchestra(["doctor"]).run().expect(0);
    assert_eq!(outcome.stderr, "");
    assert!(
        outcome.stdout.contains("\nready: 0 failures"),
        "{}",
        outcome.stdout
    );
    let report = place
        .orchestra(["doctor", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(report["schema"], "orchestra.doctor/v1");
    let mut groups: Vec<&str> = Vec::new();
    for finding in report["findings"].as_array().unwrap() {
        let group = finding["group"].as_str().unwrap();
        if groups.last() != Some(&group) {
            groups.push(group);
        }
        let is_ok = finding["level"] == "ok";
        assert_eq!(
            finding["fix"].is_null(),
            is_ok,
            "a fix for what is not ok: {finding}"
        );
    }
    assert_eq!(
        groups,
        [
            "tools",
            "settings",
            "folders",
            "disk",
            "limits",
            "model access",
            "clock",
            "sandbox",
            "terminal"
        ]
    );
    for name in [
        "level",
        "fs_write_confined",
        "fs_read_confined",
        "net_none",
        "tree_kill",
        "env_clean",
    ] {
        assert_eq!(finding(&report, "sandbox", name).0, "ok", "{name}");
    }
    // What nobody keeps by the kernel alone is never said to be kept.
    assert_snapshot!(finding(&report, "sandbox", "disk_quota").1, @"degraded, by a look at the workspace while it runs: what is written between two looks is not bounded");
    let states = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["group"] == "sandbox");
    for finding in states {
        let state = finding["state"].as_str().unwrap();
        assert_eq!(state == "ok", finding["level"] == "ok", "{finding}");
        assert!(["ok", "degraded", "missing"].contains(&state), "{finding}");
    }
    assert_eq!(place.listing(), before, "nothing is made");
}

#[test]
fn what_is_missing_fails() {
    let place = Place::with("a-file", "");
    let outcome = place
        .orchestra([
            "doctor",
            "--quick",
            "--runs-dir",
            "a-file/runs",
            "-o",
            "json",
        ])
        .env("PATH", "/nowhere")
        .env("HOME", "")
        .env("XDG_STATE_HOME", "")
        .run()
        .expect(7);
    let report = outcome.json();
    assert_eq!(report["verdict"], "fail");
    let (level, said, fix) = finding(&report, "tools", "sh");
    assert_snapshot!(format!("{level}: {said}\n{fix}"), @r#"
    fail: not in PATH; needed for every `run:` text
    install sh, or put its folder into PATH; tasks search /nowhere
    "#);
    let (level, said, fix) = finding(&report, "folders", "state");
    assert_snapshot!(format!("{level}: {said}\n{fix}"), @r#"
    fail: there is no place for your signing key
    set HOME or XDG_STATE_HOME to an absolute path
    "#);
    let (level, said, fix) = finding(&report, "folders", "runs");
    let said = said.replace(place.work().to_str().unwrap(), "");
    assert_snapshot!(format!("{level}: {said}\n{fix}"), @r#"
    fail: /a-file is no folder
    choose another with `--runs-dir DIR`
    "#);
    let quick: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["group"])
        .collect();
    assert!(
        !quick
            .iter()
            .any(|group| *group == "terminal" || *group == "sandbox")
    );
}

#[test]
fn a_broken_settings_file_is_a_finding() {
    let place = Place::with("../config/orchestra/config.yaml", "color: blue\n");
    let report = place.orchestra(["doctor", "--json"]).run().expect(7).json();
    let (level, said, fix) = finding(&report, "settings", "files");
    let said = said.replace(place.dir("").to_str().unwrap(), "");
    assert_snapshot!(format!("{level}: {said}\n{fix}"), @r#"
    fail: config/orchestra/config.yaml:1:8: error[invalid-value]: `color` cannot be `blue`
    it is one of `auto`, `always`, `never`
    "#);
}

#[test]
fn color_is_for_whoever_wants_it_and_words_stay() {
    let place = Place::new();
    let told = |args: &[&str]| {
        place
            .orchestra(["doctor"].iter().chain(args))
            .run()
            .expect(0)
            .stdout
    };
    let (plain, colored) = (told(&[]), told(&["--color", "always"]));
    assert!(
        !plain.contains('\u{1b}') && colored.contains("\u{1b}["),
        "{colored}"
    );
    for word in ["ok", "warn", "fix", "ready"] {
        assert!(plain.contains(word), "{word}: {plain}");
    }
    assert_eq!(
        told(&["--quick", "-q"]).lines().next(),
        Some("tools"),
        "data is no chatter"
    );
}

#[test]
fn more_attempts_at_once_want_more() {
    let report = Place::new()
        .orchestra(["doctor", "--json"])
        .env("ORCHESTRA_MAX_PARALLEL", "4000000")
        .run();
    let report = report.expect(0).json();
    let (level, _, fix) = finding(&report, "limits", "open files");
    assert_eq!((level.as_str(), fix.contains("ulimit -n")), ("warn", true));
}

/// Canaries have their directory, and take it with them.
#[test]
fn trying_the_sandbox_leaves_nothing_behind() {
    let place = Place::new();
    let temporary = place.dir("temporary");
    fs_err::create_dir_all(&temporary).unwrap();
    let before = place.listing();
    let report = place
        .orchestra(["doctor", "--json"])
        .env("TMPDIR", &temporary)
        .run()
        .expect(0)
        .json();
    assert_eq!(finding(&report, "sandbox", "fs_write_confined").0, "ok");
    assert_eq!(fs_err::read_dir(&temporary).unwrap().count(), 0);
    assert_eq!(place.listing(), before);
}

#[test]
fn a_sandbox_that_cannot_be_tried_is_a_failure() {
    let place = Place::new();
    let nowhere = place.dir("nowhere");
    let report = place
        .orchestra(["doctor", "--json"])
        .env("TMPDIR", &nowhere)
        .run();
    let report = report.expect(7).json();
    let (level, said, fix) = finding(&report, "sandbox", "level");
    assert_eq!(level, "fail");
    assert!(said.starts_with("it could not be tried: "), "{said}");
    assert!(fix.contains("TMPDIR"), "{fix}");
}

/// Whatever connects, connects to this machine, told by the kernel where it can be asked.
#[test]
fn canaries_call_nobody_else() {
    let place = Place::new();
    let Some(calls) = traced(&place, &["doctor"], "connect,sendto") else {
        return;
    };
    let mut connections = 0;
    for line in calls
        .lines()
        .filter(|line| line.contains("connect(") || line.contains("sin_addr"))
    {
        let here = ["127.0.0.1", "orchestra-doctor-", "resumed"];
        assert!(here.iter().any(|word| line.contains(word)), "{line}");
        connections += 1;
    }
    assert!(connections > 0, "the control flew: {calls}");
}

/// Neither a socket nor a process nor a file that is written, told by the kernel where it can be asked.
#[test]
fn without_the_sandbox_nothing_is_started_written_or_called() {
    let place = Place::new();
    let watched = "socket,connect,execve,openat,mkdir,unlink,rename";
    let Some(calls) = traced(&place, &["doctor", "--quick"], watched) else {
        return;
    };
    assert!(calls.contains("execve("), "{calls}");
    assert_eq!(calls.matches("execve(").count(), 1, "{calls}");
    for call in [
        "socket(", "connect(", "mkdir(", "unlink(", "rename(", "O_WRONLY", "O_CREAT",
    ] {
        assert!(!calls.contains(call), "{call}: {calls}");
    }
}

/// What the kernel was asked for; `None` where it cannot be told.
fn traced(place: &Place, args: &[&str], watched: &str) -> Option<String> {
    let log = place.dir("home").join("calls");
    let status = std::process::Command::new(which("strace").ok()?)
        .args(["-f", "-e", &format!("trace={watched}"), "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_orchestra"))
        .args(args)
        .current_dir(place.work())
        .output()
        .unwrap();
    // Tracing is forbidden in some containers.
    status
        .status
        .success()
        .then(|| fs_err::read_to_string(&log).unwrap())
}

fn which(program: &str) -> Result<std::path::PathBuf, ()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found.into_iter().find(|file| file.is_file()).ok_or(())
}
