//! Files that people write for orchestra.

use super::finding::Finding;
use super::places::Places;

const GROUP: &str = "settings";

pub(super) fn examine(places: &Places) -> Vec<Finding> {
    let finding = match &places.settings {
        Ok(files) if files.is_empty() => Finding::ok(GROUP, "files", "none; defaults hold"),
        Ok(files) => {
            let names: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            Finding::ok(GROUP, "files", names.join(", "))
        }
        Err(error) => {
            let first = error.problems.as_ref().and_then(|problems| {
                let problem = problems.list.first()?;
                Some((problem.line(&problems.source), problem.help.clone()))
            });
            let (said, help) = first.unwrap_or_else(|| {
                let help = error.hints.first().cloned();
                (error.message.clone(), help)
            });
            let fix = help.unwrap_or_else(|| "`orchestra config show` has the details".to_owned());
            Finding::ok(GROUP, "files", said).fail(fix)
        }
    };
    vec![finding]
}
