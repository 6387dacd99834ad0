//! Many patterns at once, byte by byte: the automaton of Aho and Corasick.
//!
//! Own, because a filter of streams must know how much of what it has seen may still become a match, and
//! the crates that search do not tell how deep a state is. States are numbered in breadth-first order, so
//! that the children of one are neighbors; the shallow ones, where text that is no secret stays, have
//! a full row of successors.

use zeroize::{Zeroize as _, Zeroizing};

/// States with a row of 256 successors each, 1 KiB: the ones that ordinary text meets.
const DENSE_STATES: usize = 512;
/// Nothing is recognized yet.
pub(super) const ROOT: u32 = 0;

/// Finds the longest of its patterns that ends at a byte.
#[derive(Default)]
pub(super) struct Automaton {
    /// The byte that leads to a state.
    label: Vec<u8>,
    /// Children of `n` are `first_child[n]..first_child[n + 1]`.
    first_child: Vec<u32>,
    /// The longest other prefix of a pattern that ends where this state's does.
    fall_back: Vec<u32>,
    /// Length of the longest beginning of a pattern that ends here and may go on.
    live: Vec<u32>,
    /// Length of the longest pattern that ends here; shorter ones are parts of it.
    matched: Vec<u32>,
    dense: Vec<u32>,
}

impl Automaton {
    /// For patterns in any order; empty ones match nothing.
    pub(super) fn new(mut patterns: Vec<Zeroizing<Vec<u8>>>) -> Self {
        patterns.sort_unstable_by(|a, b| a.as_slice().cmp(b));
        patterns.dedup_by(|a, b| a.as_slice() == b.as_slice());
        let mut automaton = Self::default();
        automaton.grow(&patterns);
        automaton.link();
        automaton.fill();
        automaton
    }

    pub(super) fn is_empty(&self) -> bool {
        self.label.len() <= 1
    }

