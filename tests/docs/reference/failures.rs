//! The page of failure classes and exit codes.

use l1_orchestrator::exit_code;
use protocol::outcome::FailureClass;

use super::table;

pub fn page() -> String {
    let codes: Vec<Vec<String>> = exit_code::TABLE
        .iter()
        .map(|(code, meaning)| {
            let fix = exit_code::remedy(*code);
            vec![code.to_string(), (*meaning).to_owned(), fix.to_owned()]
        })
        .collect();
    let classes: Vec<Vec<String>> = FailureClass::ALL
        .iter()
        .map(|class| {
            let retried = if class.retried_by_default() {
                "yes"
            } else {
                "no"
            };
            vec![
                format!("`{class}`"),
                class.about().to_owned(),
                retried.to_owned(),
                class.advice().to_owned(),
            ]
        })
        .collect();
    format!(
        "## Exit codes\n\nOf `orchestra` itself. A task's own exit code never leaks into them.\n\n{}\n\
         When several apply, the first of: 130 or 143, 70, 8, 7, 4, 10, 1.\n\n\
         ## Failure classes\n\nWhy an attempt failed, as `report.md`, `events.jsonl` and \
         `retry: {{ when: [...] }}` name it. `retry: N` repeats those marked so; `when` chooses others.\n\n{}",
        table(&["code", "meaning", "what to do"], &codes),
        table(
            &["class", "meaning", "repeated by `retry: N`", "what to do"],
            &classes
        ),
    )
}
