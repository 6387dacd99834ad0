//! What is told of an attempt while it goes on: its log, its findings, its last reply. Bounded, and of no
//! influence on anything.

use protocol::event::ModelEnd;
use protocol::outcome::Failure;
use protocol::policy::{Finding, context_finding, one_line, prompt_findings};

use super::context::Context;
use super::outcome::Outcome;
use super::results::Results;
use super::task::PromptTask;
use crate::model::Asked;

/// Findings of one attempt; a context of hostile files says the same again.
const MAX_FINDINGS: usize = 16;
/// Lines of one attempt's log.
const MAX_SAID: usize = 200;
/// Characters of a name in a line.
const MAX_NAME: usize = 120;

/// What is told so far.
pub(super) struct Told {
    text: String,
    said: Vec<String>,
    end: ModelEnd,
}

impl Told {
    /// With what was left out of the context, and what in it addresses a model.
    pub(super) fn of(work: &PromptTask<'_>, context: &Context) -> Self {
        let mut told = Self {
            text: String::new(),
            said: Vec::new(),
            end: ModelEnd {
                model: String::new(),
                calls: 0,
                findings: Vec::new(),
            },
        };
        for line in &context.said {
            told.find(context_finding(line.clone(), Some(work.task)));
            told.say(line.clone());
        }
        for material in work.material {
            let text = String::from_utf8_lossy(&material.bytes);
            let what = format!("`{}`", one_line(&material.label, MAX_NAME));
            for finding in prompt_findings(&what, &text, Some(work.task)) {
                told.find(finding);
            }
        }
        told
    }

    /// One line of the log.
    pub(super) fn say(&mut self, line: String) {
        if self.said.len() < MAX_SAID {
            self.said.push(line);
        }
    }

    fn find(&mut self, finding: Finding) {
        let findings = &mut self.end.findings;
        if findings.len() < MAX_FINDINGS && !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// A call is about to be made.
    pub(super) fn asks(&mut self, model: &str) {
        model.clone_into(&mut self.end.model);
        self.end.calls += 1;
    }

    /// A reply came.
    pub(super) fn heard(&mut self, asked: &Asked, work: &PromptTask<'_>) {
        let reply = &asked.reply;
        let recalled = if asked.recalled { ", paid before" } else { "" };
        let name = one_line(&reply.model, MAX_NAME);
        let tokens = reply.usage().total();
        self.say(format!("{name}: {tokens} tokens{recalled}"));
        self.text.clone_from(&reply.text);
        for finding in &reply.findings {
            self.find(finding.clone());
        }
        for finding in prompt_findings("the reply", &reply.text, Some(work.task)) {
            self.find(finding);
        }
    }

    /// The end of an attempt that succeeded.
    pub(super) fn done(self, results: Results) -> Outcome {
        Outcome {
            failure: None,
            outputs: results.outputs,
            files: results.files,
            text: self.text,
            said: self.said,
            end: self.end,
        }
    }

    /// The end of one that did not.
    pub(super) fn failed(self, failure: Failure) -> Outcome {
        Outcome {
            failure: Some(failure),
            ..self.done(Results::default())
        }
    }
}
