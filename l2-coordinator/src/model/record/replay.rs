//! A model that answers from a cassette, and from nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use protocol::budget::CacheUse;
use protocol::digest::Digest;

use super::cassette::Cassette;
use super::miss::{asked_too_often, never_asked};
use crate::model::{ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress};

/// Recorded replies: the n-th answer to a request when it is asked the n-th time.
#[derive(Debug)]
pub struct Replay {
    cassette: Cassette,
    /// Places of the calls with this request, in order.
    places: HashMap<Digest, Vec<usize>>,
    /// How often each was asked.
    asked: Mutex<HashMap<Digest, usize>>,
}

impl Replay {
    /// Of a cassette, from its beginning.
    #[must_use]
    pub fn new(cassette: Cassette) -> Self {
        let mut places: HashMap<Digest, Vec<usize>> = HashMap::new();
        for (at, call) in cassette.calls.iter().enumerate() {
            places.entry(call.digest).or_default().push(at);
        }
        Self {
            cassette,
            places,
            asked: Mutex::default(),
        }
    }

    /// Passes over the next answer to a request: an earlier life of the run was given it.
    pub fn skip(&self, request: Digest) {
        self.next(request);
    }

    /// How often the request was asked before.
    fn next(&self, request: Digest) -> usize {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(request).or_default();
        *count += 1;
        *count - 1
    }
}

#[async_trait]
impl Model for Replay {
    fn provider(&self) -> &'static str {
        self.cassette.provider
    }

    fn cache(&self) -> CacheUse {
        self.cassette.cache
    }

    fn is_fixture(&self) -> bool {
        self.cassette.fixture
    }

    async fn call(
        &self,
        request: &ModelRequest,
        _: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let digest = request.digest().map_err(|error| {
            ModelError::new(
                ErrorKind::Refused,
                format!("the request has no digest: {error}"),
            )
        })?;
        let Some(places) = self.places.get(&digest) else {
            return Err(never_asked(&self.cassette, request));
        };
        let before = self.next(digest);
        match places.get(before) {
            Some(at) => self.cassette.calls[*at].outcome.clone(),
            None => Err(asked_too_often(places.len(), before)),
        }
    }
}
