//! Scenarios to start from, embedded as they stand in `l1-orchestrator/templates`: each one runs as it
//! is, without a network.

/// One of them.
#[derive(Debug)]
pub struct Template {
    /// How it is asked for, and called unless told otherwise.
    pub name: &'static str,
    /// What it shows, one sentence.
    pub about: &'static str,
    text: &'static str,
}

macro_rules! template {
    ($name:literal, $about:literal) => {
        Template {
            name: $name,
            about: $about,
            text: include_str!(concat!("../templates/", $name, ".yaml")),
        }
    };
}

static ALL: &[Template] = &[
    template!("minimal", "Two tasks, a value and a file handed on."),
    template!(
        "build-matrix",
        "A build for every combination, then tests and one package."
    ),
    template!(
        "map-reduce",
        "Work split into parts at run time, done at once, put together."
    ),
    template!(
        "data-pipeline",
        "Rows fetched, checked, transformed, summed up; retries and a guard."
    ),
    template!(
        "release",
        "Version, tests, package, smoke test; publishing only when told so."
    ),
    template!(
        "repo-audit",
        "Several looks at a source tree at once, on one page."
    ),
];

/// All of them, the simplest first.
#[must_use]
pub fn all() -> &'static [Template] {
    ALL
}

/// The one of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Template> {
    ALL.iter().find(|template| template.name == name)
}

impl Template {
    /// The text of a scenario called `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> String {
        let own = format!("\nname: {}\n", self.name);
        self.text.replacen(&own, &format!("\nname: {name}\n"), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bears_its_name_and_points_to_its_schema() {
        for template in all() {
            let text = template.named("another");
            assert!(text.contains("\nname: another\n"), "{}", template.name);
            let first = "# yaml-language-server: $schema=.orchestra/scenario-v1.json\n";
            assert!(text.starts_with(first), "{}", template.name);
            assert!(template.about.ends_with('.'), "{}", template.name);
        }
    }
}
