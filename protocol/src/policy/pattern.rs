//! `*` in names: any characters, none included. Nothing else is special.

/// Whether `text` is what `pattern` stands for. Linear in the text for each `*`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            let middle: &str = middle;
            match rest.find(middle) {
                Some(at) => rest = &rest[at + middle.len()..],
                None => return false,
            }
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars() {
        for (pattern, text) in [
            ("git", "git"),
            ("*", ""),
            ("*", "x"),
            ("python3*", "python3"),
            ("python3*", "python3.11"),
            ("*-dump", "obj-dump"),
            ("a*b*c", "abc"),
            ("a*b*c", "aXbYbc"),
            ("**", "x"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("git", "gi"),
            ("git", "gitk"),
            ("GIT", "git"),
            ("python3*", "python2"),
            ("a*b*c", "acb"),
            ("ab*ba", "aba"),
            ("", "x"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
