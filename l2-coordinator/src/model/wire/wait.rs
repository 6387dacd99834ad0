//! How long a provider asks to wait.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// Longest wait that is believed at all; more is as good as never.
const MAX_WAIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// `retry-after-ms`, else `retry-after` in seconds, whole or not, or as a date of HTTP, which is taken
/// against the server's own `date` where it sends one. What makes no sense is as if it were not there.
pub(crate) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str, unit: f64| {
        let seconds = text.parse::<f64>().ok()? * unit;
        let is_sane = seconds >= 0.0 && seconds <= MAX_WAIT.as_secs_f64();
        is_sane.then(|| Duration::from_secs_f64(seconds))
    };
    let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 0.001)) {
        return Some(wait);
    }
    let after = text("retry-after")?;
    if let Some(wait) = number(after, 1.0) {
        return Some(wait);
    }
    let server_now = text("date").and_then(date).unwrap_or(now);
    // A moment that has passed is no wait.
    let wait = date(after)?.duration_since(server_now).as_secs().max(0);
    let wait = Duration::from_secs(wait.unsigned_abs());
    (wait <= MAX_WAIT).then_some(wait)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn every_form_of_a_wait_is_read() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let late = "Fri, 20 Nov 2026 12:01:30 GMT";
        for (given, wait_ms) in [
            (vec![("retry-after", "3")], Some(3_000)),
            (vec![("retry-after", "0.25")], Some(250)),
            (vec![("retry-after", " 1 ")], Some(1_000)),
            (
                vec![("retry-after-ms", "40"), ("retry-after", "9")],
                Some(40),
            ),
            (
                vec![("retry-after-ms", "x"), ("retry-after", "9")],
                Some(9_000),
            ),
            (vec![("retry-after", late)], Some(90_000)),
            // A server whose clock is an hour late.
            (
                vec![
                    ("retry-after", late),
                    ("date", "Fri, 20 Nov 2026 12:01:00 GMT"),
                ],
                Some(30_000),
            ),
            (
                vec![("retry-after", "Fri, 20 Nov 2026 11:00:00 GMT")],
                Some(0),
            ),
            (vec![("retry-after", "Fri, 20 Nov 2326 11:00:00 GMT")], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "inf")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &given {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            let wait = asked_wait(&headers, now);
            assert_eq!(wait, wait_ms.map(Duration::from_millis), "{given:?}");
        }
    }
}
