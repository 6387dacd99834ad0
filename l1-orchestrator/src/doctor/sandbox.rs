//! What confines tasks. This build confines nothing, and says so; what the kernel could do is told
//! for those who plan ahead.

use super::finding::Finding;

const GROUP: &str = "sandbox";

pub(super) fn examine() -> Vec<Finding> {
    vec![
        Finding::ok(GROUP, "level", "none: tasks run with your rights, network included").warn(
            "run only scenarios you trust, or run orchestra in a container; this build has no other level",
        ),
        Finding::ok(GROUP, "kernel", kernel()),
    ]
}

/// What a later build could use.
fn kernel() -> String {
    let lsm = fs_err::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let namespaces = fs_err::read_to_string("/proc/sys/user/max_user_namespaces");
    let namespaces = namespaces.is_ok_and(|text| text.trim().parse().is_ok_and(|n: u64| n > 0));
    let landlock = match lsm.is_empty() {
        true => "Landlock unknown",
        false if lsm.split(',').any(|one| one.trim() == "landlock") => "Landlock there",
        false => "no Landlock",
    };
    let namespaces = match namespaces {
        true => "user namespaces there",
        false => "no user namespaces",
    };
    format!("{landlock}, {namespaces}; not used yet")
}
