//! Verbs by purpose, for the first screen and the long help of `orchestra` itself.

use clap::Command;

/// Purpose, and the verbs that serve it in the order one meets them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Write", &["init", "validate", "fmt", "graph", "schema"]),
    ("Run", &["run", "resume", "retry", "pause", "cancel"]),
    ("Look", &["list", "show", "watch", "logs", "report"]),
    ("Understand", &["explain", "diff", "stats", "verify"]),
    (
        "Set up",
        &[
            "doctor",
            "policy",
            "config",
            "trust",
            "completions",
            "man",
            "clean",
        ],
    ),
];

/// Where a verb without a group is listed; a test wants none there.
const REST: &str = "More";

/// One line a purpose.
pub(super) fn short(tree: &Command) -> String {
    let lines = groups(tree).into_iter().map(|(purpose, verbs)| {
        let names: Vec<&str> = verbs.iter().map(|verb| verb.get_name()).collect();
        format!("  {purpose:<10}  {}", names.join("  "))
    });
    format!("Commands:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// One line a verb.
pub(super) fn long(tree: &Command) -> String {
    let groups = groups(tree);
    let names = groups.iter().flat_map(|(_, verbs)| verbs);
    let width = names.map(|verb| verb.get_name().len()).max().unwrap_or(0);
    let parts = groups.iter().map(|(purpose, verbs)| {
        let lines = verbs.iter().map(|verb| {
            let about = verb.get_about().map(ToString::to_string);
            format!(
                "\n  {:<width$}  {}",
                verb.get_name(),
                about.unwrap_or_default()
            )
        });
        format!("{purpose}:{}", lines.collect::<String>())
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

/// The groups with the verbs that there are.
fn groups(tree: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let mut groups: Vec<(&str, Vec<&Command>)> = Vec::new();
    for (purpose, names) in GROUPS {
        let verbs = names
            .iter()
            .filter_map(|name| tree.find_subcommand(name))
            .filter(|verb| !verb.is_hide_set());
        groups.push((purpose, verbs.collect()));
    }
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let rest = tree
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && !grouped(verb.get_name()));
    groups.push((REST, rest.collect()));
    groups.retain(|(_, verbs)| !verbs.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_purpose() {
        let tree = super::super::command();
        let without: Vec<_> = groups(&tree)
            .into_iter()
            .filter(|(purpose, _)| *purpose == REST)
            .collect();
        assert!(without.is_empty(), "{without:?}");
        for name in GROUPS.iter().flat_map(|(_, names)| *names) {
            assert!(tree.find_subcommand(name).is_some(), "there is no {name}");
        }
    }
}
