//! Texts as sets of words, so that two of them can be said to be the same in other dress.

use std::collections::BTreeSet;

/// Words that say nothing about what a text is about.
const FILLERS: &[&str] = &[
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "is", "it", "its", "of", "on",
    "or", "our", "so", "that", "the", "this", "to", "with",
];

/// Lower-case words of letters and digits.
pub(in crate::planner) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// The words that carry meaning, each once.
pub(in crate::planner) fn terms(text: &str) -> BTreeSet<String> {
    let words = words(text).into_iter();
    words
        .filter(|word| !FILLERS.contains(&word.as_str()))
        .collect()
}

/// Whether two texts have nearly the same terms: at least four fifths of all of either are of both.
pub(super) fn is_same(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let all = one.union(other).count();
    all > 0 && one.intersection(other).count() * 5 >= all * 4
}

/// Characters that change how a text looks without being seen in it: directions, joiners, tags.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{1680}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