    /// The state after `byte`.
    #[inline]
    pub(super) fn next(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            let at = (state as usize) << 8 | usize::from(byte);
            if let Some(&next) = self.dense.get(at) {
                return next;
            }
            if let Some(child) = self.child(state, byte) {
                return child;
            }
            state = self.fall_back[state as usize];
        }
    }

    /// Length of the longest pattern that ends here, or 0.
    #[inline]
    pub(super) fn matched(&self, state: u32) -> usize {
        self.matched[state as usize] as usize
    }

    /// How many of the last bytes may be the beginning of a match to come.
    pub(super) fn live(&self, state: u32) -> usize {
        self.live[state as usize] as usize
    }

    fn child(&self, state: u32, byte: u8) -> Option<u32> {
        let state = state as usize;
        let (from, to) = (self.first_child[state], self.first_child[state + 1]);
        let labels = &self.label[from as usize..to as usize];
        let found = labels.iter().position(|label| *label == byte)?;
        Some(from + found as u32)
    }

    /// The tree of prefixes, level by level: a state is a range of the sorted patterns that share it.
    fn grow(&mut self, patterns: &[Zeroizing<Vec<u8>>]) {
        let mut ranges = Vec::new();
        ranges.push(0..patterns.len());
        self.label.push(0);
        self.live.push(0);
        let mut state = 0;
        while let Some(range) = ranges.get(state).cloned() {
            let depth = self.live[state];
            let byte_of = |at: usize| patterns[at].get(depth as usize).copied();
            // The one that ends here is sorted before those that go on.
            let ends = depth > 0 && !range.is_empty() && byte_of(range.start).is_none();
            self.matched.push(if ends { depth } else { 0 });
            self.first_child.push(self.label.len() as u32);
            let mut from = range.start;
            while from < range.end {
                let byte = byte_of(from);
                let same = (from..range.end).take_while(|at| byte_of(*at) == byte);
                let to = from + same.count();
                if let Some(byte) = byte {
                    self.label.push(byte);
                    self.live.push(depth + 1);
                    ranges.push(from..to);
                }
                from = to;
            }
            state += 1;
        }
        self.first_child.push(self.label.len() as u32);
    }

    /// Where to go on when a prefix does not.
    fn link(&mut self) {
        self.fall_back = vec![ROOT; self.label.len()];
        for parent in 0..self.label.len() {
            for child in self.first_child[parent]..self.first_child[parent + 1] {
                let byte = self.label[child as usize];
                let mut from = parent as u32;
                let target = loop {
                    if from == ROOT {
                        break ROOT;
                    }
                    from = self.fall_back[from as usize];
                    if let Some(found) = self.child(from, byte) {
                        break found;
                    }
                };
                self.fall_back[child as usize] = target;
                let ends = self.first_child[child as usize] == self.first_child[child as usize + 1];
                if ends {
                    self.live[child as usize] = self.live[target as usize];
                }
                if self.matched[child as usize] == 0 {
                    self.matched[child as usize] = self.matched[target as usize];
                }
            }
        }
    }

    fn fill(&mut self) {
        for state in 0..self.label.len().min(DENSE_STATES) {
            let start = state << 8;
            if state == 0 {
                self.dense.resize(256, ROOT);
            } else {
                // Shallower, so its row is there.
                let from = (self.fall_back[state] as usize) << 8;
                self.dense.extend_from_within(from..from + 256);
            }
            for child in self.first_child[state]..self.first_child[state + 1] {
                self.dense[start + usize::from(self.label[child as usize])] = child;
            }
        }
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.label.zeroize();
        self.dense.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn automaton(patterns: &[&[u8]]) -> Automaton {
        let patterns = patterns
            .iter()
            .map(|pattern| Zeroizing::new(pattern.to_vec()));
        Automaton::new(patterns.collect())
    }

    /// Length matched and length alive after every byte.
    fn walk(automaton: &Automaton, text: &[u8]) -> Vec<(usize, usize)> {
        let mut state = ROOT;
        let step = |byte: &u8| {
            state = automaton.next(state, *byte);
            (automaton.matched(state), automaton.live(state))
        };
        text.iter().map(step).collect()
    }

    /// The same by looking at every pattern.
    fn slowly(patterns: &[&[u8]], text: &[u8]) -> Vec<(usize, usize)> {
        let after = |end: usize| {
            let seen = &text[..end];
            let ending = patterns.iter().filter(|pattern| seen.ends_with(pattern));
            let matched = ending.map(|pattern| pattern.len()).max().unwrap_or(0);
            let goes_on = |n: usize| {
                let longer = patterns.iter().filter(|pattern| pattern.len() > n);
                n == 0 || longer.into_iter().any(|p| p.starts_with(&seen[end - n..]))
            };
            let live = (0..=end).rev().find(|n| goes_on(*n));
            (matched, live.unwrap_or(0))
        };
        (1..=text.len()).map(after).collect()
    }

    #[test]
    fn the_classic() {
        let found = automaton(&[b"he", b"she", b"his", b"hers"]);
        let walked = walk(&found, b"ushers");
        assert_eq!(walked, [(0, 0), (0, 1), (0, 2), (3, 2), (0, 3), (4, 1)]);
    }

    #[test]
    fn nothing_is_found_by_nothing() {
        let nothing = automaton(&[]);
        assert!(nothing.is_empty());
        assert_eq!(walk(&nothing, b"ab"), [(0, 0), (0, 0)]);
        assert!(automaton(&[b""]).is_empty());
    }

    #[test]
    fn states_without_a_row_go_on_as_those_with_one() {
        let long: Vec<u8> = (0..2000_u32).map(|n| (n * n % 251) as u8).collect();
        let tail = &long[700..720];
        let found = automaton(&[&long, tail]);
        let mut text = long[..1999].to_vec();
        text.extend_from_slice(&long);
        assert_eq!(walk(&found, &text), slowly(&[&long, tail], &text));
    }

    proptest! {
        #[test]
        fn it_sees_what_a_slow_search_sees(
            patterns in proptest::collection::vec("[ab]{1,6}", 0..6),
            text in "[abc]{0,40}",
        ) {
            let patterns: Vec<&[u8]> = patterns.iter().map(String::as_bytes).collect();
            let found = automaton(&patterns);
            prop_assert_eq!(walk(&found, text.as_bytes()), slowly(&patterns, text.as_bytes()));
        }
    }
}
