//! Which attempts, and which of their streams, somebody asked for.

use protocol::ids::TaskId;
use protocol::nearest::nearest;
use protocol::plan::Plan;
use protocol::run_dir;

use crate::cli::args::Logs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::report::{RunSummary, TaskSummary};
use crate::runs::RunEntry;

/// One of the two streams of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

impl Stream {
    pub(super) const BOTH: [Self; 2] = [Self::Out, Self::Err];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }

    /// Its file in the run directory.
    pub(super) fn path(self, task: &TaskId, attempt: u32) -> String {
        match self {
            Self::Out => run_dir::stdout_log(task, attempt),
            Self::Err => run_dir::stderr_log(task, attempt),
        }
    }
}

/// What was asked for.
pub(super) struct Chosen {
    /// A task, or what it expanded into.
    pub(super) task: Option<String>,
    pub(super) attempt: Option<u32>,
    pub(super) failed: bool,
    pub(super) streams: Vec<Stream>,
}

impl Chosen {
    pub(super) fn of(args: &Logs) -> Self {
        let streams = match (args.stdout, args.stderr) {
            (true, false) => vec![Stream::Out],
            (false, true) => vec![Stream::Err],
            _ => Stream::BOTH.to_vec(),
        };
        Self {
            task: args.task.clone(),
            attempt: args.attempt,
            failed: args.failed,
            streams,
        }
    }

    /// Whether the task is the one that was named, or one of its children.
    pub(super) fn has(&self, task: &TaskId) -> bool {
        let Some(wanted) = &self.task else {
            return true;
        };
        let rest = task.as_str().strip_prefix(wanted.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
    }

    /// Whether an attempt has the number that was asked for.
    pub(super) fn has_attempt(&self, number: u32) -> bool {
        self.attempt.is_none_or(|wanted| wanted == number)
    }

    /// Checks that the run has such a task, and such an attempt.
    ///
    /// # Errors
    /// It has not.
    pub(super) fn check(
        &self,
        context: &Context,
        entry: &RunEntry,
        summary: &RunSummary,
        plan: Option<&Plan>,
    ) -> Result<(), CliError> {
        let tasks = || summary.tasks.iter().filter(|task| self.has(&task.id));
        if let Some(wanted) = &self.task
            && tasks().next().is_none()
        {
            let written = || {
                let planned = plan.into_iter().flat_map(Plan::tasks);
                planned.map(|(_, task)| task.id().as_str())
            };
            // What a task expands into is not in the plan.
            let root = wanted.split(['[', '/']).next().unwrap_or(wanted);
            let expands = root != wanted && summary.ending.is_none();
            if !written().any(|id| id == wanted || (expands && id == root)) {
                let heard = summary.tasks.iter().map(|task| task.id.as_str());
                return Err(unknown_task(context, entry, wanted, written().chain(heard)));
            }
        }
        match self.attempt {
            Some(number) if summary.ending.is_some() || number == 0 => {
                known_attempt(number, tasks())
            }
            _ => Ok(()),
        }
    }
}

fn unknown_task<'a>(
    context: &Context,
    entry: &RunEntry,
    wanted: &str,
    known: impl Iterator<Item = &'a str>,
) -> CliError {
    let message = format!("the run has no task `{wanted}`");
    let hint = match nearest(wanted, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let show = context.reference(entry).command("show", "");
            format!("`{show}` names the tasks")
        }
    };
    CliError::usage("unknown-task", message).hint(hint)
}

fn known_attempt<'a>(
    number: u32,
    tasks: impl Iterator<Item = &'a TaskSummary>,
) -> Result<(), CliError> {
    let most = tasks.map(|task| task.attempts.len()).max().unwrap_or(0);
    if number as usize <= most && number > 0 {
        return Ok(());
    }
    let had = match most {
        0 => "no attempt was made".into(),
        1 => "the only attempt is 1".into(),
        most => format!("attempts are 1 to {most}"),
    };
    let message = format!("there is no attempt {number}");
    Err(CliError::usage("unknown-attempt", message).hint(had))
}
