//! A checked task. Most tasks of a big plan are an id and one line, so everything else sits behind
//! one pointer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::expr::{Condition, Target, Template};
use crate::ids::TaskId;
use crate::policy::{Effects, RetryPolicy, Timeout};

use super::expansion::{FanOut, Uses};
use super::prompt::{ContextRef, Prompt};
use super::types::{OutputType, Workspace};

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A shell text, never a template.
    Run(Box<str>),
    /// An argument list; the program is a literal.
    Command(Box<[Template]>),
    /// A question to a model.
    Prompt(Box<Prompt>),
    /// The tasks of a nested scenario.
    Uses(Box<Uses>),
}

impl Action {
    /// The key that a task of this kind carries.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Command(_) => "command",
            Self::Prompt(_) => "prompt",
            Self::Uses(_) => "uses",
        }
    }
}

/// Where a staged file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// An artifact of a task before this one.
    Artifact {
        /// The task.
        task: TaskId,
        /// Its artifact.
        name: Box<str>,
    },
    /// The file or directory that an input of type `path` names.
    Input {
        /// The input.
        name: Box<str>,
    },
}

impl FileSource {
    /// The source a `files` value names, if it is one.
    pub(super) fn of(template: &Template) -> Option<Self> {
        match template.whole_reference()?.target {
            Target::Artifact {
                task,
                name,
                field: crate::expr::ArtifactField::Whole,
            } => Some(Self::Artifact {
                task: task.parse().ok()?,
                name: name.into(),
            }),
            Target::Input { name } => Some(Self::Input { name: name.into() }),
            _ => None,
        }
    }
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifact { task, name } => write!(f, "${{{{ tasks.{task}.artifacts.{name} }}}}"),
            Self::Input { name } => write!(f, "${{{{ inputs.{name} }}}}"),
        }
    }
}

/// What a task may have beyond its id and its action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) description: Option<Box<str>>,
    pub(super) parent_id: Option<TaskId>,
    pub(super) shell: Option<Box<str>>,
    pub(super) condition: Option<Condition>,
    pub(super) env: BTreeMap<String, Template>,
    pub(super) secrets: Box<[String]>,
    pub(super) effects: Option<Box<Effects>>,
    pub(super) outputs: BTreeMap<String, OutputType>,
    pub(super) artifacts: BTreeMap<String, String>,
    pub(super) files: BTreeMap<String, FileSource>,
    pub(super) timeout: Timeout,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) fan_out: Option<FanOut>,
    pub(super) item_name: Option<Box<str>>,
    pub(super) refers: Box<[TaskId]>,
    pub(super) priority: Option<i32>,
    pub(super) crash_limit: Option<u32>,
    pub(super) max_parallel: Option<u32>,
    pub(super) continue_on_error: bool,
    pub(super) working_dir: Option<Box<str>>,
    pub(super) workspace: Workspace,
}

static NOTHING: LazyLock<Extra> = LazyLock::new(Extra::default);
static ONCE: LazyLock<RetryPolicy> = LazyLock::new(RetryPolicy::default);

/// A task of a [`super::Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanTask {
    pub(super) id: TaskId,
    pub(super) action: Action,
    pub(super) extra: Option<Box<Extra>>,
}

impl PlanTask {
    fn extra(&self) -> &Extra {
        self.extra.as_deref().unwrap_or(&NOTHING)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// What it is for, where it says so.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.extra().description.as_deref()
    }

    /// The task it was expanded from.
    #[must_use]
    pub fn parent_id(&self) -> Option<&TaskId> {
        self.extra().parent_id.as_ref()
    }

    /// What it does.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// What it asks a model, if that is what it does.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        match &self.action {
            Action::Prompt(prompt) => Some(prompt),
            Action::Run(_) | Action::Command(_) | Action::Uses(_) => None,
        }
    }

    /// The shell of a `run` text, called as `SHELL -c TEXT`; `sh` unless said otherwise.
    #[must_use]
    pub fn shell(&self) -> &str {
        self.extra().shell.as_deref().unwrap_or(Self::DEFAULT_SHELL)
    }

    /// The condition.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        self.extra().condition.as_ref()
    }

    /// Its own environment; [`super::Plan::env`] comes first.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, Template> {
        &self.extra().env
    }

    /// Names of the secrets it is granted, sorted; of a task with `uses`, what the nested scenario may use.
    /// [`super::Plan::secrets`] of the outermost plan says where each comes from.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.extra().secrets
    }

    /// What it touches, where it says so: narrows what the policy grants.
    #[must_use]
    pub fn effects(&self) -> Option<&Effects> {
        self.extra().effects.as_deref()
    }

    /// Declared outputs.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, OutputType> {
        &self.extra().outputs
    }

    /// Declared artifacts: name to path in the workspace; a final `/` means a directory.
    #[must_use]
    pub fn artifacts(&self) -> &BTreeMap<String, String> {
        &self.extra().artifacts
    }

    /// Staged files: path in the workspace to source.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, FileSource> {
        &self.extra().files
    }

    /// Names of the inputs whose files or directories it is given: staged for its program, or shown to the
    /// model that it asks.
    pub fn inputs_given(&self) -> impl Iterator<Item = &str> {
        let staged = self.files().values().filter_map(|source| match source {
            FileSource::Input { name } => Some(&**name),
            FileSource::Artifact { .. } => None,
        });
        let seen = self.prompt().map_or(&[][..], |prompt| &prompt.context);
        staged.chain(seen.iter().filter_map(ContextRef::file))
    }

    /// Time limits of one attempt.
    #[must_use]
    pub fn timeout(&self) -> Timeout {
        self.extra().timeout
    }

    /// Repetition; without `retry`, no extra attempt.
    #[must_use]
    pub fn retry(&self) -> &RetryPolicy {
        self.own_retry().unwrap_or(&ONCE)
    }

    /// Repetition, where the task says something.
    #[must_use]
    pub fn own_retry(&self) -> Option<&RetryPolicy> {
        self.extra().retry.as_ref()
    }

    /// What it is repeated over.
    #[must_use]
    pub fn fan_out(&self) -> Option<&FanOut> {
        self.extra().fan_out.as_ref()
    }

    /// What expressions call the item beside `item`, where the task says something.
    #[must_use]
    pub fn item_name(&self) -> Option<&str> {
        self.extra().item_name.as_deref()
    }

    /// Whether it expands into children instead of running itself.
    #[must_use]
    pub fn expands(&self) -> bool {
        self.fan_out().is_some() || matches!(self.action, Action::Uses(_))
    }

    /// Tasks it has something to do with: context, not order.
    #[must_use]
    pub fn refers(&self) -> &[TaskId] {
        &self.extra().refers
    }

    /// Order among the ready, higher first; 0 unless said otherwise.
    #[must_use]
    pub fn priority(&self) -> Option<i32> {
        self.extra().priority
    }

    /// Workers that may die under it, where it says something.
    #[must_use]
    pub fn crash_limit(&self) -> Option<u32> {
        self.extra().crash_limit
    }

    /// Its children at once, where it says something.
    #[must_use]
    pub fn max_parallel(&self) -> Option<u32> {
        self.extra().max_parallel
    }

    /// Whether its failure is tolerated.
    #[must_use]
    pub fn continue_on_error(&self) -> bool {
        self.extra().continue_on_error
    }

    /// Directory in the workspace to start in.
    #[must_use]
    pub fn working_dir(&self) -> Option<&str> {
        self.extra().working_dir.as_deref()
    }

    /// Where it runs.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        self.extra().workspace
    }

    /// The shell of `run` texts that name none.
    pub const DEFAULT_SHELL: &'static str = "sh";
}
