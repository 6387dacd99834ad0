//! Runs newest first, put in order only as far as somebody looks: who wants the last one, or the
//! first page, does not pay for ten thousand.

use super::entry::RunEntry;

/// Run directories, newest first.
#[derive(Debug)]
pub struct Newest {
    /// Oldest minute first.
    rest: Vec<RunEntry>,
    /// Of one minute, oldest first.
    minute: Vec<RunEntry>,
}

impl Newest {
    pub(super) fn new(mut entries: Vec<RunEntry>) -> Self {
        entries.sort_unstable_by(|a, b| (&a.minute, &a.short).cmp(&(&b.minute, &b.short)));
        Self {
            rest: entries,
            minute: Vec::new(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.minute.is_empty()
    }

    fn next_minute(&mut self) {
        let Some(last) = self.rest.last() else {
            return;
        };
        let begin = self
            .rest
            .partition_point(|entry| entry.minute < last.minute);
        self.minute = self.rest.split_off(begin);
        if self.minute.len() > 1 {
            // Within a minute the id decides: it starts with the millisecond.
            self.minute
                .sort_by_cached_key(|run| (run.id(), run.short.clone()));
        }
    }
}

impl Iterator for Newest {
    type Item = RunEntry;

    fn next(&mut self) -> Option<RunEntry> {
        if self.minute.is_empty() {
            self.next_minute();
        }
        self.minute.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_first_then_what_the_name_says() {
        let names = [
            "20261120T0751Z-b-00000001",
            "20261121T0000Z-a-00000003",
            "20251120T0751Z-a-00000009",
            "20261120T0751Z-a-00000002",
        ];
        let entries = names.map(|name| RunEntry::of(name.into(), true).unwrap());
        let order: Vec<_> = Newest::new(entries.into()).map(|run| run.short).collect();
        assert_eq!(order, ["00000003", "00000002", "00000001", "00000009"]);
        assert!(Newest::new(Vec::new()).is_empty());
    }
}
