//! Lines of all chosen streams as they are written, until the run ends. Of what was written before,
//! everything comes first, in the order in which attempts began.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use protocol::event::{Event, EventKind};
use protocol::ids::TaskId;
use serde_json::json;

use super::chosen::Chosen;
use super::tail::Tail;
use crate::cli::args::Format;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::follow::{Followed, LOOK, Look};
use crate::exit_code;
use crate::report::RunSummary;
use crate::runs::{RunEntry, load_plan};
use crate::ui::{Gone, sanitize};

/// Streams that are followed, in the order in which their attempts began.
struct Tails<'a> {
    dir: &'a Path,
    chosen: &'a Chosen,
    /// With whether the attempt is over.
    open: Vec<(Tail, bool)>,
    /// Where those of a task that runs begin.
    running: HashMap<TaskId, usize>,
}

impl Tails<'_> {
    fn take(&mut self, event: &Event) {
        match &event.kind {
            EventKind::AttemptStarted { task, attempt, .. } => self.start(task, *attempt),
            EventKind::AttemptFinished { task, .. } | EventKind::LeaseLost { task, .. } => {
                let at = self.running.remove(task).unwrap_or(self.open.len());
                for (_, is_over) in self.open[at..].iter_mut().take(self.chosen.streams.len()) {
                    *is_over = true;
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, task: &TaskId, attempt: u32) {
        if !self.chosen.has(task) || !self.chosen.has_attempt(attempt) {
            return;
        }
        self.running.insert(task.clone(), self.open.len());
        for &stream in &self.chosen.streams {
            let path = self.dir.join(stream.path(task, attempt));
            let tail = Tail::new(task.clone(), attempt, stream, path);
            self.open.push((tail, false));
        }
    }

    /// Nothing more is written.
    fn end_all(&mut self) {
        for (_, is_over) in &mut self.open {
            *is_over = true;
        }
    }

    /// Prints what is new; whether there is more to be read at once.
    fn print(&mut self, context: &Context) -> Result<bool, Stopped> {
        let mut more = false;
        for (tail, is_over) in &mut self.open {
            let mut has_more = tail.read(|tail, line| print(context, tail, line))?;
            while *is_over && has_more {
                has_more = tail.read(|tail, line| print(context, tail, line))?;
            }
            if *is_over {
                tail.finish(|tail, line| print(context, tail, line))?;
            }
            more |= has_more;
        }
        self.open.retain(|(_, is_over)| !is_over);
        self.running.clear();
        for (at, (tail, _)) in self.open.iter().enumerate().rev() {
            self.running.insert(tail.task.clone(), at);
        }
        Ok(more)
    }
}

/// Why nothing more is printed.
enum Stopped {
    Gone,
    Unreadable(io::Error),
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<Stopped> for CliError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Gone => Gone.into(),
            Stopped::Unreadable(error) => {
                Self::not_ready("log-unreadable", "a log cannot be read").because(error)
            }
        }
    }
}

pub(super) fn follow(context: &Context, entry: &RunEntry, chosen: &Chosen) -> Result<u8, CliError> {
    if context.format == Format::Json {
        let message = "one object cannot be followed";
        return Err(
            CliError::usage("unfollowable", message).hint("`-o jsonl` prints one object a line")
        );
    }
    let mut followed = Followed::open(entry)?;
    let mut summary = RunSummary::default();
    let mut tails = Tails {
        dir: &entry.dir,
        chosen,
        open: Vec::new(),
        running: HashMap::new(),
    };
    let mut is_checked = false;
    loop {
        let look = followed.look(|event| {
            summary.apply(event);
            tails.take(event);
        })?;
        if !is_checked {
            chosen.check(context, entry, &summary, load_plan(&entry.dir).as_deref())?;
            is_checked = true;
        }
        if look != Look::Goes {
            tails.end_all();
        }
        let more = tails.print(context)?;
        match look {
            Look::Goes if more => {}
            Look::Goes => std::thread::sleep(LOOK),
            Look::Over => return Ok(exit_code::OK),
            Look::Left if summary.paused.is_some() => {
                context.ui.note("the run is paused");
                return Ok(exit_code::OK);
            }
            Look::Left => return Err(followed.left(context, entry, &summary)),
        }
    }
}

fn print(context: &Context, tail: &Tail, line: &[u8]) -> Result<(), Stopped> {
    let Tail { task, attempt, .. } = tail;
    if context.format == Format::Jsonl {
        let line = json!({
            "schema": "orchestra.log-line/v1",
            "task": task,
            "attempt": attempt,
            "stream": tail.stream.name(),
            "line": String::from_utf8_lossy(line),
        });
        return Ok(context.ui.data(&format!("{line}\n"))?);
    }
    let which = match attempt {
        1 => String::new(),
        later => format!(" (attempt {later})"),
    };
    let mut bytes = format!("{task}{which} | ").into_bytes();
    if context.ui.stdout_terminal {
        bytes.extend_from_slice(sanitize(&String::from_utf8_lossy(line)).as_bytes());
    } else {
        bytes.extend_from_slice(line);
    }
    bytes.push(b'\n');
    Ok(context.ui.data_bytes(&bytes)?)
}
