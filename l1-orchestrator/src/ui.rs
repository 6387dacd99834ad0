//! The only place that prints: stdout is data, stderr is for eyes, each decided on its own.
//!
//! A reader that went away is not an error worth a word; text that tasks wrote is made harmless
//! before it gets near a terminal. What to say is decided elsewhere.

mod eyes;
mod pager;
mod screen;
mod width;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use anstyle::{AnsiColor, Style};

pub use eyes::Panel;
use eyes::{Eyes, Weight};
use pager::Pager;
#[cfg(test)]
pub use screen::Screen;
pub use screen::Size;
pub use width::width;

/// Streams and facts of the process that calls [`crate::run`].
pub struct Io {
    /// Data.
    pub stdout: Box<dyn Write + Send>,
    /// For eyes.
    pub stderr: Box<dyn Write + Send>,
    /// Whether `stdout` is a terminal.
    pub stdout_terminal: bool,
    /// Whether `stderr` is a terminal.
    pub stderr_terminal: bool,
}

impl Io {
    /// The process's own streams.
    #[must_use]
    pub fn process() -> Self {
        Self {
            stdout_terminal: io::stdout().is_terminal(),
            stderr_terminal: io::stderr().is_terminal(),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
        }
    }
}

/// When to color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the environment says about terminals, read once by the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColorFacts {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` or `FORCE_COLOR` asks for color.
    pub forced: bool,
    /// `TERM=dumb`.
    pub dumb: bool,
    /// `CI` is set: what is printed is kept, and read later line by line.
    pub kept: bool,
}

impl ColorChoice {
    fn decide(self, facts: ColorFacts, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if facts.no_color => false,
            Self::Auto => facts.forced || (terminal && !facts.dumb),
        }
    }
}

/// What a piece of text is, for color. The word itself always says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// Of less interest.
    Dim,
    /// Of more interest.
    Strong,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// Colors text or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    on: bool,
}

impl Painter {
    /// Never colors.
    #[cfg(test)]
    pub const PLAIN: Self = Self { on: false };

    /// The text in its tone.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }
}

/// The reader of stdout has gone away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Both streams, shared by everything that prints during one invocation.
pub struct Ui {
    out: Mutex<Box<dyn Write + Send>>,
    pager: Mutex<Option<Pager>>,
    err: Eyes,
    out_painter: Painter,
    err_painter: Painter,
    /// Whether stdout is a terminal.
    pub stdout_terminal: bool,
    /// Whether stderr is a terminal on which something can be drawn twice.
    can_redraw: bool,
    kept: bool,
    /// Whether stdout is a terminal of which text can be held back.
    can_page: bool,
    quiet: bool,
    /// Why data did not get out, other than that its reader had enough.
    lost: Mutex<Option<io::Error>>,
}

impl Ui {
    /// Takes the streams over.
    #[must_use]
    pub fn new(io: Io, color: ColorChoice, facts: ColorFacts, quiet: bool) -> Self {
        let painter = |terminal| Painter {
            on: color.decide(facts, terminal),
        };
        Self {
            out_painter: painter(io.stdout_terminal),
            err_painter: painter(io.stderr_terminal),
            stdout_terminal: io.stdout_terminal,
            kept: facts.kept,
            can_redraw: io.stderr_terminal && !facts.dumb,
            out: Mutex::new(io.stdout),
            pager: Mutex::new(None),
            can_page: io.stdout_terminal && !facts.dumb,
            err: Eyes::new(io.stderr),
            quiet,
            lost: Mutex::new(None),
        }
    }

    /// Colors for stdout.
    #[must_use]
    pub const fn out_painter(&self) -> Painter {
        self.out_painter
    }

    /// Colors for stderr.
    #[must_use]
    pub const fn err_painter(&self) -> Painter {
        self.err_painter
    }

    /// From here on data goes through a pager, where that makes sense. Ends with [`Self::end_paging`].
    pub fn page(&self) {
        if !self.can_page {
            return;
        }
        if let Some((pager, stdin)) = Pager::start() {
            *lock(&self.out) = Box::new(stdin);
            *lock(&self.pager) = Some(pager);
        }
    }

    /// Waits until whoever reads the pager has had enough.
    pub fn end_paging(&self) {
        if let Some(pager) = lock(&self.pager).take() {
            *lock(&self.out) = Box::new(io::stdout());
            pager.wait();
        }
    }

