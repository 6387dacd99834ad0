//! What a command line says about approving, whichever verb it is.

use crate::cli::args::{Approve, Resume, Run};
use crate::cli::asked::{self, Asked};
use crate::runs::quoted;

/// What the caller said, and how it would be said again.
pub struct Approving<'a> {
    /// `--approve`.
    pub(super) approve: Option<&'a Approve>,
    /// `--yes`.
    pub(super) yes: bool,
    /// `--no-input`.
    pub(super) no_input: bool,
    again: Again<'a>,
}

enum Again<'a> {
    Run(&'a Run),
    Resume(String),
}

impl<'a> Approving<'a> {
    /// Of `run`.
    #[must_use]
    pub const fn of_run(args: &'a Run) -> Self {
        Self {
            approve: args.approve.as_ref(),
            yes: args.yes,
            no_input: args.no_input,
            again: Again::Run(args),
        }
    }

    /// Of `resume`, which is typed like this.
    #[must_use]
    pub const fn of_resume(args: &'a Resume, command: String) -> Self {
        Self {
            approve: args.approving.approve.as_ref(),
            yes: args.yes,
            no_input: args.no_input,
            again: Again::Resume(command),
        }
    }

    /// The same with what else `resume` has to say.
    #[must_use]
    pub fn by_resume(self, command: String) -> Self {
        Self {
            again: Again::Resume(command),
            ..self
        }
    }

    /// Whether the plan is in a run directory already.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.again, Again::Resume(_))
    }

    /// The command line that asks for the same again.
    pub(super) fn again(&self, asked: &Asked) -> String {
        match &self.again {
            Again::Run(args) => format!("orchestra run {}", words(args, asked)),
            Again::Resume(command) => command.clone(),
        }
    }
}

/// What to run, under which policy.
fn words(args: &Run, asked: &Asked) -> String {
    let mut words = match asked.is_saved() {
        true => quoted(&args.scenario),
        false => asked::again(&args.scenario, &asked.inputs),
    };
    if let Some(policy) = &args.policing.policy {
        words.push_str(&format!(" --policy {}", quoted(policy.as_ref())));
    }
    if let Some(level) = args.driving.sandbox {
        words.push_str(&format!(" --sandbox {level}"));
    }
    words
}
