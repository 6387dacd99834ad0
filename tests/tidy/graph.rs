//! Who may import whom: an arrow added to a `Cargo.toml` is a design decision.

use std::collections::BTreeSet;

use super::tree::{metadata, text};

/// Every crate, what it may import of ours, and outside crates it must never know.
const CRATES: [(&str, &[&str], &[&str]); 4] = [
    (
        "protocol",
        &[],
        &[
            "clap",
            "reqwest",
            "axum",
            "anstyle",
            "annotate-snippets",
            "tracing-subscriber",
            "nix",
        ],
    ),
    (
        "l2-coordinator",
        &["protocol"],
        &["clap", "async-nats", "anstyle", "annotate-snippets"],
    ),
    (
        "l3-worker",
        &["protocol"],
        &["clap", "async-nats", "reqwest", "minijinja", "petgraph"],
    ),
    (
        "l1-orchestrator",
        &["l2-coordinator", "l3-worker", "protocol"],
        &["petgraph"],
    ),
];

#[test]
fn the_crate_graph_is_the_drawn_one() {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<_> = packages
        .iter()
        .map(|package| text(package, "name"))
        .collect();
    assert_eq!(names, CRATES.map(|(name, ..)| name).into_iter().collect());
    for (name, ours, never) in CRATES {
        let package = packages
            .iter()
            .find(|package| text(package, "name") == name);
        let dependencies = package.expect("listed above")["dependencies"].as_array();
        let dependencies: BTreeSet<_> = dependencies
            .expect("dependencies")
            .iter()
            .map(|one| text(one, "name"))
            .collect();
        let imported: BTreeSet<_> = dependencies.intersection(&names).copied().collect();
        // Itself is its own test support at most.
        let allowed: BTreeSet<_> = ours.iter().copied().chain([name]).collect();
        assert!(
            imported.is_subset(&allowed),
            "{name} imports {imported:?}, may {allowed:?}"
        );
        let forbidden: Vec<_> = never
            .iter()
            .filter(|one| dependencies.contains(*one))
            .collect();
        assert!(forbidden.is_empty(), "{name} must not know {forbidden:?}");
    }
}

/// Nothing of the ground's weight is on by default, or everyone would carry it.
#[test]
fn the_ground_has_no_default_features() {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("packages");
    let protocol = packages
        .iter()
        .find(|package| text(package, "name") == "protocol");
    let default = &protocol.expect("the ground is a package")["features"]["default"];
    assert_eq!(default.as_array().map(Vec::len), Some(0), "{default}");
}
