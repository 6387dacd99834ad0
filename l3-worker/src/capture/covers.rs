//! The bytes of a stream that are hidden: what any match covers, overlapping ones as one.

/// What stands where something was hidden.
pub(super) const REPLACEMENT: &[u8] = b"***";

/// Bytes `start..end` of the stream.
#[derive(Clone, Copy)]
struct Cover {
    start: u64,
    end: u64,
    /// Its replacement is out.
    shown: bool,
}

/// Ascending, and apart from one another.
#[derive(Default)]
pub(super) struct Covers(Vec<Cover>);

impl Covers {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a match. Matches of two readings come in any order.
    pub(super) fn add(&mut self, start: u64, end: u64) {
        let mut cover = Cover {
            start,
            end,
            shown: false,
        };
        let behind = self.0.partition_point(|other| other.start < end);
        let apart = self.0[..behind].partition_point(|other| other.end <= start);
        for other in &self.0[apart..behind] {
            cover.start = cover.start.min(other.start);
            cover.end = cover.end.max(other.end);
            cover.shown |= other.shown;
        }
        self.0.splice(apart..behind, [cover]);
    }

    /// Writes the bytes of `raw`, which stand at position `from`, but those that are covered; up to
    /// `until`, before which no match will start any more.
    pub(super) fn settle(&mut self, raw: &[u8], from: u64, until: u64, out: &mut Vec<u8>) {
        let slice = |start: u64, end: u64| &raw[(start - from) as usize..(end - from) as usize];
        let mut at = from;
        for cover in self.0.iter_mut().take_while(|cover| cover.start < until) {
            if at < cover.start {
                out.extend_from_slice(slice(at, cover.start));
            }
            if !cover.shown {
                out.extend_from_slice(REPLACEMENT);
                cover.shown = true;
            }
            at = cover.end;
        }
        if at < until {
            out.extend_from_slice(slice(at, until));
        }
        self.0.retain(|cover| cover.end > until);
    }
}
