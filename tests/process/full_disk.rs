//! A disk that is really full: a small tmpfs in a mount namespace of its own.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::process::watch::until;
use crate::support::{Outcome, Place};

/// Set for the second process of the test, which is this same binary: where the tmpfs is mounted.
const ROLE: &str = "PROCESS_TEST_FULL_DISK";

/// Mounts, and becomes the test again. `$0` is the mount point, `$1` this binary, `$2` the test, `$3`
/// the size.
const SCRIPT: &str = r#"mount -t tmpfs -o size="$3",mode=700 process-test "$0" || exit 77
exec "$1" --exact "$2" --nocapture --test-threads=1"#;

/// Exit code of the script where mounting is not allowed.
const CANNOT_MOUNT: i32 = 77;

/// `first`, then a gate, then enough tasks to need more journal than a page that is begun already.
fn scenario() -> String {
    let mut text = "version: 1\nname: full\ninputs: { gate: { type: path } }\nmax_parallel: 1\n\
                    tasks:\n  first:\n    run: echo first > first.txt\n    \
                    artifacts: { first: first.txt }\n  gate:\n    needs: [first]\n    \
                    env: { GATE: \"${{ inputs.gate }}\" }\n    \
                    run: echo x > \"$GATE.at\"; until [ -e \"$GATE\" ]; do sleep 0.02; done\n"
        .to_owned();
    for number in 0..40 {
        text.push_str(&format!(
            "  t{number}:\n    needs: [gate]\n    command: [\"true\"]\n"
        ));
    }
    text
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let file = fs_err::File::create(path).unwrap();
    let error = io::copy(&mut io::repeat(b'x'), &mut file.into_parts().0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

fn play_on_tmpfs(mount: &Path) {
    let place = Place::with("full.yaml", scenario());
    let runs = mount.join("runs");
    let orchestra = |args: &[&OsStr]| {
        let place_runs = [OsStr::new("--runs-dir"), runs.as_os_str()];
        place.orchestra([args, &place_runs].concat())
    };
    let words = |text: &'static str| text.split(' ').map(OsStr::new).collect::<Vec<_>>();
    let child = orchestra(&words("run full.yaml -i gate=gate")).start();
    until("the gate is reached", || {
        place.work().join("gate.at").exists()
    });
    fill(&mount.join("rest"));
    place.write("gate", "");
    let outcome = Outcome::of(child.wait_with_output().unwrap()).expect(7);
    assert!(
        outcome.stderr.contains("error[journal-unwritable]"),
        "{}",
        outcome.render()
    );
    assert!(
        outcome.stderr.contains("orchestra resume"),
        "{}",
        outcome.render()
    );

    let dir = fs_err::read_dir(&runs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let journal = || fs_err::read_to_string(dir.join("events.jsonl")).unwrap();
    let paused: serde_json::Value =
        serde_json::from_str(journal().lines().last().unwrap()).unwrap();
    assert_eq!(paused["type"], "run.paused");
    let cause = paused["cause"].as_str().unwrap();
    assert!(cause.contains("No space left on device"), "{cause}");
    let shown = orchestra(&words("show")).run().expect(0);
    assert!(
        shown.stdout.contains("PAUSED") || shown.stdout.contains("paused"),
        "{}",
        shown.render()
    );
    orchestra(&words("verify")).run().expect(0);
    // Still full: it says so again, and loses nothing.
    let before = journal();
    orchestra(&words("resume @last")).run().expect(7);
    assert!(journal().starts_with(&before));

    fs_err::remove_file(mount.join("rest")).unwrap();
    let outcome = orchestra(&words("resume @last")).run().expect(0);
    assert!(outcome.stderr.contains("42 passed"), "{}", outcome.render());
    orchestra(&words("verify")).run().expect(0);
    let first = "\"type\":\"attempt.started\",\"task\":\"first\"";
    assert_eq!(
        journal().matches(first).count(),
        1,
        "a done task does not run again"
    );
}

/// Too little room for the journal's reserve, let alone for a run.
fn begin_on_tmpfs(mount: &Path) {
    let place = Place::with(
        "full.yaml",
        "version: 1\nname: full\ntasks:\n  a: { run: echo }\n",
    );
    let runs = mount.join("runs");
    let orchestra = |verb: &str, run: &str| {
        let arguments = [verb, run, "--runs-dir", runs.to_str().unwrap()];
        place.orchestra(arguments).run()
    };
    let outcome = orchestra("run", "full.yaml").expect(7);
    let text = outcome.render();
    assert!(
        text.contains("error[run-not-begun]: the run never began"),
        "{text}"
    );
    assert!(text.contains("help: make room"), "{text}");
    assert!(!text.contains("resume"), "{text}");
    orchestra("resume", "@last").expect(7);
    orchestra("cancel", "@last").expect(7);
    orchestra("verify", "@last").expect(7);
}

#[test]
fn a_full_disk_pauses_the_run_and_room_lets_it_go_on() {
    let test = "process::full_disk::a_full_disk_pauses_the_run_and_room_lets_it_go_on";
    on_tmpfs(test, "2m", play_on_tmpfs);
}

#[test]
fn a_full_disk_at_the_start_leaves_a_run_that_never_began() {
    let test = "process::full_disk::a_full_disk_at_the_start_leaves_a_run_that_never_began";
    on_tmpfs(test, "64k", begin_on_tmpfs);
}

fn on_tmpfs(test: &str, size: &str, play: fn(&Path)) {
    if let Some(mount) = std::env::var_os(ROLE) {
        play(Path::new(&mount));
        return;
    }
    let mount = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let mut causes = Vec::new();
    // Root may mount in a mount namespace; others may where user namespaces are allowed.
    for namespaces in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let mut command = Command::new("unshare");
        command
            .args(namespaces)
            .args(["sh", "-c", SCRIPT])
            .arg(mount.path())
            .arg(&this)
            .args([test, size]);
        let output = match command.env(ROLE, mount.path()).output() {
            Ok(output) => output,
            Err(error) => {
                causes.push(error.to_string());
                continue;
            }
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() == Some(CANNOT_MOUNT) || said.starts_with("unshare:") {
            causes.push(said);
            continue;
        }
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "on tmpfs:\n{told}\n{said}");
        assert!(
            told.contains("1 passed"),
            "the test did not run there:\n{told}"
        );
        return;
    }
    eprintln!("SKIPPED: {test}: no tmpfs can be mounted here: {causes:?}");
}
