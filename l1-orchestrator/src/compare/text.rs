//! Two texts as a unified diff, bounded in what is compared, in time and in what is shown.

use std::time::Duration;

use similar::TextDiff;

/// Bytes of either text beyond which only the fact is told.
const MAX_BYTES: usize = 256 * 1024;
/// Lines of a diff that are shown.
const MAX_LINES: usize = 200;
/// After this the rest counts as replaced: texts with nothing in common take quadratic time.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The diff without file names; `None` when the texts are equal or too long to be compared.
#[must_use]
pub fn unified(a: &str, b: &str) -> Option<String> {
    if a == b || a.len().max(b.len()) > MAX_BYTES {
        return None;
    }
    let (a, b) = (with_newline(a), with_newline(b));
    let diff = TextDiff::configure()
        .timeout(TIMEOUT)
        .diff_lines(a.as_str(), b.as_str());
    let shown = diff.unified_diff().context_radius(2).to_string();
    let lines = shown.lines().count();
    let mut text: String = shown.split_inclusive('\n').take(MAX_LINES).collect();
    if lines > MAX_LINES {
        text.push_str(&format!("… and {} more lines\n", lines - MAX_LINES));
    }
    Some(text).filter(|text| !text.is_empty())
}

/// A last line without its end differs by nothing that anybody means.
fn with_newline(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_with_two_around_them() {
        let diff = unified("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nD\ne\nf").unwrap();
        assert_eq!(diff, "@@ -2,5 +2,5 @@\n b\n c\n-d\n+D\n e\n f\n");
        assert_eq!(unified("a", "a"), None);
        assert_eq!(unified("a", "a\n"), None);
        assert_eq!(unified("", "a").as_deref(), Some("@@ -0,0 +1 @@\n+a\n"));
    }

    #[test]
    fn long_texts_are_bounded() {
        let numbers = |from: u32| {
            (from..from + 5000)
                .map(|n| format!("{n}\n"))
                .collect::<String>()
        };
        let diff = unified(&numbers(0), &numbers(90_000)).unwrap();
        assert_eq!(diff.lines().count(), MAX_LINES + 1);
        assert!(diff.ends_with("more lines\n"));
        let long = "x\n".repeat(MAX_BYTES);
        assert_eq!(unified(&long, "y"), None);
    }
}
