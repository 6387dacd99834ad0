//! The reference in `docs/` says what this build does: it is written from the tree of commands, the
//! tables of settings and exit codes, the schema and the failure classes, and a page that differs fails.
//!
//! `UPDATE_DOCS=1 cargo test -p l1-orchestrator --test integration docs::reference` writes the pages.

mod commands;
mod failures;
mod scenario;
mod settings;

use crate::docs::text::root;

/// What stands at the top of a page that nobody edits.
const NOTE: &str = "<!-- Written by tests/docs/reference.rs; UPDATE_DOCS=1 writes it anew. -->";

/// Compares a page with what it should be, or writes it.
fn check(name: &str, title: &str, body: &str) {
    let wanted = format!("{NOTE}\n# {title}\n\n{}\n", body.trim());
    let path = root().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(&path, wanted).unwrap();
        return;
    }
    let there = fs_err::read_to_string(&path).unwrap();
    if there == wanted {
        return;
    }
    let differs = there.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    panic!("docs/{name} is out of date at {differs:#?}; UPDATE_DOCS=1 writes it anew");
}

/// A table of Markdown; a bar in a cell is no border.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let mut text = line(&heads);
    text.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
    text.extend(rows.iter().map(|row| line(row)));
    text
}

#[test]
fn commands_are_the_tree() {
    check("commands.md", "Commands", &commands::page());
}

#[test]
fn the_scenario_reference_is_the_schema() {
    check("scenario.md", "Scenario reference", &scenario::page());
}

#[test]
fn settings_are_the_table() {
    check("settings.md", "Settings and environment", &settings::page());
}

#[test]
fn failures_are_the_enums() {
    check("failures.md", "Failures and exit codes", &failures::page());
}
