//! Open files: enough for every slot, and none of our own limit for payloads.

use std::process::{Command, Output};

use crate::support::Place;

/// The binary under a limit of open files, as a shell sets it.
fn under(place: &Place, limit: &str, args: &[&str]) -> Output {
    Command::new("sh")
        .args([
            "-c",
            &format!("{limit}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_orchestra"),
        ])
        .args(args)
        .current_dir(place.work())
        .env("HOME", place.dir("home"))
        .env("XDG_CONFIG_HOME", place.dir("config"))
        .env("XDG_STATE_HOME", place.dir("state"))
        .output()
        .unwrap()
}

#[test]
fn payloads_keep_the_limit_orchestra_was_started_with() {
    let text = "version: 1\nname: files\ntasks:\n  a: { run: ulimit -Sn }\n";
    let place = Place::with("files.yaml", text);
    let ended = under(
        &place,
        "ulimit -Sn 300",
        &["run", "files.yaml", "--max-parallel", "60"],
    );
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(place.run_file("logs/a.1.out"), "300\n");
}

#[test]
fn more_slots_than_open_files_allow_are_refused_with_a_fix() {
    let text = "version: 1\nname: files\ntasks:\n  a: { run: 'true' }\n";
    let place = Place::with("files.yaml", text);
    let ended = under(
        &place,
        "ulimit -n 300",
        &["run", "files.yaml", "--max-parallel", "400"],
    );
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(7), "{said}");
    assert!(
        said.contains("--max-parallel") && said.contains("300 are allowed"),
        "{said}"
    );
}
