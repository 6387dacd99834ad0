//! What one attempt is given.

use std::collections::BTreeMap;

use protocol::ids::TaskId;
use protocol::message::PromptMessage;
use protocol::plan::OutputType;

use super::context::Material;

/// One prompt task, with everything read that it names.
#[derive(Clone, Copy, Debug)]
pub struct PromptTask<'a> {
    /// Whose it is.
    pub task: &'a TaskId,
    /// What is asked, and of whom.
    pub prompt: &'a PromptMessage,
    /// The context of it, read, in the order it was named.
    pub material: &'a [Material],
    /// Declared outputs.
    pub outputs: &'a BTreeMap<String, OutputType>,
    /// Declared artifacts: name to path.
    pub artifacts: &'a BTreeMap<String, String>,
}
