//! `log.jsonl`: orchestra's own diagnostics, capped, with one older file beside it. Not the journal:
//! nothing is decided from it. Secrets of the run are taken out of it and of what eyes are shown.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fs_err::{File, OpenOptions};
use l3_worker::secrets::Guard;
use protocol::run_dir;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::cli::args::LogLevel;
use crate::ui::Ui;

/// Bytes of `log.jsonl` before it becomes `log.jsonl.1`, of which there is one: at most twice this.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What a line may not hold; as the log itself, once a process.
static SECRETS: OnceLock<Guard> = OnceLock::new();

/// Keeps these out of all lines from now on.
pub(super) fn keep_out(secrets: &Guard) {
    // A second run in one process keeps the first one's log, and its secrets.
    let _first = SECRETS.set(secrets.clone());
}

/// A line as it may be written.
fn discreet(line: &[u8]) -> Cow<'_, [u8]> {
    let patterns = SECRETS.get().map(Guard::patterns).unwrap_or_default();
    match patterns.found_in(line) {
        true => patterns
            .redact(&String::from_utf8_lossy(line))
            .into_bytes()
            .into(),
        false => line.into(),
    }
}

/// Starts logging into a run directory, and to eyes if `verbose`. Once a process.
///
/// # Errors
/// The file cannot be made.
pub fn start_log(dir: &Path, level: LogLevel, eyes: Option<Arc<Ui>>) -> io::Result<()> {
    let filter = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let file = Capped::open(&dir.join(run_dir::LOG), MAX_BYTES)?;
    let file = fmt::layer()
        .json()
        .with_writer(Shared(Arc::new(Mutex::new(file))));
    let eyes = eyes.map(|ui| {
        let layer = fmt::layer()
            .compact()
            .with_ansi(false)
            .without_time()
            .with_writer(Eyes(ui));
        layer.with_filter(LevelFilter::DEBUG)
    });
    let registry = tracing_subscriber::registry()
        .with(file.with_filter(filter))
        .with(eyes);
    // A second run in one process (tests of the library) keeps the first one's log.
    let _installed = registry.try_init();
    Ok(())
}

struct Capped {
    path: PathBuf,
    file: File,
    written: u64,
    most: u64,
}

impl Capped {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            written,
            most,
        })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        fs_err::rename(&self.path, older)?;
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

impl Write for Capped {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + line.len() as u64 > self.most {
            self.rotate()?;
        }
        let taken = self.file.write(line)?;
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Capped>>);

impl Write for Shared {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&discreet(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Lines for stderr, through the one printer.
#[derive(Clone)]
struct Eyes(Arc<Ui>);

impl Write for Eyes {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let discreet = discreet(line);
        let text = String::from_utf8_lossy(&discreet);
        self.0.note(&format!(
            "         {}",
            crate::ui::sanitize(text.trim_end())
        ));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Eyes {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_no_secret_that_is_known() {
        use l3_worker::secrets::{Host, SystemSecrets};
        let sources = r#"{"NAME": {"from": "env"}}"#;
        let host = Host {
            root: PathBuf::new(),
            home: None,
            variable: Arc::new(|_| Some("told \"by\" a name".into())),
        };
        let guard = Guard::new(SystemSecrets::new(
            serde_json::from_str(sources).unwrap(),
            host,
        ));
        keep_out(&guard);
        let line = br#"{"path":"told \"by\" a name"}"#;
        assert_eq!(*discreet(line), line[..]);
        assert!(
            guard
                .grant(
                    &["NAME".to_owned()],
                    &l3_worker::Stop::new().unwrap(),
                    std::time::Duration::MAX
                )
                .is_ok()
        );
        assert_eq!(*discreet(line), br#"{"path":"***"}"#[..]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let mut log = Shared(Arc::new(Mutex::new(Capped::open(&path, 100).unwrap())));
        log.write_all(line).unwrap();
        assert_eq!(fs_err::read(path).unwrap(), br#"{"path":"***"}"#);
    }

    #[test]
    fn two_files_bound_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let mut log = Capped::open(&path, 100).unwrap();
        for n in 0..50 {
            log.write_all(format!("line {n:04}\n").as_bytes()).unwrap();
        }
        let sizes: Vec<u64> = ["log.jsonl", "log.jsonl.1"]
            .iter()
            .map(|name| fs_err::metadata(dir.path().join(name)).unwrap().len())
            .collect();
        assert!(
            sizes.iter().all(|size| (1..=100).contains(size)),
            "{sizes:?}"
        );
        let last = fs_err::read_to_string(&path).unwrap();
        assert!(last.ends_with("line 0049\n"), "{last}");
    }
}
