//! One way of reading a stream: as it is, or as if encoders had not broken their lines.

use std::sync::Arc;

use super::automaton::{Automaton, ROOT};
use super::covers::Covers;

/// Encoders break lines at 60 characters and more; text after a shorter run begins something new.
const WRAPPED_RUN: u32 = 32;
/// Line break and indentation between two lines of what was encoded.
const MAX_GAP: u32 = 18;

/// Where the reading of one stream is.
pub(super) struct Lane {
    automaton: Arc<Automaton>,
    state: u32,
    wrap: Option<Wrap>,
}

/// Line breaks passed over.
#[derive(Default)]
struct Wrap {
    /// Characters of an encoder in a row.
    run: u32,
    gap: u32,
    /// Positions passed over within what may be a match, ascending.
    skipped: Vec<u64>,
}

impl Lane {
    /// Reads what is there.
    pub(super) const fn exact(automaton: Arc<Automaton>) -> Self {
        Self {
            automaton,
            state: ROOT,
            wrap: None,
        }
    }

    /// Reads over line breaks.
    pub(super) fn wrapped(automaton: Arc<Automaton>) -> Self {
        let wrap = Some(Wrap::default());
        Self {
            wrap,
            ..Self::exact(automaton)
        }
    }

    /// Reads on with other patterns; what may be a match is to be read again.
    pub(super) fn restart(&mut self, automaton: Arc<Automaton>) {
        self.automaton = automaton;
        self.state = ROOT;
        if let Some(wrap) = &mut self.wrap {
            wrap.skipped.clear();
        }
    }

    /// Reads the bytes that stand at position `at` of the stream; adds what matches.
    pub(super) fn read(&mut self, bytes: &[u8], at: u64, covers: &mut Covers) {
        if self.automaton.is_empty() {
            return;
        }
        match self.wrap.take() {
            None => self.read_exact(bytes, at, covers),
            Some(mut wrap) => {
                self.read_wrapped(bytes, at, covers, &mut wrap);
                wrap.forget_before(self.live_by(&wrap, at + bytes.len() as u64));
                self.wrap = Some(wrap);
            }
        }
    }

    fn read_exact(&mut self, bytes: &[u8], at: u64, covers: &mut Covers) {
        let mut state = self.state;
        for (index, byte) in bytes.iter().enumerate() {
            state = self.automaton.next(state, *byte);
            let length = self.automaton.matched(state);
            if length > 0 {
                let end = at + index as u64 + 1;
                covers.add(end - length as u64, end);
            }
        }
        self.state = state;
    }

    fn read_wrapped(&mut self, bytes: &[u8], at: u64, covers: &mut Covers, wrap: &mut Wrap) {
        let mut state = self.state;
        for (position, &byte) in (at..).zip(bytes) {
            if matches!(byte, b'\n' | b'\r' | b'\t' | b' ') && wrap.passes(byte) {
                if state != ROOT {
                    wrap.skipped.push(position);
                }
                continue;
            }
            wrap.count(byte);
            state = self.automaton.next(state, byte);
            let length = self.automaton.matched(state);
            if length > 0 {
                let end = position + 1;
                covers.add(wrap.start(end, length), end);
            }
        }
        self.state = state;
    }

    /// The first byte before `end` that may belong to a match to come; `end` when none does.
    pub(super) fn live_from(&self, end: u64) -> u64 {
        match &self.wrap {
            Some(wrap) => self.live_by(wrap, end),
            None => end - self.live(),
        }
    }

    fn live_by(&self, wrap: &Wrap, end: u64) -> u64 {
        match self.live() {
            0 => end,
            live => wrap.start(end, live as usize),
        }
    }

    fn live(&self) -> u64 {
        match self.state {
            ROOT => 0,
            state => self.automaton.live(state) as u64,
        }
    }
}

impl Wrap {
    /// Whether this space or line break may stand inside of what an encoder wrote.
    const fn passes(&mut self, byte: u8) -> bool {
        let breaks = matches!(byte, b'\n' | b'\r') && self.run >= WRAPPED_RUN;
        let passes = (breaks || self.gap > 0) && self.gap < MAX_GAP;
        self.gap += passes as u32;
        passes
    }

    fn count(&mut self, byte: u8) {
        if self.gap > 0 {
            self.gap = 0;
            self.run = 0;
        }
        let run = self.run.saturating_add(1);
        self.run = if ENCODED[usize::from(byte)] { run } else { 0 };
    }

    /// Where the last `length` characters before `end` begin, those passed over not counted.
    fn start(&self, end: u64, length: usize) -> u64 {
        let mut start = end - length as u64;
        for position in self.skipped.iter().rev() {
            if *position < start {
                break;
            }
            start -= 1;
        }
        start
    }

    fn forget_before(&mut self, position: u64) {
        let past = self.skipped.partition_point(|at| *at < position);
        self.skipped.drain(..past);
    }
}

/// What encoders write, paddings included.
const ENCODED: [bool; 256] = {
    let mut encoded = [false; 256];
    let mut byte = 0_u8;
    loop {
        encoded[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
        if byte == u8::MAX {
            break encoded;
        }
        byte += 1;
    }
};
