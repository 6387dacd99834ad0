//! Replies that a journal has and that nothing has come of yet: whoever takes up an attempt that was cut
//! off takes them instead of paying again. A fold over the journal, shared by who writes it and who asks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

type Replies = HashMap<Question, VecDeque<Digest>>;

/// Replies of attempts that were cut off, by question, in the order in which they were asked. Clones are
/// the same one.
#[derive(Clone, Debug, Default)]
pub struct Recall(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    open: BTreeMap<CallId, Question>,
    /// With an attempt that goes on.
    given: Replies,
    /// To be given again.
    left: Replies,
}

impl Recall {
    /// Takes the next event of an earlier life of the run in: whoever asked then is gone.
    pub fn apply(&self, kind: &EventKind) {
        let mut inner = self.lock();
        if let Some((question, reply)) = inner.follow(kind) {
            inner.left.entry(question).or_default().push_back(reply);
        }
    }

    /// Takes the next event of this life in.
    pub fn follow(&self, kind: &EventKind) {
        let mut inner = self.lock();
        if let Some((question, reply)) = inner.follow(kind) {
            inner.given.entry(question).or_default().push_back(reply);
        }
    }

    /// The next reply to a question, which is not given again while its attempt goes on.
    pub(super) fn take(&self, question: &Question) -> Option<Digest> {
        let mut inner = self.lock();
        let reply = inner.left.get_mut(question)?.pop_front()?;
        let given = inner.given.entry(question.clone()).or_default();
        given.push_back(reply);
        Some(reply)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What the event says was replied, to what.
    fn follow(&mut self, kind: &EventKind) -> Option<(Question, Digest)> {
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
                return self.open.remove(&settled.call).zip(settled.reply);
            }
            EventKind::PlanApproved { .. } => self.forget(|one| one.purpose == Purpose::Plan),
            // An attempt that was cut off asks again.
            EventKind::LeaseLost { task, .. } => {
                self.release(|one| one.task.as_ref() == Some(task));
            }
            // What an attempt was told is used up with it.
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
        None
    }

    /// What was given first is given first again.
    fn release(&mut self, is_over: impl Fn(&Question) -> bool) {
        for (question, mut given) in self.given.extract_if(|question, _| is_over(question)) {
            let left = self.left.entry(question).or_default();
            given.append(left);
            *left = given;
        }
    }

    fn forget(&mut self, is_over: impl Fn(&Question) -> bool) {
        self.given.retain(|question, _| !is_over(question));
        self.left.retain(|question, _| !is_over(question));
    }
}

#[cfg(test)]
mod tests {
    use protocol::budget::{Reserved, Settled};
    use protocol::event::LeaseEnd;

    use super::*;

    fn question() -> Question {
        Question {
            task: Some("t".parse().unwrap()),
            purpose: Purpose::Prompt,
            request: Digest::of(b"request"),
        }
    }

    /// Call number `call`, set aside and answered.
    fn answered(call: u64) -> [EventKind; 2] {
        let Question {
            task,
            purpose,
            request,
        } = question();
        let reserved = Reserved {
            call: CallId(call),
            task,
            purpose,
            round: 0,
            provider: "scripted".into(),
            model: "m".into(),
            request,
            prompt: 1,
            output: 1,
            usd: None,
        };
        let settled = Settled {
            reply: Some(reply(call)),
            ..reserved.in_full(None)
        };
        [
            EventKind::BudgetReserved(Box::new(reserved)),
            EventKind::BudgetSettled(Box::new(settled)),
        ]
    }

    fn reply(call: u64) -> Digest {
        Digest::of(&call.to_le_bytes())
    }

    fn lost() -> EventKind {
        EventKind::LeaseLost {
            task: "t".parse().unwrap(),
            lease: "1-1".parse().unwrap(),
            cause: LeaseEnd::WorkerLost,
        }
    }

    #[test]
    fn an_attempt_that_was_cut_off_gives_back_what_it_was_told() {
        let recall = Recall::default();
        answered(1).iter().for_each(|kind| recall.follow(kind));
        assert_eq!(recall.take(&question()), None, "its attempt goes on");
        recall.follow(&lost());
        assert_eq!(recall.take(&question()), Some(reply(1)));
        answered(2).iter().for_each(|kind| recall.follow(kind));
        assert_eq!(recall.take(&question()), None);
        // Once more: in the order in which it was told.
        recall.follow(&lost());
        let both = [recall.take(&question()), recall.take(&question())];
        assert_eq!(both, [Some(reply(1)), Some(reply(2))]);
        let task = "t".parse().unwrap();
        recall.follow(&EventKind::TaskCancelled { task });
        recall.follow(&lost());
        assert_eq!(recall.take(&question()), None, "used up");
    }

    #[test]
    fn of_earlier_lives_everything_is_left_in_its_order() {
        let recall = Recall::default();
        for call in 1..=3 {
            answered(call).iter().for_each(|kind| recall.apply(kind));
        }
        for call in 1..=3 {
            assert_eq!(recall.take(&question()), Some(reply(call)));
        }
        assert_eq!(recall.take(&question()), None);
    }
}
