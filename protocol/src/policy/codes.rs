//! Every code a finding can have: what it means, what to do, how much it weighs, and whether a person
//! can grant what it is about by approving a digest. One table, published in the documentation.

use crate::ids::TaskId;

use super::finding::{Finding, FindingSeverity};
use super::rule::Mode;

/// What a finding is about, which decides what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// What the sandbox encloses: always refused.
    Containment,
    /// How things are done: told, and refused with `mode: enforce`.
    Governance,
    /// Worth a look whatever the mode is.
    Notice,
    /// Good to know.
    Remark,
}

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct FindingCode {
    /// Stable id, kebab-case.
    pub code: &'static str,
    /// What it is about.
    pub kind: FindingKind,
    /// Whether an approval by digest grants it.
    pub grantable: bool,
    /// What it means, a sentence.
    pub about: &'static str,
    /// What to do, a sentence.
    pub remedy: &'static str,
}

impl FindingCode {
    /// How much such a finding weighs in this mode.
    #[must_use]
    pub const fn severity(&self, mode: Mode) -> FindingSeverity {
        match (self.kind, mode) {
            (FindingKind::Containment, _) | (FindingKind::Governance, Mode::Enforce) => {
                FindingSeverity::Refused
            }
            (FindingKind::Governance | FindingKind::Notice, _) => FindingSeverity::Warning,
            (FindingKind::Remark, _) => FindingSeverity::Info,
        }
    }

    /// A finding that weighs what it does where nothing is enforced.
    pub(super) fn finding(&self, message: impl Into<String>, task: Option<&TaskId>) -> Finding {
        self.in_mode(Mode::Warn, message, task)
    }

    /// A finding that weighs what it does in this mode.
    pub(super) fn in_mode(
        &self,
        mode: Mode,
        message: impl Into<String>,
        task: Option<&TaskId>,
    ) -> Finding {
        Finding {
            code: self.code.to_owned(),
            severity: self.severity(mode),
            message: message.into(),
            task: task.cloned(),
            suggested_fix: None,
        }
    }
}

/// The code of a finding, if it is one of this build.
#[must_use]
pub fn finding_code(code: &str) -> Option<&'static FindingCode> {
    FINDING_CODES.iter().copied().find(|one| one.code == code)
}

macro_rules! codes {
    ($($name:ident = $code:literal, $kind:ident $(, $grantable:ident)?: $about:literal, $remedy:literal;)*) => {
        $(pub(super) static $name: FindingCode = FindingCode {
            code: $code,
            kind: FindingKind::$kind,
            grantable: codes!(@ $($grantable)?),
            about: $about,
            remedy: $remedy,
        };)*

        /// Every code, in the order of this table.
        pub static FINDING_CODES: &[&FindingCode] = &[$(&$name,)*];
    };
    (@ grantable) => { true };
    (@) => { false };
}

