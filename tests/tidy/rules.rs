//! What source text must not contain.

use super::tree::{Source, sources};

/// Lines with `pattern` outside comments, as `path:line: text`.
fn hits<'a>(source: &'a Source, text: &'a str, pattern: &'a str) -> impl Iterator<Item = String> {
    let lines = text.lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(move |(_, line)| line.contains(pattern))
        .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
}

/// All hits of all patterns in the shipped part of the files that `applies` chooses.
fn shipped_hits(applies: impl Fn(&Source) -> bool, patterns: &[&str]) -> Vec<String> {
    let sources = sources(&[".rs"]);
    let chosen: Vec<_> = sources.iter().filter(|source| applies(source)).collect();
    assert!(!chosen.is_empty(), "the files this rule is about moved");
    chosen
        .iter()
        .flat_map(|source| {
            patterns
                .iter()
                .flat_map(|one| hits(source, source.shipped(), one))
        })
        .collect()
}

/// The heart is a value: time and chance arrive as inputs, effects leave as data.
#[test]
fn the_machine_has_no_clock_no_dice_and_no_io() {
    let machine = |source: &Source| {
        source.path.starts_with("l2-coordinator/src/machine/") && !source.is_test()
    };
    let found = shipped_hits(
        machine,
        &[
            "async ",
            ".await",
            "tokio",
            "Instant",
            "SystemTime",
            "Timestamp::now",
            "rand::",
            "Uuid::now",
            "std::env",
            "std::fs",
            "fs_err",
            "std::net",
            "std::process",
            "std::thread",
            "Mutex",
            "static ",
        ],
    );
    // `'static ` is a lifetime.
    let found: Vec<_> = found
        .into_iter()
        .filter(|hit| !hit.contains("'static "))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The ground is values; only the bus has behavior.
#[test]
fn the_ground_reads_no_clock_and_no_environment() {
    let ground = |source: &Source| {
        source.path.starts_with("protocol/src/")
            && !source.path.starts_with("protocol/src/bus/")
            && !source.is_test()
    };
    let patterns = [
        "Instant::now",
        "SystemTime::now",
        "std::env",
        "std::process",
        "fs_err",
        "tokio::",
    ];
    let found = shipped_hits(ground, &patterns);
    assert!(found.is_empty(), "{found:#?}");
}

/// One place talks to the terminal.
#[test]
fn nothing_prints_past_the_printer() {
    let silent = |source: &Source| !source.is_test() && source.path.contains("/src/");
    let found = shipped_hits(
        silent,
        &["println!(", "print!(", "dbg!(", "todo!(", "unimplemented!("],
    );
    assert!(found.is_empty(), "{found:#?}");
}

/// Exceptions expire: `expect` fails when its reason is gone, `allow` never does. And a test that is
/// ignored, or waits for luck, guards nothing.
#[test]
fn no_exception_outlives_its_reason() {
    let all = |source: &Source| source.path != "tests/tidy/rules.rs";
    let found: Vec<_> = sources(&[".rs"])
        .iter()
        .filter(|source| all(source))
        .flat_map(|source| {
            [
                "#[allow(",
                "#![allow(",
                "#[ignore",
                "serde(flatten",
                "serde(untagged",
            ]
            .into_iter()
            .flat_map(|one| hits(source, &source.text, one))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// A machine's own folders have no place in the product.
#[test]
fn no_path_of_one_machine_is_written_down() {
    let private = concat!("/wo", "rk/");
    let endings = [
        ".rs", ".toml", ".md", ".yaml", ".yml", ".sh", ".json", ".py", "run",
    ];
    // Only at a path's start: a folder of that name deeper down is anyone's.
    let is_absolute = |before: &str| {
        !before.ends_with(|last: char| last.is_alphanumeric() || "}>.*_-)".contains(last))
    };
    let mut found = Vec::new();
    for source in sources(&endings) {
        for (number, line) in source.text.lines().enumerate() {
            if line
                .match_indices(private)
                .any(|(at, _)| is_absolute(&line[..at]))
            {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
