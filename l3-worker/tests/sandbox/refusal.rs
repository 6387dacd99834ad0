//! What cannot be promised does not start: user namespaces denied, and promises nobody can keep.

use protocol::outcome::FailureClass;
use protocol::policy::{Guarantee, SandboxLevel};

use crate::filesystem;
use crate::network;
use crate::support::{Host, Kind, Payload, Policy, bash, on};

cases!(a_promise_that_cannot_be_kept_starts_nothing);

#[test]
fn root_without_user_namespaces() {
    on(
        Kind::RootDenied,
        "without_user_namespaces",
        strict_is_refused,
    );
}

#[test]
fn an_ordinary_user_without_user_namespaces() {
    on(
        Kind::OrdinaryDenied,
        "without_user_namespaces",
        strict_is_refused,
    );
}

/// Refused, with the promise that cannot be kept; never a weaker level instead.
fn strict_is_refused(host: &mut Host) {
    let off = host.sbx(
        &Policy::off(),
        &bash("unshare -U true && echo MADE; touch ran && echo RAN"),
    );
    assert!(off.says("RAN") && !off.says("MADE"), "{off}");
    let held = host.sbx(&Policy::at(SandboxLevel::Strict), &bash("echo RAN"));
    held.fails(FailureClass::SandboxUnavailable, None);
    assert!(!held.says("RAN"), "{held}");
    let named = Guarantee::ALL
        .iter()
        .any(|one| held.message().contains(one.as_str()));
    assert!(named, "{held}");
    // Chosen by name, landlock does what it says.
    filesystem::v03_the_home_and_its_secrets_are_hidden(host);
    filesystem::v04_nothing_outside_is_written(host);
    network::v16_no_network_is_no_network(host);
}

fn a_promise_that_cannot_be_kept_starts_nothing(host: &mut Host) {
    let mut policy = Policy::at(SandboxLevel::None);
    policy.confine.require.insert(Guarantee::FsWriteConfined);
    let held = host.sbx(&policy, &Payload::program(&["/bin/echo", "RAN"]));
    held.fails(FailureClass::SandboxUnavailable, None);
    assert!(
        held.message().contains("fs_write_confined") && !held.says("RAN"),
        "{held}"
    );
}
