//! The window in which a message id is remembered. A courtesy for short retries, never a guarantee:
//! a restart forgets the ids of deleted messages, and so does a window that overflows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::later;

/// Ids remembered at most. Retries follow within seconds, so the oldest of this many is long settled;
/// at about 150 bytes an id the window stays below 3 MB.
pub(super) const MAX_REMEMBERED_IDS: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Dedup {
    seqs: HashMap<Arc<str>, u64>,
    /// Oldest first, with the moment the id is forgotten.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Dedup {
    /// The sequence under which `id` was stored, if that was within the window.
    pub fn find(&mut self, id: &str, now: Instant) -> Option<u64> {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
        self.seqs.get(id).copied()
    }

    /// Remembers an id that [`Dedup::find`] did not know.
    pub fn remember(&mut self, id: Arc<str>, seq: u64, window: Duration, now: Instant) {
        if self.order.len() >= MAX_REMEMBERED_IDS {
            self.forget_oldest();
        }
        self.order.push_back((later(now, window), Arc::clone(&id)));
        self.seqs.insert(id, seq);
    }

    /// Keeps only the ids whose message `is_stored` still.
    pub fn restart(&mut self, is_stored: impl Fn(u64) -> bool) {
        self.seqs.retain(|_, seq| is_stored(*seq));
        let seqs = &self.seqs;
        self.order.retain(|(_, id)| seqs.contains_key(id));
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.seqs.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Dedup, Duration, Instant, MAX_REMEMBERED_IDS};

    #[test]
    fn the_window_ends_and_is_bounded() {
        let (start, window) = (Instant::now(), Duration::from_secs(10));
        let mut dedup = Dedup::default();
        dedup.remember("a".into(), 1, window, start);
        assert_eq!(dedup.find("a", start + Duration::from_secs(9)), Some(1));
        assert_eq!(dedup.find("a", start + window), None);
        for n in 0..=MAX_REMEMBERED_IDS {
            dedup.remember(Arc::from(format!("id-{n}")), n as u64, window, start);
        }
        assert_eq!(dedup.find("id-0", start), None, "the oldest made room");
        assert_eq!(dedup.find("id-1", start), Some(1));
        assert_eq!(dedup.order.len(), MAX_REMEMBERED_IDS);
    }
}
