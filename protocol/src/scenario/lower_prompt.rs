//! Tree to draft: a question to a model. Whether it makes sense is said by the plan check.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Problems};
use crate::expr::Template;
use crate::plan::{DraftContext, Effort, Fallback, ModelChoice, Parse, Tier, whole_number};

use super::fields::{Fields, read};
use super::lower::text;
use super::lower_task::small;
use super::tree::{Kind, NodeId, Tree};
use super::values::natural;
use super::words_prompt::{FALLBACK, MODEL, PARSE};

/// Which of them are files is said when the inputs are known.
pub(super) fn context(written: Vec<String>) -> Vec<DraftContext> {
    let written = written.into_iter().map(|reference| DraftContext {
        file: false,
        reference,
    });
    written.collect()
}

/// The schema as it stands there, or the path of a file with one.
pub(super) fn schema(tree: &Tree<'_>, task: &Fields, problems: &mut Problems) -> Option<Value> {
    let id = task.get("output_schema")?;
    if let Some(path) = tree.text(id) {
        return Some(Value::from(path));
    }
    refuse_fractions(tree, id, problems);
    Some(natural(tree, id))
}

/// Values as they look are whole numbers or texts; what stands for a fraction here shall not become a text.
fn refuse_fractions(tree: &Tree<'_>, id: NodeId, problems: &mut Problems) {
    if tree.kind(id) == Kind::Plain {
        let text = tree.text(id).unwrap_or_default();
        let is_number = text.contains(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok();
        if is_number && whole_number(text).is_none() {
            let message = "a number that is not whole; a plan has no others";
            let problem = Diagnostic::error("schema-shape", message).at(tree.span(id));
            problems.push(problem.help("quote it if it is a text"));
        }
    }
    for inner in tree.children(id) {
        refuse_fractions(tree, *inner, problems);
    }
}

pub(super) fn parse(tree: &Tree<'_>, task: &Fields, problems: &mut Problems) -> Option<Parse> {
    let id = task.get("parse")?;
    if tree.kind(id) != Kind::Map {
        return Parse::from_word(tree.text(id)?);
    }
    let fields = read(tree, id, &PARSE, problems);
    Some(Parse::CodeBlock(text(tree, &fields, "code_block")))
}

pub(super) fn model(
    tree: &Tree<'_>,
    task: &Fields,
    problems: &mut Problems,
) -> Option<ModelChoice> {
    let map = task.get("model")?;
    let fields = read(tree, map, &MODEL, problems);
    let word = |key| tree.text(fields.get(key)?);
    Some(ModelChoice {
        tier: word("tier").and_then(Tier::from_word).unwrap_or_default(),
        max_tokens: fields.get("max_tokens").and_then(|id| small(tree, id)),
        effort: word("effort").and_then(Effort::from_word),
    })
}

/// None where all that is written was reported: that it says nothing is no second problem.
pub(super) fn fallback(
    tree: &Tree<'_>,
    task: &Fields,
    problems: &mut Problems,
) -> Option<Fallback> {
    let map = task.get("fallback")?;
    let fields = read(tree, map, &FALLBACK, problems);
    let fallback = Fallback {
        prompt: text(tree, &fields, "prompt").map(Template::new),
        tier: fields
            .get("tier")
            .and_then(|id| Tier::from_word(tree.text(id)?)),
    };
    let is_reported = fallback == Fallback::default() && tree.entries(map).next().is_some();
    (!is_reported).then_some(fallback)
}
