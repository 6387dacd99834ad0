//! Places outside a run directory, by the XDG rules.

use std::env;
use std::path::PathBuf;

use crate::cli::error::CliError;

/// The user's key, which signs seals.
///
/// # Errors
/// Neither `XDG_STATE_HOME` nor `HOME` says where state is kept.
pub fn user_key() -> Result<PathBuf, CliError> {
    let state = state_dir().ok_or_else(no_home)?;
    Ok(state.join("orchestra/keys/user.key"))
}

/// The user's settings; none when there is no place for them.
#[must_use]
pub fn user_settings() -> Option<PathBuf> {
    let home = absolute("XDG_CONFIG_HOME").or_else(|| home().map(|home| home.join(".config")))?;
    Some(home.join("orchestra/config.yaml"))
}

/// Which projects the user trusts; none when there is no place for state.
#[must_use]
pub fn trust() -> Option<PathBuf> {
    Some(state_dir()?.join("orchestra/trust.json"))
}

/// The user's home, where the environment says so.
#[must_use]
pub fn home() -> Option<PathBuf> {
    absolute("HOME")
}

/// The directory that a variable names. A relative one is to be ignored, by the XDG rules.
fn absolute(variable: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
}

/// Where state of all programs is kept; none when the environment does not say.
#[must_use]
pub fn state_dir() -> Option<PathBuf> {
    absolute("XDG_STATE_HOME").or_else(|| home().map(|home| home.join(".local/state")))
}

/// There is no place for state.
#[must_use]
pub fn no_home() -> CliError {
    CliError::not_ready(
        "no-home",
        "there is no place for your signing key and your trust",
    )
    .hint("set HOME or XDG_STATE_HOME to an absolute path")
}

/// `PATH` for tasks: the caller's, absolute entries only, so that a task's workspace is never
/// searched for programs.
#[must_use]
pub fn task_path() -> String {
    let given = env::var_os("PATH").unwrap_or_default();
    let absolute = env::split_paths(&given).filter(|entry| entry.is_absolute());
    let joined = env::join_paths(absolute)
        .ok()
        .and_then(|path| path.into_string().ok());
    joined
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| l3_worker::DEFAULT_PATH.into())
}

/// The trace id of a `TRACEPARENT` that the caller set.
#[must_use]
pub fn inherited_trace_id() -> Option<String> {
    trace_id(&env::var("TRACEPARENT").ok()?)
}

fn trace_id(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = hex(version, 2) && hex(trace, 32) && hex(span, 16);
    let zero = trace.bytes().all(|b| b == b'0') || version == "ff";
    (fits && !zero).then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            trace_id(&format!("00-{trace}-00f067aa0ba902b7-01")).as_deref(),
            Some(trace)
        );
        let zero = "0".repeat(32);
        for bad in [
            "",
            "00",
            &format!("00-{zero}-00f067aa0ba902b7-01"),
            "00-x-y-z",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
