//! One line of the doctor's: what was looked at, how it is, and what to do.

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Runs work; something is worth a look.
    Warn,
    /// Runs do not work.
    Fail,
}

impl Level {
    /// The word that is printed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of thing, such as `disk`.
    pub group: &'static str,
    /// The thing, such as `free space`.
    pub name: &'static str,
    /// How it is.
    pub level: Level,
    /// The fact, or the cause when it is not ok.
    pub said: String,
    /// One concrete remedy.
    pub fix: Option<String>,
    /// What became of a promise, where this is one: `ok`, `degraded` or `missing`.
    pub state: Option<&'static str>,
}

impl Finding {
    /// As it should be.
    pub fn ok(group: &'static str, name: &'static str, said: impl Into<String>) -> Self {
        Self {
            group,
            name,
            level: Level::Ok,
            said: said.into(),
            fix: None,
            state: None,
        }
    }

    /// A promise, and what became of it.
    #[must_use]
    pub fn state(mut self, word: &'static str) -> Self {
        self.state = Some(word);
        self
    }

    /// Worth a look.
    #[must_use]
    pub fn warn(mut self, fix: impl Into<String>) -> Self {
        self.level = Level::Warn;
        self.fix = Some(fix.into());
        self
    }

    /// Keeps runs from working.
    #[must_use]
    pub fn fail(mut self, fix: impl Into<String>) -> Self {
        self.level = Level::Fail;
        self.fix = Some(fix.into());
        self
    }
}
