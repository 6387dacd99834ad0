//! For executors that start no process: inputs into memory, results into the run directory, an ending as
//! every attempt has one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use protocol::event::ModelEnd;
use protocol::message::{FileSource, TaskMessage};
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::Constraints;
use protocol::run_dir;
use serde_json::{Map, Value};

use super::api::AttemptResult;
use super::ending::{Ending, discreet};
use super::prepare::{stage_failure, storage_failure};
use super::verdict::seal_failure;
use crate::artifacts::{Given, seal_given};
use crate::capture::{Captured, Stream};
use crate::outputs;
use crate::secrets::Guard;
use crate::workspace::{Peeked, Room, peek};

/// Reads the beginning of every file of a source, as staging would open it; sealed ones are verified.
///
/// # Errors
/// As an attempt fails whose input cannot be staged.
pub fn peek_input(
    source: &FileSource,
    label: &str,
    run_dir: &Path,
    constraints: &Constraints,
    room: &mut Room,
) -> Result<Vec<Peeked>, Failure> {
    peek(source, label, run_dir, constraints, room).map_err(|error| stage_failure(&error))
}

/// What an attempt came to that started nothing.
#[derive(Debug)]
pub struct Produced {
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Declared outputs.
    pub outputs: Map<String, Value>,
    /// What each declared artifact holds.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its log, as of standard output.
    pub out: String,
    /// What there is to say about it, as of standard error.
    pub err: String,
    /// For its end.
    pub model: ModelEnd,
}

/// Keeps what an attempt produced, as that of a program is kept: logs, sealed artifacts, no secrets.
#[must_use]
pub fn conclude(
    task: &TaskMessage,
    number: u32,
    produced: Produced,
    run_dir: &Path,
    secrets: &Guard,
    wall: Duration,
) -> AttemptResult {
    let limit = task.constraints.output_bytes;
    let log = |path: String, text: &str| keep(&run_dir.join(path), text, limit, secrets);
    let out = log(run_dir::stdout_log(&task.task_id, number), &produced.out);
    let err = log(run_dir::stderr_log(&task.task_id, number), &produced.err);
    let ((out, out_refused), (err, err_refused)) = (out, err);
    let refused = out_refused.or(err_refused);
    let refused = refused.map(|error| storage_failure("output", &error));
    let mut failure = produced.failure.or(refused);
    let mut artifacts = Vec::new();
    let patterns = secrets.patterns();
    if failure.is_none() {
        let given = Given {
            declared: &task.artifacts,
            files: &produced.files,
            run_dir,
            task: &task.task_id,
            attempt: number,
            limits: &task.constraints,
            secrets: &patterns,
        };
        let discreet = outputs::in_values(&produced.outputs, &patterns);
        let discreet = discreet.map_err(|why| Failure::new(FailureClass::InvalidOutput, why));
        let sealed =
            discreet.and_then(|()| seal_given(&given).map_err(|error| seal_failure(&error)));
        match sealed {
            Ok(sealed) => artifacts = sealed,
            Err(found) => failure = Some(found),
        }
    }
    let succeeded = failure.is_none();
    let ending = Ending {
        failure,
        ..Ending::without_process(task.constraints.level, wall)
    };
    let mut end = ending.with_output(out, err);
    end.model = Some(Box::new(produced.model));
    discreet(&mut end, secrets);
    AttemptResult {
        end,
        outputs: match succeeded {
            true => produced.outputs,
            false => Map::new(),
        },
        artifacts,
    }
}

fn keep(
    path: &Path,
    text: &str,
    limit: u64,
    secrets: &Guard,
) -> (Captured, Option<std::io::Error>) {
    let mut stream = Stream::new(path.to_owned(), limit, secrets.filter());
    let refused = stream.take(text.as_bytes()).err();
    let (captured, last) = stream.finish(|_| ());
    (captured, refused.or(last))
}

#[cfg(test)]
mod tests {
    use protocol::policy::SandboxLevel;
    use serde_json::json;

    use super::*;

    fn task() -> TaskMessage {
        serde_json::from_value(json!({
            "version": 1, "coordinator": "c-1", "run_id": "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a",
            "task_id": "notes", "lease": "1-1", "argv": [], "artifacts": {"notes": "notes.md"},
            "retry": protocol::policy::RetryPolicy::default(),
            "constraints": Constraints::unconfined(), "traceparent": "",
        }))
        .unwrap()
    }

    fn produced(failure: Option<Failure>) -> Produced {
        Produced {
            failure,
            outputs: Map::from_iter([("n".to_owned(), json!(1))]),
            files: BTreeMap::from([("notes".to_owned(), b"new\n".to_vec())]),
            out: "new\n".into(),
            err: String::new(),
            model: ModelEnd {
                model: "m".into(),
                calls: 1,
                findings: Vec::new(),
            },
        }
    }

    fn ended(dir: &Path, failure: Option<Failure>) -> AttemptResult {
        fs_err::create_dir_all(dir.join(run_dir::LOGS)).unwrap();
        let (guard, wall) = (Guard::default(), Duration::from_millis(5));
        conclude(&task(), 2, produced(failure), dir, &guard, wall)
    }

    #[test]
    fn a_success_has_its_log_its_outputs_and_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let result = ended(dir.path(), None);
        assert_eq!(result.end.failure, None);
        assert_eq!((result.end.exit, result.end.wall_us), (None, 5000));
        assert_eq!(result.end.level, SandboxLevel::None);
        assert_eq!(result.end.out.as_ref().unwrap().bytes, 4);
        assert_eq!(result.end.err, None);
        assert_eq!(result.end.model.unwrap().calls, 1);
        assert_eq!(result.outputs["n"], json!(1));
        assert_eq!(
            result.artifacts[0].files[0].path,
            "artifacts/notes/notes.md"
        );
        let log = fs_err::read_to_string(dir.path().join("logs/notes.2.out")).unwrap();
        assert_eq!(log, "new\n");
    }

    #[test]
    fn a_failure_has_its_log_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Failure::new(FailureClass::InvalidOutput, "no answer that fits");
        let result = ended(dir.path(), Some(failure.clone()));
        assert_eq!(result.end.failure, Some(failure));
        assert_eq!(result.end.tail.as_deref(), Some("new"));
        assert!(result.outputs.is_empty() && result.artifacts.is_empty());
        assert!(!dir.path().join("artifacts").exists());
    }
}
