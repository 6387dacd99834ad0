//! Repositories as they usually are: what the page says, and that its bundle checks.

use std::process::Command;

use super::repository::{audit, holds, refused, repository, run, scenario, sh};
use crate::support::Place;

const ORDINARY: &str = "printf 'fn main() {}\\n// TODO: more\\n' > main.rs; echo '# x' > README.md\n\
     printf 'all:\\n\\ttrue\\n' > Makefile; head -c 5000 /dev/zero | tr '\\0' x > big.txt\n\
     git add -A; git commit -qm 'first words'\n";

#[test]
fn an_ordinary_one() {
    let place = Place::new();
    let root = repository(&place, ORDINARY);
    run(&place, &root, &[]).expect(0);
    holds(
        &place.run_file("artifacts/report/audit.md"),
        &[
            "# Audit of `repo`\n",
            "` on branch `main`\n",
            "- Commits reachable from it: 1\n",
            "- Files: 4\n",
            "first words",
            "      1 Someone",
            "        2 lines      1 files  Rust",
            "        2 lines      1 files  Makefile",
            "        5000 ",
            "Lines with TODO, FIXME, XXX or HACK: 1; files: 1.",
            "     1 main.rs",
            "Density: 166.67 per 1000 lines.",
        ],
    );
    let bundle = place.run_dir().join("artifacts/report");
    let check = "sha256sum -c repo-audit.tar.gz.sha256 && tar -xzf repo-audit.tar.gz -C \"$1\" \
                 && cd \"$1/repo-audit\" && sha256sum -c SHA256SUMS";
    let status = Command::new("sh")
        .args(["-c", check, "sh"])
        .arg(place.dir("home"))
        .current_dir(bundle)
        .output();
    assert!(status.unwrap().status.success());
}

/// Its top is lent to the sandbox because it was named; what is above it is not.
#[test]
fn in_the_sandbox() {
    let place = Place::new();
    let root = repository(&place, ORDINARY);
    let audit = |root: &std::path::Path, code| {
        let input = format!("root={}", root.display());
        let args = [
            "run".into(),
            scenario().into_os_string(),
            "-i".into(),
            input.into(),
        ];
        let outcome = place.orchestra(args).sandboxed().run().expect(code);
        let page = place.run_dir().join("artifacts/report/audit.md");
        let page = fs_err::read_to_string(page).unwrap_or_default();
        fs_err::remove_dir_all(place.work().join("runs")).unwrap();
        (outcome, page)
    };
    let (_, page) = audit(&root, 0);
    holds(&page, &["- Files: 4\n", "first words"]);
    fs_err::create_dir(root.join("inner")).unwrap();
    let (outcome, _) = audit(&root.join("inner"), 1);
    assert!(
        outcome.stderr.contains("not a git repository"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn one_directory_of_it_means_all_of_it() {
    let place = Place::new();
    let root = repository(
        &place,
        "mkdir -p src/deep; echo x > src/deep/a.c; echo y > b.c; git add -A; git commit -qm c",
    );
    let page = audit(&place, &root.join("src/deep"));
    holds(
        &page,
        &[
            "# Audit of `repo`\n",
            "- Files: 2\n",
            "- The whole repository, of which `src/deep` is one directory\n",
        ],
    );
}

#[test]
fn no_branch_and_a_file_with_the_name_of_the_head() {
    let place = Place::new();
    let root = repository(
        &place,
        "for n in 1 2; do echo $n > HEAD; git add HEAD; git commit -qm \"c$n\"; done\n\
         git branch HEAD 2> /dev/null || git update-ref refs/heads/HEAD HEAD\n\
         git checkout -q --detach HEAD^ -- 2> /dev/null || git update-ref --no-deref HEAD HEAD~1\n\
         git symbolic-ref -q HEAD > /dev/null && exit 1 || true",
    );
    let page = audit(&place, &root);
    holds(&page, &["`, on no branch\n", "- Files: 1\n"]);
}

#[test]
fn rows_of_tables_are_at_least_one() {
    let place = Place::new();
    let root = repository(&place, ORDINARY);
    let said = run(&place, &root, &["-i", "top=0"]).expect(1).stderr;
    assert!(said.contains("top must be at least 1, and is 0"), "{said}");
}

#[test]
fn no_repository_no_directory_no_git() {
    let place = Place::new();
    let plain = place.dir("home");
    let said = refused(&place, &plain);
    assert!(
        said.contains("| not a git repository that can be read: "),
        "{said}"
    );
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    let said = refused(&place, &plain.join("nowhere"));
    assert!(said.contains("No such file or directory"), "{said}");
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();

    let tools = place.dir("home").join("bin");
    fs_err::create_dir(&tools).unwrap();
    let script = "for tool in sh cat tr; do ln -s \"$(command -v $tool)\" bin/$tool; done";
    sh(&place, &plain, script);
    let scenario = super::repository::scenario();
    let outcome = place
        .orchestra(["run".as_ref(), scenario.as_os_str()])
        .env("PATH", tools)
        .run()
        .expect(1);
    assert!(
        outcome
            .stderr
            .contains("git is not installed, or not in PATH"),
        "{}",
        outcome.stderr
    );
}
