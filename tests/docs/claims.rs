//! What the documents point at is there: files behind links, tests behind invariants.

use crate::docs::text::{local_links, read, root};

#[test]
fn every_link_leads_to_a_file() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "scenarios/README.md",
        "runs/README.md",
        "docs/README.md",
        "docs/best-practices.md",
        "docs/commands.md",
        "docs/failures.md",
        "docs/scenario.md",
        "docs/settings.md",
    ] {
        let folder = root().join(document);
        let folder = folder.parent().unwrap();
        for link in local_links(&read(document)) {
            assert!(folder.join(&link).exists(), "{document} links to {link}");
        }
    }
}

/// Rows of all tables whose last column has one of these heads, as cells.
fn rows_of_tables(text: &str, heads: &[&str]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    // Before a table, in one that is not asked for, in one that is.
    let mut wanted: Option<bool> = None;
    for line in text.lines() {
        let Some(inner) = line.strip_prefix('|') else {
            wanted = None;
            continue;
        };
        let cells = inner.trim_end_matches('|').split(" | ");
        let cells: Vec<_> = cells.map(|cell| cell.trim().to_owned()).collect();
        match wanted {
            None => wanted = Some(heads.contains(&cells.last().unwrap().as_str())),
            Some(true) if line.contains(char::is_alphanumeric) => rows.push(cells),
            Some(_) => {}
        }
    }
    rows
}

/// Every test function of the tree.
fn tests_of_the_tree() -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !["target", ".git", "runs"].contains(&name) {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = fs_err::read_to_string(&path).unwrap();
                let functions = text
                    .split("fn ")
                    .skip(1)
                    .filter_map(|rest| rest.split_once('('));
                names.extend(functions.map(|(name, _)| name.to_owned()));
            }
        }
    }
    names
}

/// Each claim names what guards it, in the last column of its row: tests, or a script.
#[test]
fn every_claim_names_tests_that_exist() {
    let rows = rows_of_tables(&read("ARCHITECTURE.md"), &["guarded by", "test"]);
    assert!(rows.len() >= 15, "invariants and claims: {rows:?}");
    let known = tests_of_the_tree();
    let mut wrong = Vec::new();
    for row in rows {
        let guards: Vec<_> = row.last().unwrap().split('`').skip(1).step_by(2).collect();
        if guards.is_empty() {
            wrong.push(format!("nothing guards {row:?}"));
        }
        for guard in guards {
            let file = guard.split(' ').next().unwrap();
            let is_there = if file.contains('/') {
                root().join(file).is_file()
            } else {
                let name = guard.rsplit("::").next().unwrap();
                known.iter().any(|known| known == name)
            };
            if !is_there {
                wrong.push(format!("there is no `{guard}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
