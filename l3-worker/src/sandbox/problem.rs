//! Why a confinement is not to be had, for people: which step, why, and what helps.

use std::io;

use protocol::policy::{Confine, Guarantee};

use crate::launcher::Unavailable;

/// What helps where user namespaces are denied.
pub(super) const NAMESPACES: &str = "allow user namespaces (kernel.unprivileged_userns_clone=1, \
    kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0; in a container, \
    a seccomp profile that allows unshare), or choose --sandbox landlock";

/// Set-up failed as a whole.
pub(super) fn broken(step: &str, error: &io::Error) -> Unavailable {
    let why = plain(error);
    Unavailable {
        guarantee: None,
        message: format!("the sandbox cannot be set up: {step}: {why}"),
    }
}

/// The kernel or the host denies namespaces.
pub(super) fn denied(step: &str, error: &io::Error) -> Unavailable {
    let why = plain(error);
    Unavailable {
        guarantee: None,
        message: format!("the sandbox `strict` cannot be set up: {step}: {why}; {NAMESPACES}"),
    }
}

/// A set-up that failed as a whole keeps none of what is required: the first of it is named.
pub(super) fn naming(unavailable: Unavailable, confine: &Confine) -> Unavailable {
    let first = || confine.require.first().copied();
    Unavailable {
        guarantee: unavailable.guarantee.or_else(first),
        ..unavailable
    }
}

/// One promise cannot be kept.
pub(super) fn missing(guarantee: Guarantee, message: String) -> Unavailable {
    Unavailable {
        guarantee: Some(guarantee),
        message,
    }
}

/// As the kernel says it, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_the_reason_and_the_remedy_are_told() {
        let denied = denied("unshare", &io::Error::from_raw_os_error(1));
        let message = denied.message;
        for part in ["unshare: operation not permitted;", "--sandbox landlock"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
