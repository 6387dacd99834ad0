//! What was asked and answered while a plan was made: enough to say afterwards why it is as it is. Bodies are
//! named by digest, requests by the one that `budget.reserved` has; whoever made the calls keeps them.

use protocol::diagnostic::Diagnostic;
use protocol::digest::Digest;
use protocol::event::Example;
use protocol::policy::Finding;
use serde::Serialize;

use super::extract::Form;
use crate::model::{ModelReply, ModelRequest, Stop, Used};

/// One call, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// Digest of the request.
    pub request: Digest,
    /// Digest of the reply: domain `model-reply/v1`.
    pub reply: Digest,
    /// The model that answered.
    pub model: String,
    /// Why the reply ended.
    pub stop: Stop,
    /// How the object stood in the reply, if there was exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Why it is no plan, or what went back to the model about it.
    pub diagnostics: Vec<Diagnostic>,
    /// Tokens.
    pub used: Vec<Used>,
    /// What the reply itself was remarked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Everything, in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transcript {
    /// Version of the planner's words.
    pub prompt: &'static str,
    /// SHA-256 over them.
    pub prompt_digest: Digest,
    /// The examples that went with the question.
    pub examples: Vec<Example>,
    /// The calls.
    pub rounds: Vec<Round>,
}

impl Transcript {
    /// One more call, and what came of it.
    pub(super) fn push(
        &mut self,
        request: &ModelRequest,
        reply: &ModelReply,
        form: Option<Form>,
        diagnostics: Vec<Diagnostic>,
    ) {
        let digest = request.digest();
        self.rounds.push(Round {
            request: digest.expect("a request holds integers and texts only"),
            reply: reply_digest(reply),
            model: reply.model.clone(),
            stop: reply.stop.clone(),
            form,
            diagnostics,
            used: reply.used.clone(),
            findings: reply.findings.clone(),
        });
    }
}

/// The digest that a transcript names a reply by.
#[must_use]
pub fn reply_digest(reply: &ModelReply) -> Digest {
    Digest::of_canonical("model-reply/v1", reply).expect("a reply holds integers and texts only")
}
