//! Long text on a terminal goes through a pager: `$PAGER`, else `less -FRX`, which steps aside when the
//! text fits. Without one, or with one that does not start, text is printed as it is.

use std::env;
use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Quits when the text fits, shows our colors, leaves the text on the screen.
const USUAL: [&str; 2] = ["less", "-FRX"];

/// A running pager.
pub(super) struct Pager {
    child: Child,
    /// Ctrl-C is the pager's while it runs: it stops a search, it does not end us.
    _interrupt: (Signal, Runtime),
}

impl Pager {
    /// Starts what the environment names; none if that is nothing, or does not start.
    pub(super) fn start() -> Option<(Self, ChildStdin)> {
        let mut command = match env::var("PAGER") {
            Ok(named) if named.trim().is_empty() || named.trim() == "cat" => return None,
            // A command line, as everywhere.
            Ok(named) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &named]);
                shell
            }
            Err(_) => {
                let mut less = Command::new(USUAL[0]);
                less.arg(USUAL[1]);
                less
            }
        };
        let interrupt = ignore_interrupts().ok()?;
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let stdin = child.stdin.take()?;
        let pager = Self {
            child,
            _interrupt: interrupt,
        };
        Some((pager, stdin))
    }

    /// Waits until its reader has had enough; its input is closed by now.
    pub(super) fn wait(mut self) {
        // How it ended is its own business.
        let _ended = self.child.wait();
    }
}

/// Takes Ctrl-C over, and does nothing about it.
fn ignore_interrupts() -> io::Result<(Signal, Runtime)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let within = runtime.enter();
    let interrupt = signal(SignalKind::interrupt())?;
    drop(within);
    Ok((interrupt, runtime))
}
