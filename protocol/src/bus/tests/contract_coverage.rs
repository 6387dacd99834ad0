//! A case that is written but not listed would pass by never running.

#[test]
fn every_contract_case_is_listed() {
    let suite = include_str!("../contract/mod.rs");
    let list = include_str!("../contract/list.rs");
    let modules = [
        ("acks", include_str!("../contract/acks.rs")),
        ("bounds", include_str!("../contract/bounds.rs")),
        ("core", include_str!("../contract/core.rs")),
        ("dedup", include_str!("../contract/dedup.rs")),
        ("load", include_str!("../contract/load.rs")),
        ("queue", include_str!("../contract/queue.rs")),
        ("setup", include_str!("../contract/setup.rs")),
    ];
    let mut cases = 0;
    for (module, text) in modules {
        assert!(suite.contains(&format!("pub mod {module};")), "{module}");
        for line in text
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "))
        {
            let case = line.split('(').next().unwrap();
            assert!(
                list.contains(&format!(" {module}::{case},")),
                "{module}::{case} never runs"
            );
            cases += 1;
        }
    }
    assert_eq!(
        suite.matches("\npub mod ").count(),
        modules.len(),
        "a module is not looked at"
    );
    assert!(cases >= 50, "only {cases} cases found");
}
