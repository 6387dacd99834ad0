//! Whether the wall clock can be believed: it names runs and stands in every event.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::Finding;
use super::places::{Places, nearest_existing};

const GROUP: &str = "clock";

/// File systems of other machines stamp with their own clocks; a difference below this is none.
const SLACK: Duration = Duration::from_secs(5);

pub(super) fn examine(places: &Places) -> Vec<Finding> {
    let now = SystemTime::now();
    let program = std::env::current_exe().ok();
    let runs = nearest_existing(&places.runs);
    vec![
        against(
            "wall clock",
            now,
            program.as_deref().and_then(modified),
            "orchestra itself was installed",
        ),
        against(
            "file times",
            now,
            modified(&runs),
            "something was last made where runs are kept",
        ),
        monotonic(),
    ]
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs_err::metadata(path).ok()?.modified().ok()
}

/// Time does not go back behind what has already happened.
fn against(name: &'static str, now: SystemTime, past: Option<SystemTime>, what: &str) -> Finding {
    let ahead = past.and_then(|past| past.duration_since(now).ok());
    match ahead.filter(|ahead| *ahead > SLACK) {
        None => Finding::ok(GROUP, name, format!("it is later than when {what}")),
        Some(ahead) => {
            let said = format!("{} s before {what}", ahead.as_secs());
            Finding::ok(GROUP, name, said)
                .warn("set the clock, or have it kept (chrony, timesyncd)")
        }
    }
}

/// Limits and delays are measured with it; a virtual machine without a steady one would break them.
fn monotonic() -> Finding {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let source = fs_err::read_to_string(path).unwrap_or_default();
    let source = match source.trim() {
        "" => "unnamed",
        named => named,
    };
    Finding::ok(GROUP, "monotonic clock", format!("source {source}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_past_that_is_ahead_is_worth_a_look() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let level = |past| against("x", now, past, "y").level;
        assert_eq!(level(None), Level::Ok);
        assert_eq!(level(Some(now - Duration::from_secs(9))), Level::Ok);
        assert_eq!(level(Some(now + SLACK)), Level::Ok);
        assert_eq!(level(Some(now + SLACK * 2)), Level::Warn);
    }
}