    /// Writes data to stdout and flushes it.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn data(&self, text: &str) -> Result<(), Gone> {
        self.data_bytes(text.as_bytes())
    }

    /// Writes bytes to stdout and flushes them.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn data_bytes(&self, bytes: &[u8]) -> Result<(), Gone> {
        let mut out = lock(&self.out);
        let written = out.write_all(bytes).and_then(|()| out.flush());
        written.map_err(|error| {
            // A reader that had enough is no failure; a full disk behind a redirect is one.
            if error.kind() != io::ErrorKind::BrokenPipe {
                lock(&self.lost).get_or_insert(error);
            }
            Gone
        })
    }

    /// Why data did not reach stdout, if that was not its reader's wish. Told once.
    #[must_use]
    pub fn take_lost(&self) -> Option<io::Error> {
        lock(&self.lost).take()
    }

    /// Whether only errors and the last line are wanted.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a panel can be drawn on stderr.
    #[must_use]
    pub const fn can_redraw(&self) -> bool {
        self.can_redraw
    }

    /// Whether what is printed is kept, and read later line by line.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.kept
    }

    /// One line for eyes, dropped by `--quiet`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            self.err.line(line, Weight::Note);
        }
    }

    /// The same from a thread that may wait a moment where there is no room for more: it makes too many.
    pub fn note_patiently(&self, line: &str) {
        if !self.quiet {
            self.err.line(line, Weight::Patient);
        }
    }

    /// One line for eyes, `--quiet` or not. A stderr that cannot be written has nobody to tell.
    pub fn say(&self, line: &str) {
        self.err.line(line, Weight::Last);
    }

    /// From here on lines for eyes are queued: a terminal that takes no more holds up nobody but the
    /// thread that writes. Beneath them is a panel, if there is one. Ends with [`Self::settle`].
    ///
    /// # Errors
    /// The system has no room for a thread; then lines are written as before.
    pub fn go_live(&self, panel: Option<Panel>) -> io::Result<()> {
        self.err.go_live(panel, Size::of_stderr)?;
        // What a panic prints comes past us: the panel makes room for it.
        static HOOKED: Once = Once::new();
        let eyes = self.err.clone();
        HOOKED.call_once(move || {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                eyes.step_aside();
                before(panic);
            }));
        });
        Ok(())
    }

    /// Takes the panel away; lines go on.
    pub fn hide_panel(&self) {
        self.err.hide();
    }

    /// What erases the panel that is on the terminal, if one is, for last words past the printer.
    #[must_use]
    pub fn erasing(&self) -> &'static str {
        if self.err.is_painted() {
            screen::ERASE
        } else {
            ""
        }
    }

    /// Waits until everything for eyes was written, however long its reader takes, unless it is given
    /// up. Afterwards lines are written at once again.
    pub fn settle(&self, give_up: impl Fn() -> bool) {
        self.err.settle(&give_up);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A writer that panicked left at worst half a line.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Text of unknown origin with everything escaped that could move a cursor or turn the reading
/// direction; line breaks and tabs stay.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || turns_direction(c));
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmless(c) {
            clean.push(c);
        } else if c.is_ascii() {
            write!(clean, "\\x{:02x}", u32::from(c)).expect("writing into a string");
        } else {
            write!(clean, "\\u{{{:x}}}", u32::from(c)).expect("writing into a string");
        }
    }
    Cow::Owned(clean)
}

const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_decided_by_flag_then_environment_then_terminal() {
        let facts = ColorFacts::default();
        let no = ColorFacts {
            no_color: true,
            forced: true,
            ..facts
        };
        let forced = ColorFacts {
            forced: true,
            ..facts
        };
        let dumb = ColorFacts {
            dumb: true,
            ..facts
        };
        assert!(ColorChoice::Always.decide(no, false));
        assert!(!ColorChoice::Never.decide(forced, true));
        assert!(!ColorChoice::Auto.decide(no, true));
        assert!(ColorChoice::Auto.decide(forced, false));
        assert!(ColorChoice::Auto.decide(facts, true));
        assert!(!ColorChoice::Auto.decide(facts, false));
        assert!(!ColorChoice::Auto.decide(dumb, true));
    }

    #[test]
    fn escapes_of_tasks_are_shown_not_obeyed() {
        assert_eq!(sanitize("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(sanitize("\u{1b}[2J\rx\u{7f}"), "\\x1b[2J\\x0dx\\x7f");
        assert_eq!(sanitize("\u{9b}31m\u{202e}"), "\\u{9b}31m\\u{202e}");
    }
}
