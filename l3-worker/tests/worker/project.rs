//! `workspace: project` with real processes: the scenario's own tree, which outlives the attempt.

use std::sync::Arc;

use protocol::message::{FileSource, StagedFile};
use protocol::outcome::FailureClass;
use protocol::policy::{Confine, SandboxLevel};

use crate::support::bench::{Bench, artifacts, failed, message, sh};

#[test]
fn an_attempt_works_in_the_project_and_what_it_was_lent_goes_again() {
    let bench = Bench::new();
    let project = tempfile::tempdir().unwrap();
    fs_err::write(project.path().join("own"), "own").unwrap();
    fs_err::write(bench.path("input"), "lent").unwrap();
    let script = "cat own in/lent > made; touch \"$HOME/x\"; pwd";
    let mut task = artifacts(sh(script), [("made", "made")]);
    task.project = Some(project.path().display().to_string());
    task.files = vec![StagedFile {
        to: "in/lent".into(),
        source: FileSource::Local {
            path: bench.path("input").display().to_string(),
        },
    }];
    let result = bench.run(&task);
    assert_eq!(result.end.failure, None);
    let sealed = fs_err::read_to_string(bench.path("artifacts/t/made")).unwrap();
    assert_eq!(sealed, "ownlent");
    let mut left: Vec<_> = fs_err::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["made", "own"]);
    assert_eq!(bench.tree("work/slot0.1"), [""; 0]);
}

#[test]
fn a_project_that_is_not_here_and_a_missing_directory_are_missing_inputs() {
    let bench = Bench::new();
    let project = tempfile::tempdir().unwrap();
    for (root, inner) in [
        ("/no/such/project".to_owned(), None),
        ("relative".to_owned(), None),
        (project.path().display().to_string(), Some("sub")),
    ] {
        let mut task = sh("touch started");
        task.project = Some(root);
        task.working_dir = inner.map(ToOwned::to_owned);
        let result = bench.run(&task);
        assert_eq!(failed(&result), (FailureClass::InputMissing, None));
        assert!(message(&result).contains("project"), "{}", message(&result));
    }
    assert_eq!(fs_err::read_dir(project.path()).unwrap().count(), 0);
}

#[test]
fn a_confined_task_is_not_handed_what_a_link_leads_to() {
    let bench = Bench::new();
    let project = tempfile::tempdir().unwrap();
    fs_err::write(bench.path("key"), "key").unwrap();
    let link = project.path().join("data");
    fs_err::os::unix::fs::symlink(bench.path("key"), &link).unwrap();
    let root = project.path().display().to_string();
    for (project, level) in [
        (None, SandboxLevel::Strict),
        (None, SandboxLevel::Landlock),
        (Some(root.clone()), SandboxLevel::Strict),
        (Some(root.clone()), SandboxLevel::Landlock),
    ] {
        let mut task = sh("cat in/lent");
        task.project = project;
        task.constraints.level = level;
        task.constraints.confine = Arc::new(Confine {
            write: vec![root.clone()],
            ..Confine::CLOSED
        });
        task.files = vec![StagedFile {
            to: "in/lent".into(),
            source: FileSource::Local {
                path: link.display().to_string(),
            },
        }];
        let result = bench.run(&task);
        assert_eq!(failed(&result), (FailureClass::InputMissing, None));
        let wanted = format!("`{}` is a link to where tasks may not read", link.display());
        assert!(
            message(&result).starts_with(&wanted),
            "{}",
            message(&result)
        );
    }
    assert_eq!(fs_err::read_dir(project.path()).unwrap().count(), 1);
}
