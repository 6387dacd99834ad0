//! A terminal of a chosen size with the real binary on it, and what it shows.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::Place;

/// Polls, for as long as a loaded machine may need.
#[track_caller]
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed().as_secs() < 60, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A terminal and the program on it.
pub struct Terminal {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Shown>>,
    reading: Option<JoinHandle<()>>,
}

struct Shown {
    screen: vt100::Parser,
    /// Everything that was ever sent.
    bytes: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn pair(columns: u16, rows: u16) -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let its = ioctl_tiocgptpeer(&ours, flags).unwrap();
    tcsetwinsize(&ours, size(columns, rows)).unwrap();
    (ours, its)
}

impl Terminal {
    /// Runs this command line on a terminal of 80 columns and 24 rows.
    pub fn run(place: &Place, args: &[&str]) -> Self {
        Self::run_with(place, args, &[])
    }

    /// The same with variables.
    pub fn run_with(place: &Place, args: &[&str], env: &[(&str, &str)]) -> Self {
        let (ours, its) = pair(80, 24);
        let mut command = place.orchestra(args).unredacted();
        for (name, value) in env {
            command = command.env(name, *value);
        }
        let child = command.start_on(its);
        let shown = Arc::new(Mutex::new(Shown {
            screen: vt100::Parser::new(cells(24), cells(80), 1000),
            bytes: Vec::new(),
        }));
        let mut screen = File::from(ours.try_clone().unwrap());
        let into = Arc::clone(&shown);
        let reading = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Without a program on it, a terminal answers with an error.
            while let Ok(taken @ 1..) = screen.read(&mut chunk) {
                let mut shown = into.lock().unwrap();
                shown.screen.process(&chunk[..taken]);
                shown.bytes.extend_from_slice(&chunk[..taken]);
            }
        });
        Self {
            child,
            keyboard: File::from(ours),
            shown,
            reading: Some(reading),
        }
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.shown.lock().unwrap().screen.screen().contents()
    }

    /// Everything that was sent, escape sequences included.
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().bytes).into_owned()
    }

    /// Waits until this is on the screen.
    pub fn wait_for(&self, text: &str) {
        wait_until(|| self.text().contains(text));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        self.keyboard.write_all(key.as_bytes()).unwrap();
    }

    /// Becomes another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut shown = self.shown.lock().unwrap();
        tcsetwinsize(&self.keyboard, size(columns, rows)).unwrap();
        let screen = shown.screen.screen_mut();
        screen.set_size(cells(rows), cells(columns));
    }

    /// Waits for the program's end; its exit code, and what is on the screen then.
    pub fn end(&mut self) -> (i32, String) {
        wait_until(|| self.child.try_wait().unwrap().is_some());
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        let code = self.child.wait().unwrap().code().unwrap();
        let shown = self.shown.lock().unwrap();
        let screen = shown.screen.screen();
        assert!(!screen.hide_cursor() && !screen.alternate_screen());
        assert_eq!(screen.cursor_position().1, 0, "a prompt fits here");
        (code, screen.contents())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that fails leaves nothing.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
