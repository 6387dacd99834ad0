//! What a task asks for, before and at its start.

use std::collections::BTreeSet;

use super::limits::Timeout;
use super::request::Effects;
use crate::ids::TaskId;
use crate::plan::Workspace;

/// What one task asks for. Before its start parts of the command line can be open.
#[derive(Clone, Debug)]
pub struct TaskAsk<'a> {
    /// Its id as shown, items of fan-outs with their index.
    pub id: &'a TaskId,
    /// Program and arguments; `None` for an argument that is not known yet.
    pub argv: Vec<Option<&'a str>>,
    /// What the program's path comes to once symbolic links are followed, where the caller knows.
    pub real_program: Option<&'a str>,
    /// Names of the variables it sets.
    pub env: BTreeSet<&'a str>,
    /// Where it works.
    pub workspace: Workspace,
    /// What it says it touches.
    pub effects: &'a Effects,
    /// Names of the secrets it asks for.
    pub secrets: &'a [String],
    /// Its own time limits.
    pub timeout: Timeout,
}
