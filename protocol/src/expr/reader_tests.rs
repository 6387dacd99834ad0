//! What is read of an expression without evaluating it, and what is said about slips.

use super::reader::{Facts, facts};
use super::reference::{ExprProblem, Target};

fn read(source: &str) -> (Facts, Vec<ExprProblem>) {
    let mut problems = Vec::new();
    let facts = facts(source, 0, source.len(), true, &mut problems);
    (facts, problems)
}

#[test]
fn finds_every_reference_with_its_place() {
    let source = "tasks.a.outputs.n + inputs.x|length > 3 and tasks.b.status == 'done'";
    let (facts, problems) = read(source);
    assert_eq!(problems, []);
    let spans: Vec<_> = facts
        .references
        .iter()
        .map(|r| &source[r.span.start as usize..r.span.end as usize])
        .collect();
    assert_eq!(spans, ["tasks.a.outputs.n", "inputs.x", "tasks.b.status"]);
    assert_eq!(
        facts.references[2].target,
        Target::Status { task: "b".into() }
    );
}

#[test]
fn artifacts_and_json_outputs_may_go_deeper() {
    let (facts, problems) = read("[tasks.a.artifacts.n.sha256, tasks.a.outputs.j.deep[0].x]");
    assert_eq!(problems, []);
    assert_eq!(facts.references.len(), 2);
}

#[test]
fn functions_are_facts() {
    let (facts, problems) = read("failure() and inputs.x");
    assert_eq!(problems, []);
    assert!(facts.failure && !facts.always && !facts.branches);
    assert!(read("always()").0.always);
    assert!(read("failure() or inputs.x").0.branches);
}

#[test]
fn refusals_name_the_fix() {
    let cases = [
        (
            "tasks.a-b.outputs.x",
            "`tasks.a` is not a whole reference",
            "`-` is subtraction here; ids use `_`",
        ),
        (
            "tasks['a'].status",
            "`tasks` is not a whole reference",
            "write `tasks.NAME`, not an index",
        ),
        (
            "tasks.a.output.x",
            "`tasks.a.output.x` names nothing",
            "did you mean `tasks.a.outputs`?",
        ),
        (
            "tasks.a.artifacts.x.sha",
            "an artifact has no `sha`",
            "an artifact has `.name`, `.sha256` and `.size`",
        ),
        (
            "inputs.x | lenght",
            "there is no filter `lenght`",
            "did you mean `length`?",
        ),
        (
            "length(inputs.x)",
            "there is no function `length`",
            "write `value | length`",
        ),
        (
            "alway()",
            "there is no function `alway`",
            "did you mean `always()`?",
        ),
        (
            "secrets.x",
            "secrets reach a task through its environment only",
            "grant it: `secrets: [x]`; the task finds it as the variable `x`",
        ),
        (
            "tasks.a.status == 'success'",
            "no task ends as `success`",
            "write `'done'`",
        ),
        (
            "'faild' != tasks.a.status",
            "no task ends as `faild`",
            "did you mean `'failed'`?",
        ),
        (
            "tasks.a.status in ['done', \"error\"]",
            "no task ends as `error`",
            "write `'failed'`",
        ),
        (
            "tasks.a.status == 'x y'",
            "no task ends as `x y`",
            "tasks end as `done`, `failed`, `skipped` or `cancelled`",
        ),
    ];
    for (source, message, help) in cases {
        let (_, problems) = read(source);
        let first = problems.first().expect(source);
        assert_eq!(
            (first.message.as_str(), first.help.as_deref()),
            (message, Some(help)),
            "{source}"
        );
    }
}

#[test]
fn bounds_hold() {
    assert_eq!(read(&"1 + ".repeat(2000)).1[0].code, "expression-too-long");
    assert_eq!(
        read("'a' * 9").1[0].message,
        "there is no `*` in expressions"
    );
    assert_eq!(
        read("9 ** 9").1[0].message,
        "there is no `**` in expressions"
    );
    assert_eq!(read("  ").1[0].message, "empty expression");
    assert_eq!(read("'abc").1[0].message, "text without its closing quote");
}
