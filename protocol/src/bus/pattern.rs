//! Subject patterns: `*` stands for one token, a trailing `>` for one or more.
//!
//! Knows nothing of what our subjects mean (that is the subject module's business), and never panics:
//! subjects may come from outside.

/// A checked subject pattern; a subject without wildcards is one too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    /// Bytes before the first wildcard token, its dot included; most mismatches end here.
    literal_bytes: usize,
}

impl Pattern {
    /// Checks `text`; `None` when it is no pattern (empty tokens, blanks, `>` before the end).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut literal_bytes = None;
        let mut offset = 0;
        let mut rest_seen = false;
        for token in text.split('.') {
            if rest_seen || !is_token_text(token) {
                return None;
            }
            match token {
                "*" | ">" => {
                    literal_bytes.get_or_insert(offset);
                    rest_seen = token == ">";
                }
                literal if literal.contains(['*', '>']) => return None,
                _ => {}
            }
            offset += token.len() + 1;
        }
        Some(Self {
            text: text.into(),
            literal_bytes: literal_bytes.unwrap_or(text.len()),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has no wildcard and so names exactly one subject.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.literal_bytes == self.text.len()
    }

    /// Whether `subject` (see [`is_subject`]) falls under this pattern.
    #[must_use]
    pub fn matches(&self, subject: &str) -> bool {
        let (literal, wild) = self.text.split_at(self.literal_bytes);
        let Some(tail) = subject.strip_prefix(literal) else {
            return false;
        };
        if wild.is_empty() {
            return tail.is_empty();
        }
        let mut tokens = tail.split('.');
        for wanted in wild.split('.') {
            let Some(token) = tokens.next() else {
                return false;
            };
            match wanted {
                _ if token.is_empty() => return false,
                ">" => return true,
                "*" => {}
                literal if literal == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }

    /// Whether some subject falls under both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.text.split('.'), other.text.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
                (None, _) | (_, None) => return false,
                (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    }

    /// Whether every subject under `other` falls under this pattern too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.text.split('.'), other.text.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) | (Some(">"), Some(_)) => return true,
                (Some("*"), Some(token)) if token != ">" => {}
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` can be published to: tokens joined by `.`, none empty, no wildcard, no blank.
#[must_use]
pub fn is_subject(text: &str) -> bool {
    let mut token_is_empty = true;
    for byte in text.bytes() {
        match byte {
            b'.' if token_is_empty => return false,
            b'.' => token_is_empty = true,
            b'*' | b'>' => return false,
            _ if is_blank(byte) => return false,
            _ => token_is_empty = false,
        }
    }
    !token_is_empty
}

fn is_token_text(token: &str) -> bool {
    !token.is_empty() && !token.bytes().any(is_blank)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, proptest};

    use super::{Pattern, is_subject};

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    /// The definition, slow and recursive.
    fn naive(pattern: &[&str], subject: &[&str]) -> bool {
        match (pattern, subject) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", pattern @ ..], [_, subject @ ..]) => naive(pattern, subject),
            ([p, pattern @ ..], [s, subject @ ..]) => p == s && naive(pattern, subject),
            _ => false,
        }
    }

    fn naive_text(pattern: &str, subject: &str) -> bool {
        let pattern: Vec<_> = pattern.split('.').collect();
        let subject: Vec<_> = subject.split('.').collect();
        naive(&pattern, &subject)
    }

    /// Few distinct tokens, so that matches are as common as mismatches.
    fn tokens(words: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(words), 1..5).prop_map(|words| words.join("."))
    }

    fn patterns() -> impl Strategy<Value = String> {
        (tokens(&["a", "ab", "*"]), any::<bool>())
            .prop_map(|(head, rest)| if rest { format!("{head}.>") } else { head })
    }

    proptest! {
        #[test]
        fn match_agrees_with_the_definition(p in patterns(), s in tokens(&["a", "ab", "b"])) {
            assert_eq!(pattern(&p).matches(&s), naive_text(&p, &s), "{p} {s}");
        }

        #[test]
        fn overlap_and_containment_agree_with_matching(
            p in patterns(), q in patterns(), s in tokens(&["a", "ab"]),
        ) {
            let (left, right) = (pattern(&p), pattern(&q));
            assert_eq!(left.overlaps(&right), right.overlaps(&left));
            if left.matches(&s) && right.matches(&s) {
                assert!(left.overlaps(&right), "{p} {q} share {s}");
            }
            if left.contains(&right) && right.matches(&s) {
                assert!(left.matches(&s), "{p} claims all of {q}, not {s}");
            }
        }

        #[test]
        fn nothing_from_outside_panics(p in ".{0,24}", s in ".{0,24}", q in "[a.*>é]{0,12}") {
            let matched = Pattern::new(&q).is_some_and(|pattern| pattern.matches(&s));
            assert!(!matched || !s.is_empty());
            let matched = Pattern::new(&p).is_some_and(|pattern| pattern.matches(&q));
            assert!(!matched || !q.is_empty());
            let literal = Pattern::new(&s).is_some_and(|pattern| pattern.is_literal());
            assert_eq!(is_subject(&s), literal, "a subject is a pattern without wildcards: {s:?}");
        }
    }

    #[test]
    fn refused_patterns() {
        for text in [
            "", ".", "a.", ".a", "a..b", "a.>.b", ">.a", "a*", "a.b>", "a b", "a\n",
        ] {
            assert_eq!(Pattern::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn examples() {
        assert!(pattern("a.*.c").matches("a.b.c"));
        assert!(!pattern("a.*.c").matches("a.b.b.c"));
        assert!(pattern("a.>").matches("a.b.c"));
        assert!(!pattern("a.>").matches("a"));
        assert!(!pattern("a.b").matches("a.bc"));
        assert!(!pattern("a.b").matches("a.b.c"));
        assert!(!pattern("*").matches(""));
        assert!(pattern("a.>").contains(&pattern("a.*.c")));
        assert!(!pattern("a.*").contains(&pattern("a.>")));
        assert!(!pattern("a.b.>").overlaps(&pattern("a.c.>")));
    }
}
