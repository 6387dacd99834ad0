//! Stable text for snapshots: what differs between two runs of the same thing is replaced here, where
//! it is rendered, not by patterns in tests.

use std::path::Path;
use std::time::Duration;

use protocol::digest::Digest;
use protocol::ids::{RunId, WorkerId};
use protocol::time::Timestamp;

use super::enforced::Guarantees;
use super::view::RunRef;

/// Shows values as they are, or as placeholders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redactor {
    on: bool,
}

impl Redactor {
    /// The variable that turns placeholders on; for tests of ours, not for people.
    pub const VARIABLE: &str = "__ORCHESTRA_REDACT";

    /// Placeholders if `on`.
    #[must_use]
    pub const fn new(on: bool) -> Self {
        Self { on }
    }

    /// The short id.
    #[must_use]
    pub fn run(self, run: &RunId) -> String {
        if self.on { "<run>".into() } else { run.short() }
    }

    /// A run in a command.
    #[must_use]
    pub fn reference(self, run: RunRef) -> RunRef {
        if self.on { RunRef("<run>".into()) } else { run }
    }

    /// The full id.
    #[must_use]
    pub fn run_full(self, run: &RunId) -> String {
        if self.on {
            "<run-id>".into()
        } else {
            run.to_string()
        }
    }

    /// A digest's first 8 digits.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> String {
        if self.on {
            "<digest>".into()
        } else {
            digest.short()
        }
    }

    /// A plan and a policy, as `--approve` takes them: 16 digits each are nobody's to hit by trying.
    #[must_use]
    pub fn approval(self, plan: &Digest, policy: &Digest) -> String {
        if self.on {
            return "<digest>@<digest>".into();
        }
        let [plan, policy] = [plan, policy].map(ToString::to_string);
        let begins = |digest: &str| digest.chars().take(16).collect::<String>();
        format!("{}@{}", begins(&plan), begins(&policy))
    }

    /// A whole digest.
    #[must_use]
    pub fn sha256(self, digest: &Digest) -> String {
        if self.on {
            "<sha256>".into()
        } else {
            digest.to_string()
        }
    }

    /// An instant to the second, UTC.
    #[must_use]
    pub fn time(self, at: Timestamp) -> String {
        if self.on {
            return "<time>".into();
        }
        let text = at.to_string();
        // 2026-11-20T07:51:00.000123Z → 2026-11-20 07:51:00
        text.get(..19).unwrap_or(&text).replace('T', " ")
    }

    /// An instant for machines, to the second.
    #[must_use]
    pub fn instant(self, at: Timestamp) -> String {
        let at = if self.on { Timestamp::default() } else { at };
        let text = at.to_string();
        format!("{}Z", text.get(..19).unwrap_or(&text))
    }

    /// A duration for machines.
    #[must_use]
    pub const fn span(self, span: Duration) -> Duration {
        if self.on { Duration::ZERO } else { span }
    }

    /// A time of day, UTC.
    #[must_use]
    pub fn clock(self, at: Timestamp) -> String {
        if self.on {
            return "<time>".into();
        }
        let text = at.to_string();
        text.get(11..19).unwrap_or(&text).to_owned()
    }

    /// An instant within a run: offset from its start.
    #[must_use]
    pub fn offset(self, offset: Duration) -> String {
        if self.on {
            "+<s>".into()
        } else {
            format!("+{}", duration(offset))
        }
    }

    /// A duration, such as `0.2s`, `2m10s`.
    #[must_use]
    pub fn duration(self, span: Duration) -> String {
        if self.on {
            "<s>".into()
        } else {
            duration(span)
        }
    }

    /// A duration as wide as a progress line's column.
    #[must_use]
    pub fn column(self, span: Duration) -> String {
        format!("[{:>6}]", self.duration(span))
    }

    /// What a host cannot keep of a sandbox depends on the machine: in snapshots it keeps everything.
    #[must_use]
    pub fn degraded(self, degraded: Guarantees) -> Guarantees {
        if self.on {
            Guarantees::default()
        } else {
            degraded
        }
    }

    /// A size that depends on the machine, such as memory.
    #[must_use]
    pub fn measured_bytes(self, size: u64) -> String {
        if self.on {
            "<bytes>".into()
        } else {
            bytes(size)
        }
    }

    /// A run directory.
    #[must_use]
    pub fn run_dir(self, path: &Path) -> String {
        if !self.on {
            return path.display().to_string();
        }
        let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
        format!("{}/<run-dir>", parent.display())
    }

    /// A place of this host.
    #[must_use]
    pub fn place(self, path: &Path) -> String {
        if self.on {
            "<place>".into()
        } else {
            path.display().to_string()
        }
    }

    /// This program's version.
    #[must_use]
    pub fn version(self, version: &str) -> String {
        if self.on {
            "<version>".into()
        } else {
            version.to_owned()
        }
    }

    /// A sequence number, which depends on how events interleave.
    #[must_use]
    pub fn seq(self, seq: u64) -> String {
        if self.on {
            "<seq>".into()
        } else {
            seq.to_string()
        }
    }

    /// A worker's name.
    #[must_use]
    pub fn worker(self, worker: &WorkerId) -> String {
        if self.on {
            "<worker>".into()
        } else {
            worker.to_string()
        }
    }

    /// A number that depends on the machine, such as its cores.
    #[must_use]
    pub fn machine(self, number: u32) -> String {
        if self.on {
            "<n>".into()
        } else {
            number.to_string()
        }
    }
}

/// `12ms` below a tenth of a second, `0.2s` below a minute, `2m10s` below an hour, `3h04m` above.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    if span < Duration::from_millis(100) {
        return format!("{}ms", span.as_millis());
    }
    if seconds < 60 {
        let tenths = span.as_millis() / 100;
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    if seconds < 3600 {
        return format!("{}m{:02}s", seconds / 60, seconds % 60);
    }
    format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60)
}

/// `12 B`, `3.4 KiB`, `5.6 MiB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut tenths = u128::from(size) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        let shown = |ms| duration(Duration::from_millis(ms));
        assert_eq!(shown(0), "0ms");
        assert_eq!(shown(99), "99ms");
        assert_eq!(shown(249), "0.2s");
        assert_eq!(shown(59_999), "59.9s");
        assert_eq!(shown(130_000), "2m10s");
        assert_eq!(shown(11_040_000), "3h04m");
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(3_500), "3.4 KiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
    }

    #[test]
    fn redacted_text_has_no_digits() {
        let redact = Redactor::new(true);
        let run: RunId = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap();
        let at = Timestamp::from_micros(1);
        let all = [
            redact.run(&run),
            redact.run_full(&run),
            redact.digest(&Digest::of(b"")),
            redact.sha256(&Digest::of(b"")).replace("sha256", ""),
            redact.time(at),
            redact.column(Duration::from_secs(1)),
            redact.run_dir(Path::new("runs/20261120T0751Z-a-4be1c07a")),
        ];
        assert!(
            all.iter()
                .all(|text| !text.contains(|c: char| c.is_ascii_digit())),
            "{all:?}"
        );
    }
}