codes! {
    NO_PROGRAM = "no-program", Containment:
        "A task has an empty command line.",
        "Write the program as the first word of `command`.";
    PRIVILEGED_PROGRAM = "privileged-program", Containment:
        "A program whose purpose is to gain rights: `sudo`, `su`, `doas`, `pkexec`. It cannot gain any in a sandbox.",
        "Run the command without it.";
    PROGRAM_NOT_LISTED = "program-not-listed", Governance, grantable:
        "A task starts a program that the policy does not list.",
        "Add it to `programs` of a pack of your own (`use: default`).";
    ARGUMENTS_NOT_ALLOWED = "arguments-not-allowed", Governance, grantable:
        "A task starts a listed program with arguments that its rule does not let pass.",
        "Change the arguments, or the rule in a pack of your own.";
    PROGRAM_OUTSIDE = "program-outside", Governance, grantable:
        "A task starts a program by a path that is neither one of the system's nor in its workspace.",
        "Name it without its path, or list its path in `programs`.";
    WORKSPACE_PROGRAM = "workspace-program", Governance, grantable:
        "A task starts a program that lies in its workspace, which the policy does not allow.",
        "Start it by an interpreter that is listed, or set `workspace_programs: true` in a pack.";
    UNDECLARED_PROGRAM = "undeclared-program", Governance:
        "A task starts a program that its own `effects.programs` does not name.",
        "Add it to `effects.programs`.";
    SHELL_TEXT = "shell-text", Remark:
        "A task runs a shell text of more than one plain command: only the shell was checked.",
        "None is needed; the sandbox confines whatever it starts.";
    PATH_NOT_ALLOWED = "path-not-allowed", Containment, grantable:
        "A task says that it reads or writes a path that the policy does not open.",
        "Add the path to `paths` of a pack of your own, or approve the plan by its digest.";
    FILE_OUTSIDE = "file-outside", Notice:
        "An input names a file that no task may read, and it is copied into a workspace.",
        "See whether you want this file in the hands of this task; an input of the command line is your own choice.";
    TREE_HOLDS_HOME = "tree-holds-home", Containment:
        "The scenario's tree is your home directory or above it; it is not opened, for it holds keys and tokens of everything.",
        "Move the scenario into a directory of its own, or put an `orchestra.yaml` beside it.";
    NETWORK_NOT_ALLOWED = "network-not-allowed", Containment, grantable:
        "A task says that it needs a network that the policy does not open.",
        "Choose a pack with `network: full`, or approve the plan by its digest.";
    VARIABLE_NOT_ALLOWED = "variable-not-allowed", Containment, grantable:
        "A task sets a variable that makes a loader or an interpreter run other code.",
        "Remove it, name it in `environment.allow` of a pack, or approve the plan by its digest.";
    SECRET_NOT_ALLOWED = "secret-not-allowed", Containment, grantable:
        "A task asks for a secret that the policy does not allow.",
        "Name it in `secrets.allow` of a pack, or approve the plan by its digest.";
    SECRET_UNKNOWN = "secret-unknown", Containment:
        "A task asks for a secret that the scenario does not declare.",
        "Declare it under `secrets`.";
    SECRET_SOURCE_NOT_ALLOWED = "secret-source-not-allowed", Containment, grantable:
        "A secret comes from a kind of source that the policy does not allow.",
        "Name the kind in `secrets.sources` of a pack, or approve the plan by its digest.";
    LEVEL_TOO_LOW = "level-too-low", Containment:
        "The sandbox level asked for is lower than the policy's, which does not let it be lowered.",
        "Choose a pack with `sandbox.may_lower: true`.";
    BUDGET_EXCEEDED = "budget-exceeded", Containment:
        "The plan comes to more tasks, depth, width or attempts than the policy lets a run have, or asks a model where none may be asked.",
        "Make the plan smaller, or choose a pack with a larger budget.";
    BUDGET_OPEN = "budget-open", Remark:
        "How wide a fan-out gets is known only when it expands; what exceeds the budget is refused then.",
        "None is needed.";
    TIMEOUT_CUT = "timeout-cut", Notice:
        "A task's own time limit is longer than the policy's, which holds.",
        "Shorten the task's `timeout`, or choose a pack with a longer `limits.wall` or `limits.idle`.";
    ASKS_FOR_MORE = "asks-for-more", Notice:
        "A project or a scenario asks for more than the policy has; that has no effect.",
        "Remove it, or choose a pack that has it.";
    OTHER_PACK = "other-pack", Notice:
        "A project or a scenario was written for another pack than the one in effect.",
        "Choose that pack with `--policy` if you want it.";
    DENIED_ATTEMPT = "denied-attempt", Notice:
        "A task tried something that the sandbox denied.",
        "See whether the task works without it; if it has to have it, open it in a pack.";
    AGENT_DENIED = "agent-denied", Notice:
        "An agent said that it was denied a tool it wanted to use. It may have gone on without.",
        "See whether its result is whole; if it has to have the tool, allow it in the agent's own flags.";
    PROMPT_MARKER = "prompt-marker", Notice:
        "A text that a model or an agent reads or wrote holds words that address it, as hidden instructions do.",
        "Look at the text; what is in it grants nothing, and changes no outcome by itself.";
    CONTEXT_CUT = "context-cut", Notice:
        "What the `context` of a prompt names did not fit its token budget, or is no text: a part was left out.",
        "Raise `context_tokens`, or name less in `context`.";
    UNUSED_GRANT = "unused-grant", Remark:
        "A task was granted something that it was not seen to use.",
        "Remove it from the task's `effects`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_explained() {
        let mut codes: Vec<_> = FINDING_CODES.iter().map(|one| one.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), FINDING_CODES.len());
        for one in FINDING_CODES {
            assert!(
                one.about.ends_with('.') && one.remedy.ends_with('.'),
                "{}",
                one.code
            );
            assert!(
                one.code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                one.code
            );
            assert!(std::ptr::eq(finding_code(one.code).unwrap(), *one));
            let refuses = one.severity(Mode::Enforce) == FindingSeverity::Refused;
            assert!(refuses || !one.grantable, "{}: nothing to grant", one.code);
        }
        assert!(finding_code("x").is_none());
    }

    #[test]
    fn only_governance_depends_on_the_mode() {
        for one in FINDING_CODES {
            let same = one.severity(Mode::Warn) == one.severity(Mode::Enforce);
            assert_eq!(same, one.kind != FindingKind::Governance, "{}", one.code);
        }
    }
}
