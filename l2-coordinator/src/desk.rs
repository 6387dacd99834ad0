//! Where calls of models come to the driver's journal: each word waits for its answer, which comes once
//! what was said is synced.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::budget::{CallId, Reserved, Settled};
use tokio::sync::{mpsc, oneshot};

use crate::machine::Unreserved;
use crate::model::{CallJournal, JournalError};

/// Words that wait for the driver. Whoever has more to say waits in line: one is said per slot at a time.
const WORDS: usize = 64;

/// What is said of one call, and the way back.
pub(crate) enum Word {
    Reserve(Box<Reserved>, oneshot::Sender<Result<CallId, Unreserved>>),
    Settle(Box<Settled>, oneshot::Sender<()>),
}

/// The driver's side and everybody else's.
pub(crate) fn desk() -> (Desk, mpsc::Receiver<Word>) {
    let (words, inbox) = mpsc::channel(WORDS);
    (Desk { words }, inbox)
}

/// Takes calls into the journal of a run that is driven.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    words: mpsc::Sender<Word>,
}

impl Desk {
    pub(crate) fn journal(&self) -> Arc<dyn CallJournal> {
        Arc::new(self.clone())
    }

    /// Says something and waits for the answer.
    async fn say<T>(
        &self,
        word: impl FnOnce(oneshot::Sender<T>) -> Word,
    ) -> Result<T, JournalError> {
        let (way, answer) = oneshot::channel();
        self.words.send(word(way)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

fn gone() -> JournalError {
    JournalError::Closed("nobody drives the run any more".into())
}

#[async_trait]
impl CallJournal for Desk {
    async fn reserve(&self, ask: Reserved) -> Result<CallId, JournalError> {
        let answer = self.say(|way| Word::Reserve(Box::new(ask), way)).await?;
        answer.map_err(|why| match why {
            Unreserved::Exhausted(exhausted) => JournalError::Exhausted(exhausted),
            Unreserved::Closed(why) => JournalError::Closed(why.to_owned()),
        })
    }

    async fn settle(&self, settled: Settled) -> Result<(), JournalError> {
        self.say(|way| Word::Settle(Box::new(settled), way)).await
    }
}
