//! What a policy has to say, as every page and report tells it.

use std::fmt::Write as _;

use protocol::policy::{Finding, FindingSeverity};

use crate::ui::{Painter, Tone, sanitize};

/// Findings told one by one on a page; machines get them all.
const MAX_TOLD: usize = 50;

/// Counts by weight: `2 refused, 1 warning`; nothing where there is nothing.
#[must_use]
pub fn count<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut counts = [0_usize; 4];
    for finding in findings {
        counts[finding.severity as usize] += 1;
    }
    let [info, granted, warning, refused] = counts;
    let mut words = Vec::new();
    if refused > 0 {
        words.push(format!("{refused} refused"));
    }
    if granted > 0 {
        words.push(format!("{granted} granted"));
    }
    if warning > 0 {
        words.push(super::words::count(warning, "warning"));
    }
    if info > 0 {
        words.push(super::words::count(info, "note"));
    }
    words.join(", ")
}

/// A block of lines, the heaviest first.
#[must_use]
pub fn lines(findings: &[Finding], painter: Painter) -> String {
    let mut order: Vec<&Finding> = findings.iter().collect();
    order.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text = String::new();
    for finding in order.iter().take(MAX_TOLD) {
        let word = painter.paint(tone(finding.severity), finding.severity.as_str());
        let task = finding.task.as_ref();
        let about = task.map_or_else(String::new, |task| format!("{task}: "));
        let message = sanitize(&finding.message);
        let code = sanitize(&finding.code);
        writeln!(text, "  {word}[{code}] {about}{message}").expect("into a string");
        if let Some(fix) = &finding.suggested_fix {
            writeln!(text, "      fix: {}", sanitize(fix)).expect("into a string");
        }
    }
    let more = findings.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        writeln!(text, "  … and {more} more; `-o json` has them all").expect("into a string");
    }
    text
}

const fn tone(severity: FindingSeverity) -> Tone {
    match severity {
        FindingSeverity::Refused => Tone::Bad,
        FindingSeverity::Granted | FindingSeverity::Warning => Tone::Warn,
        FindingSeverity::Info => Tone::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: FindingSeverity, message: &str) -> Finding {
        Finding {
            code: "some-code".into(),
            severity,
            message: message.into(),
            task: Some("fetch".parse().unwrap()),
            suggested_fix: (severity == FindingSeverity::Refused).then(|| "do this".into()),
        }
    }

    #[test]
    fn the_heaviest_comes_first_and_nothing_moves_a_cursor() {
        let findings = [
            finding(FindingSeverity::Info, "by the way"),
            finding(FindingSeverity::Refused, "no\u{1b}[2J"),
            finding(FindingSeverity::Warning, "hm"),
        ];
        insta::assert_snapshot!(lines(&findings, Painter::PLAIN), @r#"
        refused[some-code] fetch: no\x1b[2J
            fix: do this
        warning[some-code] fetch: hm
        info[some-code] fetch: by the way
        "#);
        assert_eq!(count(&findings), "1 refused, 1 warning, 1 note");
        let many = vec![finding(FindingSeverity::Info, "x"); 60];
        assert!(
            lines(&many, Painter::PLAIN).ends_with("  … and 10 more; `-o json` has them all\n")
        );
        assert_eq!(count(&many), "60 notes");
        assert_eq!(count(&[]), "");
    }
}
