//! Tests of [`super::eval`] against a small scope.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Condition, ExprError, Scope, Template};
use crate::artifact::{Artifact, SealedFile};
use crate::digest::Digest;

struct Facts {
    inputs: Value,
    outputs: Value,
    artifact: Artifact,
    failed: bool,
}

impl Facts {
    fn new() -> Self {
        let file = SealedFile {
            path: "artifacts/a/n".into(),
            bytes: 3,
            sha256: Digest::of(b"abc"),
        };
        Self {
            inputs: json!({"text": "v1", "n": 3, "on": true, "areas": ["x", "y"], "none": null}),
            outputs: json!({"count": 7, "long": "a".repeat(1000), "deep": {"k": [1, 2]}}),
            artifact: Artifact {
                name: "notes".into(),
                media_type: "text/plain".into(),
                directory: false,
                left_out: 0,
                files: vec![file],
            },
            failed: false,
        }
    }
}

impl Scope for Facts {
    fn input(&self, name: &str) -> Option<&Value> {
        self.inputs.get(name)
    }
    fn output(&self, task: &str, name: &str) -> Option<Cow<'_, Value>> {
        let found = (task == "a").then(|| self.outputs.get(name)).flatten();
        found.map(Cow::Borrowed)
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        (name == "item").then(|| &self.outputs["deep"])
    }
    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact> {
        (task == "a" && name == "notes").then_some(&self.artifact)
    }
    fn status(&self, task: &str) -> Option<&str> {
        (task == "a").then_some("done")
    }
    fn failure(&self) -> bool {
        self.failed
    }
}

fn render(text: &str) -> Result<Value, ExprError> {
    Template::new(text).render(&Facts::new())
}

fn text(text: &str) -> String {
    Template::new(text).render_text(&Facts::new()).expect(text)
}

fn holds(text: &str) -> Result<bool, ExprError> {
    Condition::new(text).evaluate(&Facts::new())
}

#[test]
fn a_whole_value_keeps_its_type() {
    assert_eq!(render("${{ inputs.n }}"), Ok(json!(3)));
    assert_eq!(render("${{ inputs.areas }}"), Ok(json!(["x", "y"])));
    assert_eq!(
        render("${{ tasks.a.outputs.deep }}"),
        Ok(json!({"k": [1, 2]}))
    );
    assert_eq!(render("${{ tasks.a.outputs.deep.k[1] }}"), Ok(json!(2)));
    assert_eq!(render("${{ inputs.on }}"), Ok(json!(true)));
    assert_eq!(render("n=${{ inputs.n }}"), Ok(json!("n=3")));
    assert_eq!(render("plain"), Ok(json!("plain")));
}

#[test]
fn text_is_written_plainly() {
    assert_eq!(text("${{ inputs.text }}-${{ inputs.n + 1 }}"), "v1-4");
    assert_eq!(text("${{ inputs.on }}"), "true");
    assert_eq!(text("${{ inputs.areas }}"), "[\"x\",\"y\"]");
    assert_eq!(text("<${{ inputs.none }}>"), "<>");
    assert_eq!(text("${{ inputs.areas | join(',') | upper }}"), "X,Y");
    assert_eq!(text("${{ '${{' }} stays"), "${{ stays");
    assert_eq!(text("${{ tasks.a.status }}"), "done");
}

#[test]
fn artifacts_have_facts_but_are_not_text() {
    assert_eq!(text("${{ tasks.a.artifacts.notes.size }}"), "3");
    assert_eq!(text("${{ tasks.a.artifacts.notes.name }}"), "notes");
    assert_eq!(
        text("${{ tasks.a.artifacts.notes.sha256 }}"),
        Digest::of(b"abc").to_string()
    );
    let whole = Template::new("${{ tasks.a.artifacts.notes }}").render_text(&Facts::new());
    assert_eq!(whole, Err(ExprError::ArtifactAsText));
}

#[test]
fn undefined_is_an_error_that_names_it() {
    for missing in [
        "tasks.a.outputs.nope",
        "inputs.nope",
        "tasks.b.status",
        "tasks.a.artifacts.x.size",
    ] {
        let expected = Err(ExprError::Undefined {
            reference: missing.to_owned(),
        });
        assert_eq!(render(&format!("${{{{ {missing} }}}}")), expected);
        assert_eq!(render(&format!("x ${{{{ {missing} ~ 'a' }}}}")), expected);
    }
    assert_eq!(
        render("${{ tasks.a.outputs.nope | default('-') }}"),
        Ok(json!("-"))
    );
    assert_eq!(holds("tasks.a.outputs.nope is defined"), Ok(false));
}

#[test]
fn conditions_are_strictly_true_or_false() {
    assert_eq!(
        holds("tasks.a.outputs.count > 0 and inputs.text == 'v1'"),
        Ok(true)
    );
    assert_eq!(holds("'z' in inputs.areas"), Ok(false));
    assert_eq!(
        holds("inputs.text"),
        Err(ExprError::NotBool { kind: "text" })
    );
    assert_eq!(
        holds("tasks.a.outputs.count"),
        Err(ExprError::NotBool { kind: "a number" })
    );
}

#[test]
fn functions_see_the_needs() {
    assert_eq!(holds("always()"), Ok(true));
    assert_eq!(holds("failure()"), Ok(false));
    let failed = Facts {
        failed: true,
        ..Facts::new()
    };
    assert_eq!(Condition::new("failure()").evaluate(&failed), Ok(true));
    assert_eq!(
        Condition::new("not failure() or inputs.on").evaluate(&failed),
        Ok(true)
    );
    assert!(matches!(
        render("${{ failure() }}"),
        Err(ExprError::Syntax { .. })
    ));
}

#[test]
fn values_are_bounded() {
    let grow = "${{ tasks.a.outputs.long | replace('a', tasks.a.outputs.long) }}";
    assert_eq!(text(grow).len(), 1_000_000);
    let more = "${{ tasks.a.outputs.long | replace('a', tasks.a.outputs.long) }}".repeat(2);
    let error = Template::new(more).render_text(&Facts::new()).unwrap_err();
    assert_eq!(error, ExprError::TooLarge { bytes: 2_000_000 });
}

#[test]
fn type_errors_name_the_expression() {
    let error = render("${{ inputs.text + 1 }}").unwrap_err();
    assert!(
        error.to_string().starts_with("`inputs.text + 1`: "),
        "{error}"
    );
}

#[test]
fn deep_expressions_are_refused_not_overflowing() {
    let pieces = [
        "(",
        "[",
        "-",
        "not ",
        "{'a':",
        "1+",
        "1 if 1 else ",
        "a.",
        "inputs.n|abs|",
        "1 and ",
        "1 < ",
        "inputs.n[",
        "1 in ",
        "1 ~ ",
        "1 is eq ",
        "inputs.n(",
        "inputs.n|default(",
    ];
    for piece in pieces {
        for count in [10, 12, 30, 32, 60, 80, 120, 200, 4000 / piece.len()] {
            for tail in ["", "1"] {
                let source = format!("{}{tail}", piece.repeat(count));
                let outcome = render(&format!("${{{{ {source} }}}}"));
                assert!(outcome.is_err() || source.len() < 1000, "{source}");
            }
        }
    }
}
