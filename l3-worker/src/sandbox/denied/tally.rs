//! Denied actions of one attempt, counted.

use std::collections::BTreeMap;

use protocol::policy::DeniedAction;

/// Distinct actions that are kept: a person reads a few, and a flood must not grow.
const MOST: usize = 64;
/// Of an escaped target.
const TARGET_BYTES: usize = 256;
/// Counted up to here.
const TIMES: u32 = 1_000_000;

/// Bounded whatever the attempt does.
#[derive(Debug, Default)]
pub(super) struct Tally {
    times: BTreeMap<(String, String), u32>,
}

impl Tally {
    pub(super) fn count(&mut self, action: &str, target: &[u8]) {
        let key = (action.to_owned(), escaped(target));
        let full = self.times.len() >= MOST;
        match self.times.get_mut(&key) {
            Some(times) => *times = times.saturating_add(1).min(TIMES),
            None if full => {}
            None => drop(self.times.insert(key, 1)),
        }
    }

    /// All of them, the most frequent first; nothing is left.
    pub(super) fn take(&mut self) -> Vec<DeniedAction> {
        let counted = std::mem::take(&mut self.times).into_iter();
        let mut all: Vec<_> = counted
            .map(|((action, target), times)| DeniedAction {
                action,
                target,
                times,
            })
            .collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.times));
        all
    }
}

/// Printable, and cut where it is too long.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(|letter| match letter {
            '\\' => letter.to_string(),
            _ => letter
                .escape_debug()
                .to_string()
                .replace("\\'", "'")
                .replace("\\\"", "\""),
        });
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(invalid) {
            if text.len() + piece.len() > TARGET_BYTES - '…'.len_utf8() {
                text.push('…');
                return text;
            }
            text.push_str(&piece);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn equal_actions_are_one_with_a_count() {
        let mut tally = Tally::default();
        tally.count("mount", b"");
        for _ in 0..3 {
            tally.count("write", b"/etc/passwd");
        }
        let all = tally.take();
        let seen: Vec<_> = all
            .iter()
            .map(|one| (one.action.as_str(), one.times))
            .collect();
        assert_eq!(seen, [("write", 3), ("mount", 1)]);
        assert!(tally.take().is_empty());
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut tally = Tally::default();
        for number in 0..10_000 {
            tally.count("write", format!("/etc/{number}").as_bytes());
            tally.count("write", b"/etc/0");
        }
        let all = tally.take();
        assert_eq!(all.len(), MOST);
        assert_eq!((all[0].target.as_str(), all[0].times), ("/etc/0", 10_001));
    }

    #[test]
    fn targets_are_printable() {
        assert_eq!(escaped(b"/a b/\xc3\xa9'\"\\"), "/a b/é'\"\\");
        assert_eq!(escaped(b"\x1b]0;x\x07\n\xff"), "\\u{1b}]0;x\\u{7}\\n\\xff");
        assert!(escaped(&[b'a'; 300]).ends_with("a…"));
        assert_eq!(escaped(&[b'a'; 300]).len(), TARGET_BYTES);
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_short_printable_target(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = escaped(&bytes);
            assert!(text.len() <= TARGET_BYTES);
            assert!(text.chars().all(|letter| !letter.is_control()));
        }
    }
}
