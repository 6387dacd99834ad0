//! Replies that a journal has and that nothing has come of yet: a resumed run takes them instead of
//! paying again. A fold over the journal.

use std::collections::{BTreeMap, HashMap, VecDeque};

use protocol::budget::{CallId, Purpose};
use protocol::digest::Digest;
use protocol::event::EventKind;
use protocol::ids::TaskId;

/// What a reply answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) task: Option<TaskId>,
    pub(super) purpose: Purpose,
    pub(super) request: Digest,
}

/// Replies of earlier lives, by question, in the order in which they were asked.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    open: BTreeMap<CallId, Question>,
    replies: HashMap<Question, VecDeque<Digest>>,
}

impl Recall {
    /// Takes the next event of the journal in.
    pub fn apply(&mut self, kind: &EventKind) {
        match kind {
            EventKind::BudgetReserved(reserved) => {
                let question = Question {
                    task: reserved.task.clone(),
                    purpose: reserved.purpose,
                    request: reserved.request,
                };
                self.open.insert(reserved.call, question);
            }
            EventKind::BudgetSettled(settled) => {
                let question = self.open.remove(&settled.call);
                if let (Some(question), Some(reply)) = (question, settled.reply) {
                    self.replies.entry(question).or_default().push_back(reply);
                }
            }
            EventKind::PlanApproved { .. } => self.forget(|one| one.purpose == Purpose::Plan),
            // What an attempt was told is used up with it; an attempt that was cut off asks again.
            EventKind::AttemptFinished { task, .. }
            | EventKind::TaskDone { task, .. }
            | EventKind::TaskFailed { task, .. }
            | EventKind::TaskSkipped { task, .. }
            | EventKind::TaskCancelled { task }
            | EventKind::TaskReopened { task, .. }
            | EventKind::TaskExpanded {
                task,
                complete: true,
                ..
            } => self.forget(|one| one.task.as_ref() == Some(task)),
            _ => {}
        }
    }

    /// The next reply to a question, which is not given again.
    pub(super) fn take(&mut self, question: &Question) -> Option<Digest> {
        self.replies.get_mut(question)?.pop_front()
    }

    fn forget(&mut self, is_over: impl Fn(&Question) -> bool) {
        self.replies.retain(|question, _| !is_over(question));
    }
}
