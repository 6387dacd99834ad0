//! The nearest known name for a misspelled one, or none: a wrong guess is worse than no guess.

/// The candidate nearest to `word`, at most two edits away and fewer than half of its letters; the
/// first of equals.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are at most 64 bytes; a longer word cannot be a misspelling of one.
    if word.len() > 80 {
        return None;
    }
    let word: Vec<char> = word.chars().collect();
    let most = 2
        .min(word.len().saturating_sub(1) / 2)
        .max(usize::from(word.len() == 2));
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let bound = best.map_or(most, |(distance, _)| distance.saturating_sub(1));
        if candidate.len().abs_diff(word.len()) > 8 || candidate.len() > 200 {
            continue;
        }
        if let Some(distance) = edits_within(&word, candidate, bound) {
            best = Some((distance, candidate));
            if distance == 0 {
                break;
            }
        }
    }
    best.map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap of neighbors) between two words, if at most `bound`.
fn edits_within(a: &[char], b: &str, bound: usize) -> Option<usize> {
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > bound {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut cost = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        if row.iter().min().is_some_and(|least| *least > bound) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_small_slips_only() {
        let words = ["needs", "run", "timeout", "summarize", "id"];
        let cases = [
            ("need", Some("needs")),
            ("nedes", Some("needs")),
            ("sumarize", Some("summarize")),
            ("tiemout", Some("timeout")),
            ("rnu", Some("run")),
            ("needs", Some("needs")),
            ("xyz", None),
            ("a", None),
            ("", None),
            ("timeouuuut", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
    }
}
