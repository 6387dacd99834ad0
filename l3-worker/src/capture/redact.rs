//! Takes secrets out of bytes on their way to a log, a screen, a report or a message.
//!
//! Every byte that belongs to a known form of a secret is hidden, wherever the stream is cut into chunks;
//! overlapping forms share one `***`. Only bytes that may be the beginning of a form are held back, so
//! that what is shown live is not late. See [`super::forms`] for what is found and what is not.

use std::sync::Arc;

use super::automaton::Automaton;
use super::covers::Covers;
use super::filter::ByteFilter;
use super::forms::Forms;
use super::lane::Lane;

/// How messages and targets end that were cut.
const CUT: &str = "…";

/// Values to hide, in all their forms. Cheap to clone.
#[derive(Clone, Default)]
pub struct Patterns {
    exact: Arc<Automaton>,
    wrapped: Arc<Automaton>,
}

impl Patterns {
    /// All forms of these values.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = Forms::default();
        for value in values {
            forms.add(value);
        }
        Self {
            exact: Arc::new(Automaton::new(forms.exact)),
            wrapped: Arc::new(Automaton::new(forms.wrapped)),
        }
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wrapped.is_empty()
    }

    /// Whether some form of a value is in there.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> bool {
        let mut detector = Detector::new(self.clone());
        detector.push(bytes);
        detector.found()
    }

    /// The text without them. Where it was cut, which `…` says, nothing is left of what may be the
    /// beginning of one.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut redactor = Redactor::new(self.clone());
        let mut out = Vec::with_capacity(text.len());
        match text.strip_suffix(CUT) {
            Some(cut) => {
                redactor.push(cut.as_bytes(), &mut out);
                out.extend_from_slice(CUT.as_bytes());
            }
            None => {
                redactor.push(text.as_bytes(), &mut out);
                redactor.finish(&mut out);
            }
        }
        // A form of a text is text: what is left of it can only be cut between characters.
        String::from_utf8_lossy(&out).into_owned()
    }

    fn lanes(&self) -> [Lane; 2] {
        [
            Lane::exact(Arc::clone(&self.exact)),
            Lane::wrapped(Arc::clone(&self.wrapped)),
        ]
    }
}

/// Hides the values of its patterns in a stream.
pub struct Redactor {
    patterns: Patterns,
    lanes: [Lane; 2],
    /// Position of the first byte that is not settled.
    from: u64,
    held: Vec<u8>,
    covers: Covers,
}

impl Redactor {
    /// For one stream.
    #[must_use]
    pub fn new(patterns: Patterns) -> Self {
        Self {
            lanes: patterns.lanes(),
            patterns,
            from: 0,
            held: Vec::new(),
            covers: Covers::default(),
        }
    }

    /// From here on these are hidden, in what is held back as well.
    pub fn replace(&mut self, patterns: Patterns) {
        let [exact, wrapped] = &mut self.lanes;
        exact.restart(Arc::clone(&patterns.exact));
        wrapped.restart(Arc::clone(&patterns.wrapped));
        self.patterns = patterns;
        for lane in &mut self.lanes {
            lane.read(&self.held, self.from, &mut self.covers);
        }
    }

    fn settle(&mut self, until: u64, out: &mut Vec<u8>) {
        self.covers.settle(&self.held, self.from, until, out);
        self.held.drain(..(until - self.from) as usize);
        self.from = until;
    }
}

impl ByteFilter for Redactor {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.patterns.is_empty() && self.held.is_empty() {
            out.extend_from_slice(chunk);
            return;
        }
        let at = self.from + self.held.len() as u64;
        self.held.extend_from_slice(chunk);
        let end = at + chunk.len() as u64;
        let mut until = end;
        for lane in &mut self.lanes {
            lane.read(chunk, at, &mut self.covers);
            until = until.min(lane.live_from(end));
        }
        self.settle(until, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.settle(self.from + self.held.len() as u64, out);
        self.replace(self.patterns.clone());
    }
}

/// Sees whether a stream holds a value, without keeping any of it.
pub struct Detector {
    lanes: [Lane; 2],
    at: u64,
    covers: Covers,
}

impl Detector {
    /// For one stream.
    #[must_use]
    pub fn new(patterns: Patterns) -> Self {
        Self {
            lanes: patterns.lanes(),
            at: 0,
            covers: Covers::default(),
        }
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.found() {
            return;
        }
        for lane in &mut self.lanes {
            lane.read(chunk, self.at, &mut self.covers);
        }
        self.at += chunk.len() as u64;
    }

    /// Whether one was there.
    #[must_use]
    pub const fn found(&self) -> bool {
        !self.covers.is_empty()
    }
}
