//! The body of an answer, piece by piece, with its bounds: bytes in all, time in all, time without any.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::limits::{Limits, MAX_BODY_BYTES};
use super::transport::broken;
use crate::model::{ErrorKind, ModelError};

/// When a call is over, and how long the other side may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    wall: Duration,
    idle: Duration,
}

impl Deadline {
    /// Counted from now.
    pub(crate) fn start(limits: &Limits) -> Self {
        Self {
            at: Instant::now() + limits.wall,
            wall: limits.wall,
            idle: limits.idle,
        }
    }

    /// What is left of the whole.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The next thing the other side says.
    pub(crate) async fn next<T>(&self, heard: impl Future<Output = T>) -> Result<T, ModelError> {
        let silent = Instant::now() + self.idle;
        match timeout_at(silent.min(self.at), heard).await {
            Ok(heard) => Ok(heard),
            Err(_) if self.at <= silent => Err(self.wall_over()),
            Err(_) => {
                let message = format!("the provider was silent for {:?}", self.idle);
                Err(ModelError::new(ErrorKind::TimedOut, message))
            }
        }
    }

    fn wall_over(&self) -> ModelError {
        let message = format!("no whole reply within {:?}", self.wall);
        ModelError::new(ErrorKind::TimedOut, message)
    }
}

/// What is left of an answer.
pub(crate) struct Body {
    response: Response,
    deadline: Deadline,
    read: usize,
}

impl Body {
    /// Of this answer.
    pub(crate) fn new(response: Response, deadline: Deadline) -> Self {
        Self {
            response,
            deadline,
            read: 0,
        }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// It broke, took too long, was silent for too long, or is too large.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ModelError> {
        let piece = self.deadline.next(self.response.chunk()).await?;
        let piece = piece.map_err(|error| broken(&error))?;
        self.read += piece.as_ref().map_or(0, Bytes::len);
        if self.read > MAX_BODY_BYTES {
            let message = format!("the reply is larger than {MAX_BODY_BYTES} bytes");
            return Err(ModelError::new(ErrorKind::Fatal, message));
        }
        Ok(piece)
    }

    /// All of it, cut after `most` bytes: enough for an error.
    pub(crate) async fn cut(mut self, most: usize) -> Result<Vec<u8>, ModelError> {
        let mut all = Vec::new();
        while all.len() < most {
            let Some(piece) = self.next().await? else {
                break;
            };
            all.extend_from_slice(&piece[..piece.len().min(most - all.len())]);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn every_sign_of_life_begins_the_silence_anew_until_the_whole_is_over() {
        let limits = Limits {
            idle: SECOND * 10,
            wall: SECOND * 60,
            ..Limits::default()
        };
        let deadline = Deadline::start(&limits);
        for _ in 0..6 {
            assert_eq!(deadline.next(sleep(SECOND * 9)).await, Ok(()));
        }
        assert_eq!(deadline.left(), SECOND * 6);
        let error = deadline.next(sleep(SECOND * 9)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert_eq!(error.message, "no whole reply within 60s");

        let deadline = Deadline::start(&limits);
        let error = deadline.next(sleep(SECOND * 11)).await.unwrap_err();
        assert_eq!(error.message, "the provider was silent for 10s");
        assert_eq!(deadline.left(), SECOND * 50);
    }
}
