//! What a verification finds, as data.

use std::fmt;

use protocol::ids::RunId;

use crate::report::Opener;

/// Problems kept one by one; the rest is only counted.
pub const MAX_PROBLEMS: usize = 1000;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in output and for machines.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// There is no journal, or it cannot be read or understood.
    JournalUnreadable = "journal-unreadable";
    /// A line was changed, inserted or removed before the last event.
    JournalChanged = "journal-changed";
    /// Something stands behind the end of a finished run.
    JournalAfterEnd = "journal-after-end";
    /// The run is finished and not sealed.
    SealMissing = "seal-missing";
    /// The seal cannot be read, or its signature is wrong.
    SealInvalid = "seal-invalid";
    /// The seal is by a key that is not trusted.
    SealUnknownKey = "seal-unknown-key";
    /// The seal closes another journal than this: events were removed, or all computed anew.
    SealMismatch = "seal-mismatch";
    /// The signature of the run's opening is of something else.
    OpeningMismatch = "opening-mismatch";
    /// The run was opened with a key that is not trusted.
    OpeningUnknownKey = "opening-unknown-key";
    /// Record, plan, scenario or policy is not what the run began with.
    FileChanged = "file-changed";
    /// Plan, scenario, policy, manifest or report is gone.
    FileMissing = "file-missing";
    /// An artifact has other content.
    ArtifactChanged = "artifact-changed";
    /// An artifact is gone.
    ArtifactMissing = "artifact-missing";
    /// Something is among the artifacts that no task sealed.
    ArtifactExtra = "artifact-extra";
    /// The manifest does not list what the journal does.
    ManifestChanged = "manifest-changed";
    /// A log has other content.
    LogChanged = "log-changed";
    /// A log is gone or short.
    LogLost = "log-lost";
    /// Something is among the logs that no attempt wrote.
    LogExtra = "log-extra";
    /// What a model was asked or answered has other content.
    CallChanged = "call-changed";
    /// What a model was asked and answered is gone.
    CallMissing = "call-missing";
    /// A report is not what the journal renders to.
    ReportChanged = "report-changed";
}

impl Code {
    /// Whether a power cut explains it as well as a person: logs are not synced.
    #[must_use]
    pub const fn may_be_power_cut(self) -> bool {
        matches!(self, Self::LogLost)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is not as the run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// Which file, beneath the run directory, `/`-separated.
    pub path: String,
    /// What should be there, a fragment.
    pub expected: String,
    /// What is there, a fragment.
    pub found: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            path,
            expected,
            found,
        } = self;
        write!(f, "{code} {path}: expected {expected}, found {found}")?;
        if code.may_be_power_cut() {
            f.write_str(" (logs are not synced: a power cut may have taken it)")?;
        }
        Ok(())
    }
}

/// What was checked and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The run, when its journal begins as one.
    pub run_id: Option<RunId>,
    /// Whether the journal ends with `run.finished`.
    pub finished: bool,
    /// Whether a trusted key's seal closes this journal.
    pub sealed: bool,
    /// Who opened it, once its plan was approved.
    pub opener: Option<Opener>,
    /// Whether nothing of the run was ever started, so that there is nothing to verify.
    pub never_began: bool,
    /// Good events read.
    pub events: u64,
    /// Artifact files with the right content.
    pub artifacts: u64,
    /// Logs with the right content.
    pub logs: u64,
    /// The first [`MAX_PROBLEMS`] problems.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more_problems: u64,
    /// What a reader should know and that is no problem, whole sentences.
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether everything is as the run left it, and sealed by somebody who is trusted if sealed.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty() && !self.never_began
    }

    /// Whether everything is as the run left it, but signed by a key that is not trusted.
    #[must_use]
    pub fn is_only_untrusted(&self) -> bool {
        let unknown = |problem: &Problem| {
            matches!(problem.code, Code::SealUnknownKey | Code::OpeningUnknownKey)
        };
        !self.problems.is_empty() && self.problems.iter().all(unknown)
    }

    pub(super) fn problem(
        &mut self,
        code: Code,
        path: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        if self.problems.len() == MAX_PROBLEMS {
            self.more_problems += 1;
            return;
        }
        let (path, expected, found) = (path.into(), expected.into(), found.into());
        self.problems.push(Problem {
            code,
            path,
            expected,
            found,
        });
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}
