//! Before the start: workspace, inputs, environment, program. Each problem is a typed failure.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::message::TaskMessage;
use protocol::outcome::{Bound, Failure, FailureClass};
use rustix::fs::Access;

use crate::environment;
use crate::launcher::Spawn;
use crate::sandbox::Confinement;
use crate::secrets::Granted;
use crate::workspace::{Guests, Paths, StageError, relative, stage};

/// Where an attempt is, for whoever wants to watch or to interrupt it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Workspace and inputs are being prepared.
    Staging,
    /// The program was asked to start.
    Running,
    /// Its tree is dead; outputs are read and artifacts copied.
    Sealing,
}

/// What to start, and what to take away again afterwards.
pub(super) struct Prepared {
    pub(super) spawn: Spawn,
    /// What confines it.
    pub(super) confinement: Confinement,
    /// Where the attempt works: a fresh directory, or the project.
    pub(super) workspace: PathBuf,
    /// Files staged into the project.
    pub(super) guests: Guests,
}

/// Stages inputs and works out what to start.
pub(super) fn prepare(
    task: &TaskMessage,
    attempt: u32,
    paths: &Paths,
    run_dir: &Path,
    path_variable: &str,
    leftover_grace: Duration,
    granted: &Granted,
) -> Result<Prepared, Failure> {
    let (workspace, guests) = match &task.project {
        None => {
            stage(&task.files, run_dir, &paths.workspace, &task.constraints)
                .map_err(|error| stage_failure(&error))?;
            (paths.workspace.clone(), Guests::default())
        }
        Some(root) => {
            let root = project(root)?;
            let guests = Guests::invite(
                &task.files,
                run_dir,
                &paths.workspace,
                &root,
                &task.constraints,
            );
            (root, guests.map_err(|error| stage_failure(&error))?)
        }
    };
    let cwd = working_dir(task, &workspace)?;
    possible(task)?;
    let (home, output) = (&paths.home, &paths.output);
    let env = environment::build(task, attempt, path_variable, home, output, granted);
    let program = match task.argv.first() {
        Some(name) if !name.is_empty() => resolve(name, &env, &cwd)?,
        _ => return Err(unnamed()),
    };
    // Once the payload ran, only what it cannot replace is followed to its files.
    let workspace = match &task.project {
        Some(_) => fs_err::canonicalize(&workspace).unwrap_or(workspace),
        None => workspace,
    };
    let argv = task.argv.iter().map(OsString::from).collect();
    let spawn = Spawn {
        program,
        argv,
        env: env.into_iter().collect(),
        cwd,
        leftover_grace,
        limits: task.constraints.limits,
    };
    Ok(Prepared {
        spawn,
        confinement: Confinement::of(&task.constraints, &paths.root),
        workspace,
        guests,
    })
}

/// The project's root, which must be a directory of this host.
fn project(root: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(root);
    let found = path.is_absolute() && path.is_dir();
    let missing = || {
        let message = format!("the project `{root}` is not a directory here");
        Failure::new(FailureClass::InputMissing, message)
    };
    found.then_some(path).ok_or_else(missing)
}

/// What an attempt would start, as far as that can be told before it has a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// This file.
    Found(PathBuf),
    /// A file that the workspace will have, or not.
    InWorkspace,
}

/// Looks an attempt's program up without starting anything, as [`prepare`] will.
///
/// # Errors
/// The attempt would fail before it starts.
pub fn foresee(task: &TaskMessage, path_variable: &str) -> Result<Program, Failure> {
    if let Some(inner) = task.working_dir.as_deref()
        && relative(inner).is_none()
    {
        return Err(leaves_the_workspace(inner));
    }
    possible(task)?;
    let nowhere = Path::new("/");
    let none = Granted::default();
    let env = environment::build(task, 1, path_variable, nowhere, nowhere, &none);
    match task.argv.first().map(String::as_str) {
        None | Some("") => Err(unnamed()),
        Some(name) if !name.contains('/') => resolve(name, &env, nowhere).map(Program::Found),
        Some(name) if name.starts_with('/') || task.project.is_some() => {
            let root = task.project.as_deref().unwrap_or("/");
            let inner = task.working_dir.as_deref().unwrap_or_default();
            let file = Path::new(root).join(inner).join(name);
            match rustix::fs::access(&file, Access::EXEC_OK) {
                Ok(()) if file.is_file() => Ok(Program::Found(file)),
                _ => {
                    let message = format!("`{}` is no program", file.display());
                    Err(Failure::new(FailureClass::ToolNotFound, message))
                }
            }
        }
        Some(_) => Ok(Program::InWorkspace),
    }
}

fn possible(task: &TaskMessage) -> Result<(), Failure> {
    let Some(name) = environment::impossible(&task.env) else {
        return Ok(());
    };
    let message = format!("`{name}` cannot be in an environment");
    Err(Failure::new(FailureClass::ToolFailed, message))
}

fn unnamed() -> Failure {
    Failure::new(FailureClass::ToolNotFound, "no program is named")
}

fn leaves_the_workspace(inner: &str) -> Failure {
    let message = format!("working_dir `{inner}` leaves the workspace");
    Failure::new(FailureClass::InputMissing, message)
}

