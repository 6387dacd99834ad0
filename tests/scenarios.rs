//! The scenarios that ship: each is valid, runs, and does what its description says.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Whether some process has exactly this command line, words ended by NUL.
fn runs(command_line: &str) -> bool {
    let processes = fs_err::read_dir("/proc").unwrap();
    let mut lines =
        processes.filter_map(|entry| fs_err::read(entry.ok()?.path().join("cmdline")).ok());
    lines.any(|line| line == command_line.as_bytes())
}

/// A repository in the place, made by `script`.
fn repository(place: &Place, script: &str) -> PathBuf {
    let dir = place.work().join("repo");
    fs_err::create_dir(&dir).unwrap();
    let setup = "set -eu; git init -q -b main .; git config user.name Someone; \
                 git config user.email someone@example.org; git config commit.gpgsign false\n";
    let made = Command::new("sh")
        .args(["-c", &format!("{setup}{script}")])
        .current_dir(&dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", place.dir("home"))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    dir
}

fn audit(place: &Place, root: &Path) -> String {
    let input = format!("root={}", root.display());
    run(place, "repo-audit.yaml", &[&input]).expect(0);
    place.run_file("artifacts/report/audit.md")
}

#[test]
fn repo_audit_of_an_ordinary_repository() {
    let place = Place::new();
    let root = repository(
        &place,
        "printf 'fn main() {}\\n// TODO: more\\n' > main.rs; echo '# x' > README.md\n\
         head -c 5000 /dev/zero | tr '\\0' x > big.txt\n\
         git add -A; git commit -qm 'first words'",
    );
    let page = audit(&place, &root);
    for line in [
        "# Audit of `repo`",
        "- Commits reachable from it: 1",
        "- Files: 3",
        "first words",
        "      1 Someone",
        "        2 lines      1 files  Rust",
        "        5000 ",
        "Lines with TODO, FIXME, XXX or HACK: 1; files: 1.",
        "     1 main.rs",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    let bundle = place.run_dir().join("artifacts/report");
    let check = "sha256sum -c repo-audit.tar.gz.sha256 && tar -xzf repo-audit.tar.gz -C \"$1\" \
                 && cd \"$1/repo-audit\" && sha256sum -c SHA256SUMS";
    let out = place.dir("home");
    let status = Command::new("sh")
        .args(["-c", check, "sh"])
        .arg(out)
        .current_dir(bundle)
        .output();
    assert!(status.unwrap().status.success());
}

#[test]
fn repo_audit_of_an_empty_repository() {
    let place = Place::new();
    let root = repository(&place, "true");
    assert!(audit(&place, &root).contains("No commits yet."));
}

#[test]
fn repo_audit_of_hostile_names_and_bytes() {
    let place = Place::new();
    let root = repository(
        &place,
        "n=$(printf 'two\\nlines 12.py'); printf 'FIXME\\nx\\n' > \"$n\"\n\
         printf 'a\\n' > ' lead space.rs'; printf 'b\\n' > '-rf'; printf 'c\\n' > '$(id)`id`;x.sh'\n\
         printf 'TODO\\n' > \"$(printf 'caf\\351.txt')\"; printf '\\000\\001' > binary.bin\n\
         git add -A; git -c user.name=\"$(printf 'Ren\\351 \\033[2J')\" commit -qm \"$(printf 'm\\351ssage')\"",
    );
    let page = audit(&place, &root);
    assert!(page.contains("- Files: 6"), "{page}");
    assert!(
        page.contains("        2 lines      1 files  Python"),
        "{page}"
    );
    assert!(
        page.contains("Lines with TODO, FIXME, XXX or HACK: 2; files: 2."),
        "{page}"
    );
    assert!(!page.contains('\u{1b}'), "{page}");
}

#[test]
fn repo_audit_of_a_shallow_clone_and_a_bare_one() {
    let place = Place::new();
    let root = repository(
        &place,
        "for n in 1 2 3; do echo $n > f; git add f; git commit -qm \"c$n\"; done\n\
         git clone -q --depth 1 \"file://$PWD\" ../shallow; git clone -q --bare . ../bare.git",
    );
    let shallow = audit(&place, &root.with_file_name("shallow"));
    assert!(shallow.contains("Shallow clone"), "{shallow}");
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    let bare = audit(&place, &root.with_file_name("bare.git"));
    assert!(bare.contains("- Commits reachable from it: 3"), "{bare}");
}

#[test]
fn repo_audit_says_when_there_is_no_repository() {
    let place = Place::new();
    let input = format!("root={}", place.dir("home").display());
    let outcome = run(&place, "repo-audit.yaml", &[&input]).expect(1);
    assert!(
        outcome.stderr.contains("| not a git repository: "),
        "{}",
        outcome.stderr
    );
}

/// The repository's own configuration cannot make git run anything.
#[test]
fn repo_audit_runs_nothing_of_the_repository() {
    let place = Place::new();
    let root = repository(
        &place,
        "echo x > f; git add f; git commit -qm c\n\
         git config core.fsmonitor \"touch $PWD/../owned; false\"\n\
         git config diff.external \"touch $PWD/../owned\"; git config core.pager \"touch $PWD/../owned\"",
    );
    audit(&place, &root);
    assert!(!place.work().join("owned").exists());
}