fn working_dir(task: &TaskMessage, workspace: &Path) -> Result<PathBuf, Failure> {
    let Some(inner) = &task.working_dir else {
        return Ok(workspace.to_owned());
    };
    let Some(inner) = relative(inner) else {
        return Err(leaves_the_workspace(inner));
    };
    let cwd = workspace.join(inner);
    if task.project.is_some() {
        // Nothing is made in a project that the task does not make itself.
        return match cwd.is_dir() {
            true => Ok(cwd),
            false => {
                let message = format!("working_dir `{}` is not in the project", cwd.display());
                Err(Failure::new(FailureClass::InputMissing, message))
            }
        };
    }
    fs_err::create_dir_all(&cwd).map_err(|error| storage_failure("working_dir", &error))?;
    Ok(cwd)
}

/// The file to execute: as named when it has a slash (relative to the working directory), else
/// the first executable on the attempt's own `PATH`, where empty entries mean nothing.
fn resolve(name: &str, env: &BTreeMap<OsString, OsString>, cwd: &Path) -> Result<PathBuf, Failure> {
    if name.contains('/') {
        return Ok(cwd.join(name));
    }
    let search = env
        .get(OsStr::new("PATH"))
        .map(OsString::as_os_str)
        .unwrap_or_default();
    let mut blocked = None;
    for dir in std::env::split_paths(search).filter(|dir| dir.is_absolute()) {
        let candidate = dir.join(name);
        match rustix::fs::access(&candidate, Access::EXEC_OK) {
            Ok(()) if candidate.is_file() => return Ok(candidate),
            Err(rustix::io::Errno::ACCESS) if candidate.is_file() => blocked = Some(candidate),
            _ => {}
        }
    }
    let message = match blocked {
        Some(file) => format!("`{}` is not executable", file.display()),
        None => format!("`{name}` is not on PATH ({})", search.display()),
    };
    Err(Failure::new(FailureClass::ToolNotFound, message))
}

pub(super) fn stage_failure(error: &StageError) -> Failure {
    match error {
        StageError::Outside(_)
        | StageError::Missing { .. }
        | StageError::Astray(_)
        | StageError::Occupied(_)
        | StageError::Protected(_)
        | StageError::TooMany(_) => Failure::new(FailureClass::InputMissing, error.to_string()),
        StageError::Corrupt { .. } => {
            Failure::new(FailureClass::ArtifactCorrupt, error.to_string())
        }
        StageError::Write { source, .. } => storage_failure("inputs", source),
    }
}

/// A full disk is a limit; anything else that keeps us from writing is our own fault.
pub(super) fn storage_failure(what: &str, error: &io::Error) -> Failure {
    let message = format!("{what} cannot be stored: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::at_bound(FailureClass::LimitExceeded, Bound::Disk, message)
        }
        _ => Failure::new(FailureClass::Internal, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(search: &str) -> BTreeMap<OsString, OsString> {
        BTreeMap::from([("PATH".into(), search.into())])
    }

    #[test]
    fn programs_are_found_on_the_attempts_own_path() {
        let dir = tempfile::tempdir().unwrap();
        let found = resolve("sh", &path("/nowhere:/bin"), dir.path()).unwrap();
        assert_eq!(found, Path::new("/bin/sh"));
        assert_eq!(
            resolve("./x", &path(""), Path::new("/w")).unwrap(),
            Path::new("/w/./x")
        );
        assert_eq!(
            resolve("/x", &path(""), Path::new("/w")).unwrap(),
            Path::new("/x")
        );
    }

    #[test]
    fn neither_empty_entries_nor_directories_are_programs() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("sh")).unwrap();
        fs_err::write(dir.path().join("data"), "").unwrap();
        let search = format!(":.:{}", dir.path().display());
        let failure = resolve("sh", &path(&search), dir.path()).unwrap_err();
        assert_eq!(failure.class, FailureClass::ToolNotFound);
        assert!(resolve("data", &path(&search), dir.path()).is_err());
    }

    fn message(argv: &[&str]) -> TaskMessage {
        serde_json::from_value(serde_json::json!({
            "version": 1, "coordinator": "c-1", "run_id": "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a",
            "task_id": "a", "lease": "1-1", "argv": argv,
            "retry": protocol::policy::RetryPolicy::default(),
            "constraints": protocol::policy::Constraints::unconfined(), "traceparent": "",
        }))
        .unwrap()
    }

    #[test]
    fn programs_are_foreseen_where_they_would_be_found() {
        let look = |argv: &[&str]| foresee(&message(argv), "/bin");
        let sh = Program::Found("/bin/sh".into());
        assert_eq!(look(&["sh", "-c", "x"]).unwrap(), sh);
        assert_eq!(look(&["/bin/sh"]).unwrap(), sh);
        assert_eq!(look(&["./tool"]).unwrap(), Program::InWorkspace);
        for missing in [&["no-such-program"][..], &["/bin"], &["/nowhere/x"], &[]] {
            assert_eq!(look(missing).unwrap_err().class, FailureClass::ToolNotFound);
        }
        let mut outside = message(&["sh"]);
        outside.working_dir = Some("../x".into());
        let failure = foresee(&outside, "/bin").unwrap_err();
        assert_eq!(failure.class, FailureClass::InputMissing);
    }
}
